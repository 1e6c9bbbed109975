import type { Database } from '../../redis/databases.ts';
import type { UnreadableRecord } from '../../redis/hash.ts';
import type { CheckedMigration } from '../../schema/migration-request.ts';
import { whileArriving } from '../arrivals.ts';
import { type MoveParts, MoveSteps } from './move-steps.ts';
import { type MovedFamily, MoveTally } from './move-tally.ts';
import { MovedIndexes } from './moved-indexes.ts';
import { requireOtherPlace } from './place.ts';
import type { RunOptions } from './progress.ts';

/** What became of the knowledge records of another database. */
export interface MoveReport {
  readonly layout: 'stacklore';
  readonly dryRun: boolean;
  readonly move: boolean;
  readonly families: readonly MovedFamily[];
  /** Keys (of indexes, entries) that were copied, or with `dryRun` would be. */
  readonly copied: number;
  /** Equal in both places before anything was copied. */
  readonly alreadyThere: number;
  /** Keys compared on both sides afterwards and found equal. */
  readonly verified: number;
  readonly removed: number;
  /** Keys that changed while they were copied, or that the target lost: repeat. */
  readonly unequal: { readonly count: number; readonly keys: readonly string[] };
  /** Keys of a Redis type that no record has. */
  readonly skipped: { readonly count: number; readonly keys: readonly string[] };
  /** Collections of chunks that nobody has created: make them, and their chunks are found. */
  readonly uncreated: readonly string[];
  /** Collections of the target whose records cannot be read, so that their indexes were left as they are. */
  readonly unreadable: readonly UnreadableRecord[];
}

/**
 * Copies every knowledge record of another database to where knowledge is, with expiries and every byte, then compares
 * both sides, and with `move` removes from the source what is equal. What both have, such as the index of documents, is
 * put together. Repeated, it goes on. Throws before anything is written: `already_exists` when a key holds something else
 * at its target, `manifest_mismatch` for a collection that was made otherwise there, `search_unavailable` when the target
 * cannot be indexed.
 */
export async function moveKnowledge(
  parts: MoveParts,
  source: Database,
  { dryRun, move, ...options }: Pick<CheckedMigration, 'dryRun' | 'move'> & RunOptions,
): Promise<MoveReport> {
  await parts.vectorIndex.requireSearch();
  const { sameServer } = await requireOtherPlace(source, parts.knowledge);
  const tally = new MoveTally();
  const steps = new MoveSteps(parts, { source, tally, options });
  const shared = await steps.compare();
  tally.refuseCollisions();
  const indexes = new MovedIndexes(parts, { collections: steps.collections, hasFacts: steps.hasFacts });
  if (!dryRun) {
    await whileArriving(parts.knowledge, () => steps.copy(shared));
    // Deleting a key takes one of the same name in another number of its server out of the index.
    if (move && sameServer) await indexes.drop();
    await steps.verify(shared, move);
    await indexes.finish({ isAnew: move && sameServer });
  }
  return { layout: 'stacklore', dryRun, move, ...tally.report(), ...(await indexes.report()) };
}
