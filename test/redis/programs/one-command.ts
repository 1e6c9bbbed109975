import { loadConfig } from '../../../src/config.ts';
import { connectDatabases } from '../../../src/redis/databases.ts';

// Sends one command to the server named by its argument, closes, and ends when nothing keeps it alive.
const config = loadConfig({
  settings: { redisUrl: process.argv[2] ?? '', commandTimeoutMs: 3_600_000, connectTimeoutMs: 500 },
  env: {},
});
const databases = connectDatabases(config);
console.log(await databases.main.send(['PING']).catch((error: { code: string }) => error.code));
await databases.close();
