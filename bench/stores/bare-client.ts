import { createClient } from 'redis';
import type { PrivateRedis } from '../../src/redis/private-redis.ts';

/** A plain node-redis client of the bench's server, on the database number given. */
export async function openBareClient(redis: PrivateRedis, database = 0) {
  const client = createClient({ socket: { path: redis.socketPath, tls: false }, RESP: 2, database });
  await client.connect();
  return client;
}
