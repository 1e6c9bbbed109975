import type { Operations } from './operation.ts';

/** A hit against GET with its count; a miss against look-up, lock and count, then storing and giving the lock back. */
export const cacheOperations: Operations = async (lore, client) => {
  const body = {
    hits: Array.from({ length: 10 }, (_, at) => ({ chunkId: `doc_${at}_chunk_0`, text: 'x'.repeat(400) })),
  };
  const json = JSON.stringify(body);
  return [
    {
      name: 'cache hit',
      // 64 addresses: equal ones at once would share one look-up.
      ours: (at) =>
        lore.responseCache.getOrCompute({ endpointName: 'counted', paramsName: String(at % 64) }, () => body),
      bare: async (at) => {
        const key = `cache:api:bare-counted:${at % 64}`;
        const [kept] = await client.multi().get(key).hIncrBy('bare:stats', 'hits', 1).exec();
        if (kept === null) await client.set(key, json, { EX: 300 });
        return JSON.parse(String(kept));
      },
    },
    {
      name: 'cache miss',
      ours: (at) =>
        lore.responseCache.getOrCompute({ endpointName: 'missed', paramsName: String(at) }, () => body),
      bare: async (at) => {
        const [key, lock] = [`cache:api:bare-missed:${at}`, `bare:lock:${at}`];
        await client
          .multi()
          .get(key)
          .set(lock, 'token', { condition: 'NX', expiration: { type: 'PX', value: 10_000 } })
          .hIncrBy('bare:stats', 'misses', 1)
          .exec();
        await client.multi().get(lock).set(key, JSON.stringify(body), { EX: 300 }).unlink(lock).exec();
      },
    },
  ];
};
