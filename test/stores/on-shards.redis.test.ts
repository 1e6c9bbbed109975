import { beforeAll, describe } from 'vitest';
import { openControl } from '../../src/redis/control-connection.mjs';
import { lendServer } from '../support/redis.ts';
import { useShardedRedis } from '../support/sharded-proxy.ts';
import { STORE_SUITES } from '../support/store-suites.ts';

const redis = useShardedRedis();
lendServer(redis);

/** One of each way in which stores do without steps over several slots; all of them are held against a cluster. */
const SUITES = ['conversations', 'queues', 'response cache', 'sessions', 'system prompts', 'usage'] as const;

for (const name of SUITES) {
  describe(`${name} on several shards behind one address`, async () => {
    beforeAll(async () => {
      const control = await openControl(redis.socketPath);
      await control.send(['FLUSHALL']);
      control.close();
    });
    await STORE_SUITES[name]();
  });
}
