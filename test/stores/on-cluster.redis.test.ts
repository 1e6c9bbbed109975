import { beforeAll, describe } from 'vitest';
import { asOneServer, clearCluster, usePrivateCluster } from '../support/cluster.ts';
import { lendServer } from '../support/redis.ts';

const cluster = usePrivateCluster();
lendServer(asOneServer(cluster));

/** The suites of all stores of main, prompts and analytics: what holds on one server holds on three masters. */
const SUITES = {
  'api keys': () => import('./main/api-keys.redis.test.ts'),
  conversations: () => import('./main/conversations.redis.test.ts'),
  'ingest jobs': () => import('./main/ingest-jobs.redis.test.ts'),
  'queue workers': () => import('./main/queue-worker.redis.test.ts'),
  queues: () => import('./main/queues.redis.test.ts'),
  'rate limits': () => import('./main/rate-limits.redis.test.ts'),
  'response cache': () => import('./main/response-cache.redis.test.ts'),
  sessions: () => import('./main/sessions.redis.test.ts'),
  'system prompts': () => import('./prompts/system-prompts.redis.test.ts'),
  templates: () => import('./prompts/templates.redis.test.ts'),
  'user prompts': () => import('./prompts/user-prompts.redis.test.ts'),
  counters: () => import('./analytics/counters.redis.test.ts'),
  'error log': () => import('./analytics/error-log.redis.test.ts'),
  metrics: () => import('./analytics/metrics.redis.test.ts'),
  usage: () => import('./analytics/usage.redis.test.ts'),
};

for (const [name, load] of Object.entries(SUITES)) {
  describe(`${name} on a cluster`, async () => {
    beforeAll(() => clearCluster(cluster));
    await load();
  });
}
