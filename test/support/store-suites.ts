/** The suites of all stores of main, prompts and analytics: what holds on one server holds where keys lie in slots. */
export const STORE_SUITES = {
  'api keys': () => import('../stores/main/api-keys.redis.test.ts'),
  conversations: () => import('../stores/main/conversations.redis.test.ts'),
  'ingest jobs': () => import('../stores/main/ingest-jobs.redis.test.ts'),
  'interrupted steps': () => import('../stores/main/interrupted-steps.redis.test.ts'),
  'queue workers': () => import('../stores/main/queue-worker.redis.test.ts'),
  queues: () => import('../stores/main/queues.redis.test.ts'),
  'rate limits': () => import('../stores/main/rate-limits.redis.test.ts'),
  'response cache': () => import('../stores/main/response-cache.redis.test.ts'),
  sessions: () => import('../stores/main/sessions.redis.test.ts'),
  'system prompts': () => import('../stores/prompts/system-prompts.redis.test.ts'),
  templates: () => import('../stores/prompts/templates.redis.test.ts'),
  'user prompts': () => import('../stores/prompts/user-prompts.redis.test.ts'),
  counters: () => import('../stores/analytics/counters.redis.test.ts'),
  'error log': () => import('../stores/analytics/error-log.redis.test.ts'),
  metrics: () => import('../stores/analytics/metrics.redis.test.ts'),
  usage: () => import('../stores/analytics/usage.redis.test.ts'),
};
