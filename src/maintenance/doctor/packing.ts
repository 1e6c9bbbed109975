import { readChunkMemory } from '../../stores/knowledge/chunk-memory.ts';
import type { Check, Problem } from './check.ts';

/** Below this share of a chunk it is not worth a change of the server. */
const WORTH_TELLING = 0.05;

/** Servers of others keep chunks in many allocations unless told; servers that stacklore starts do not. */
export const packingCheck: Check = {
  name: 'packing',
  needs: 'search',
  async find({ databases: { knowledge }, vectorIndex, known }) {
    const problems: Problem[] = [];
    for (const collection of known) {
      const told = await vectorIndex.findTold(collection);
      // However few there are: more may come, and it is a setting of the server.
      const memory = await readChunkMemory(knowledge, collection, { told, savingsFrom: 1 });
      const { packedBytes = 0 } = memory?.savings ?? {};
      if (!memory || packedBytes < memory.hash.totalBytes * WORTH_TELLING) continue;
      problems.push({
        severity: 'warning',
        what: `Chunks of collection ${collection.name} are kept in many small allocations each.`,
        why: `They take about ${packedBytes} of ${memory.hash.totalBytes} bytes more than need be, and longer to write and to read.`,
        fix: "CONFIG SET hash-max-listpack-value 8192, and the same in the server's configuration file; chunks are packed when they are written again, or when the server is started again.",
      });
    }
    return problems;
  },
};
