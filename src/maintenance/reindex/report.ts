import type { ReindexComparison } from './compare.ts';
import type { ReindexPlan } from './plan.ts';

/** What a reindex has done. */
export interface ReindexReport {
  readonly collection: string;
  /**
   * `planned`: nothing was done; `built`: the new index stands beside the live one; `switched`: it serves, and can be
   * rolled back; `finished` and `rolled-back`: one index is left.
   */
  readonly state: 'planned' | 'built' | 'switched' | 'finished' | 'rolled-back';
  /** What was told before; absent when finishing and rolling back. */
  readonly plan?: ReindexPlan;
  /** Chunks written by this call. */
  readonly chunks: number;
  readonly comparison?: ReindexComparison;
  readonly warnings: readonly string[];
}

/** What should be known of chunks that go without. */
export function warningsOf(left: number): string[] {
  if (left === 0) return [];
  return [
    `${left} ${left === 1 ? 'chunk holds' : 'chunks hold'} no text that could be embedded or analysed again, and will not be found by it. Ingest their documents again.`,
  ];
}
