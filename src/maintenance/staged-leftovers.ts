import type { Database } from '../redis/databases.ts';
import { runScript } from '../redis/script.ts';
import { isId } from '../schema/key.ts';
import { reindexRecord } from '../schema/knowledge.ts';
import { stagedChunkRecord, stagedDocumentRecord } from '../schema/staged.ts';
import { arrivalsKey, arriving, requireNoArrivals } from './arrivals.ts';
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
      for (const one of await unlinkStaged(knowledge, places, dryRun)) removed.add(one);
    }
  }
}

interface StagedPlace {
  readonly one: string;
  /** The key of the reindex it is staged for. */
  readonly reindex: string;
}

async function unlinkStaged(
  knowledge: Database,
  places: readonly StagedPlace[],
  dryRun: boolean,
): Promise<string[]> {
  if (knowledge.isCluster) return unlinkStagedInSteps(knowledge, places, dryRun);
  const left = await runScript<number[] | null>(knowledge, UNLINK_STAGED, {
    keys: [arrivalsKey(), ...places.flatMap(({ one, reindex }) => [one, reindex])],
    args: [dryRun ? '1' : '0'],
  });
  if (!left) throw arriving();
  return left.map((number) => places[number]?.one ?? '');
}

/** Their keys lie in different slots of a cluster, where nothing is staged: it can only have been restored, and no step is in a hurry. */
async function unlinkStagedInSteps(knowledge: Database, places: readonly StagedPlace[], dryRun: boolean) {
  const running = await knowledge.pipeline<number>(places.map(({ reindex }) => ['EXISTS', reindex]));
  const left = places.filter((_, at) => running[at] === 0).map(({ one }) => one);
  if (!dryRun && left.length > 0) await requireNoArrivals(knowledge);
  const done = await knowledge.pipeline<number>(left.map((one) => [dryRun ? 'EXISTS' : 'UNLINK', one]));
  return left.filter((_, at) => done[at] === 1);
}
