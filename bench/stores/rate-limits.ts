import type { Operations } from './operation.ts';

/** A hit against count, window, rest of the window and the server's time in one MULTI. */
export const rateLimitOperations: Operations = async (lore, client) => [
  {
    name: 'rate limit hit',
    ours: (at) => lore.rateLimits.hit(`client_${at % 100}`, 'ours', { limit: 1_000_000 }),
    bare: (at) => {
      const key = `ratelimit:client_${at % 100}:bare`;
      return client.multi().incr(key).expire(key, 60, 'NX').pTTL(key).time().exec();
    },
  },
];
