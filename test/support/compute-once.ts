import { setTimeout as sleep } from 'node:timers/promises';
import { openStacklore } from '../../src/stacklore.ts';

/**
 * Asks the response cache for one answer that takes a while, and counts in Redis who computes it. Arguments: URL of
 * the server, milliseconds of the computation, the answer. Prints `computing` and the answer.
 */
const [url = '', computeMs = '0', answer = ''] = process.argv.slice(2);
const lore = openStacklore({ redisUrl: url }, { env: process.env });
try {
  // Connected first, however busy the machine is: a cache that does not answer in time is done without.
  await lore.databases.main.send(['PING']);
  const { value } = await lore.responseCache.getOrCompute(
    { endpointName: 'slow', params: { of: 'all' } },
    async () => {
      await lore.databases.main.send(['INCR', 'test:computations']);
      process.stdout.write('computing\n');
      await sleep(Number(computeMs));
      return { answer };
    },
  );
  process.stdout.write(`${JSON.stringify(value)}\n`);
} finally {
  await lore.close();
}
