import { setTimeout as sleep } from 'node:timers/promises';
import { tendIndex } from '../../src/maintenance/auto-index/tend-index.ts';
import type { Stacklore } from '../../src/stacklore.ts';
import { Collections } from '../../src/stores/knowledge/collections.ts';
import { Reindexes } from '../../src/stores/knowledge/reindexes.ts';
import { VectorIndex } from '../../src/stores/knowledge/vector-index.ts';
import { COLLECTION, checkStored, type FaultReport, openWorkCollection, Work } from './work-under-faults.ts';

/** How servers are killed while a program works. */
export interface ChaosPlan {
  /** With an embedder whose vectors depend on words. */
  readonly lore: Stacklore;
  readonly kills: number;
  /** Seeded, so that a failure can be met again. */
  readonly random: () => number;
  /** Kills a server at once and brings it back, unless the program does that itself. */
  readonly kill: () => Promise<void>;
  /** What was acknowledged so shortly before a kill may be lost; by default nothing. */
  readonly mayLoseMs?: number;
  readonly hasRecords?: boolean;
}

export interface ChaosReport extends FaultReport {
  /** How often another index of the collection was begun, and how often one took over. */
  readonly begun: number;
  readonly switched: number;
}

const SHORTEST_WAIT_MS = 200;
const LONGEST_WAIT_MS = 800;
const PAUSE_MS = 20;
/** Indexes are built and switched all the time, to one kind and back. */
const ALL_HNSW = { hnswFrom: 1, flatBelow: 0 };
const ALL_FLAT = { hnswFrom: Number.POSITIVE_INFINITY, flatBelow: Number.POSITIVE_INFINITY };

/**
 * Ingests, replaces, deletes and searches while servers are killed and the collection's index changes its kind again and
 * again. Throws an `Error` naming what was lost, stored in part or twice, or answered wrongly.
 */
export async function surviveKills(plan: ChaosPlan): Promise<ChaosReport> {
  const { lore, kills, random, kill, mayLoseMs, hasRecords = true } = plan;
  await openWorkCollection(lore);
  const counts = { begun: 0, switched: 0 };
  const work = new Work(lore, { hasRecords, beside: [() => tend(lore, counts)] });
  for (let n = 0; n < kills; n += 1) {
    await Promise.race([sleep(SHORTEST_WAIT_MS + random() * LONGEST_WAIT_MS), work.failed]);
    const at = performance.now();
    await kill();
    if (mayLoseMs !== undefined) work.mayHaveLost(at - mayLoseMs);
  }
  await Promise.race([sleep(LONGEST_WAIT_MS), work.failed]);
  const report = await work.stop();
  await checkStored(lore, work);
  return { ...report, ...counts };
}

async function tend(lore: Stacklore, counts: { begun: number; switched: number }): Promise<void> {
  const { knowledge } = lore.databases;
  const tended = await tendIndex(
    {
      ...{ knowledge, collections: new Collections(knowledge), vectorIndex: new VectorIndex(knowledge) },
      reindexes: new Reindexes(knowledge, { tendingMs: 300 }),
      // As searches remember what serves for a second.
      graceMs: 1_200,
      bounds: counts.switched % 2 === 0 ? ALL_HNSW : ALL_FLAT,
    },
    COLLECTION,
  );
  if (tended === 'begun') counts.begun += 1;
  if (tended === 'switched') counts.switched += 1;
  await sleep(PAUSE_MS);
}
