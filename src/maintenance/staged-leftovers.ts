import type { Database } from '../redis/databases.ts';
import { runScript } from '../redis/script.ts';
import { isId } from '../schema/key.ts';
import { reindexRecord } from '../schema/knowledge.ts';
import { stagedChunkRecord, stagedDocumentRecord } from '../schema/staged.ts';
import { arrivalsKey, arriving } from './arrivals.ts';
import type { Removal } from './orphans.ts';
import { pacedKeys } from './paced-keys.ts';
import type { Sample } from './sample.ts';
import { UNLINK_STAGED } from './scripts/unlink-staged.ts';

/**
 * Deletes what was staged for a reindex that is no more, as one that was interrupted while its collection was dropped
 * leaves it. Throws `busy` while records are brought in.
 */
export async function removeStagedLeftovers(
  knowledge: Database,
  { dryRun, ...pace }: Removal,
  removed: Sample,
): Promise<void> {
  for (const { key } of [stagedChunkRecord, stagedDocumentRecord]) {
    for await (const page of pacedKeys(knowledge, key.pattern, { ...pace, type: 'hash' })) {
      const places = page.flatMap((one) => {
        const collection = key.parse(one)?.collection;
        return isId(collection) ? [{ one, reindex: reindexRecord.key.build({ collection }) }] : [];
      });
      const left = await runScript<number[] | null>(knowledge, UNLINK_STAGED, {
        keys: [arrivalsKey(), ...places.flatMap(({ one, reindex }) => [one, reindex])],
        args: [dryRun ? '1' : '0'],
      });
      if (!left) throw arriving();
      for (const number of left) removed.add(places[number]?.one ?? '');
    }
  }
}
