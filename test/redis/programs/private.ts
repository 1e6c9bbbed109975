/** Starts a private server, prints where it is, and waits to be killed: `private.ts FILES`. */
import { startPrivateRedis } from '../../../src/redis/private-redis.ts';

const redis = await startPrivateRedis({ files: JSON.parse(process.argv[2] ?? '') });
console.log(JSON.stringify({ pid: redis.pid, socketPath: redis.socketPath }));
setInterval(() => undefined, 1_000);
