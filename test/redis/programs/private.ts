/** Starts a private server, says where it is, and waits to be killed unless told to forget: `private.ts FILES [forget]`. */
import { startPrivateRedis } from '../../../src/redis/private-redis.ts';

const [files = '', mode] = process.argv.slice(2);
const redis = await startPrivateRedis({ files: JSON.parse(files) });
console.log(JSON.stringify({ pid: redis.pid, socketPath: redis.socketPath }));
if (mode !== 'forget') setInterval(() => undefined, 1_000);
