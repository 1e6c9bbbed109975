/** How good one ranking is, each from 0 to 1. */
export interface Measures {
  /** Normalised discounted cumulative gain at k: linear gain, discounted by log2(rank + 1). */
  readonly ndcg: number;
  /** Share of the relevant documents among the first k. */
  readonly recall: number;
  /** Share of the relevant documents among the first 100. */
  readonly recallAt100: number;
  /** One divided by the rank of the first relevant document, 0 when it is not among the first k. */
  readonly mrr: number;
}

/** The names of the measures, in the order they are shown. */
export const MEASURES = ['ndcg', 'recall', 'recallAt100', 'mrr'] as const;

/** The depth of the recall that does not depend on k. */
export const RECALL_DEPTH = 100;

/**
 * Measures one ranking as trec_eval does: a grade of 1 or more is relevant, documents without a grade are not, and
 * relevant documents that no ranking can hold count as not found. `ranked` are document ids, best first, each once.
 * NaN where nothing is relevant.
 */
export function measureRanking(
  grades: ReadonlyMap<string, number>,
  ranked: readonly string[],
  { k }: { k: number },
): Measures {
  const gains = ranked.map((docId) => gainOf(grades.get(docId)));
  const ideal = [...grades.values()].map(gainOf).sort((a, b) => b - a);
  const relevant = ideal.filter((gain) => gain > 0).length;
  const found = (depth: number) => gains.slice(0, depth).filter((gain) => gain > 0).length;
  const first = gains.slice(0, k).findIndex((gain) => gain > 0);
  return {
    ndcg: discounted(gains, k) / discounted(ideal, k),
    recall: found(k) / relevant,
    recallAt100: found(RECALL_DEPTH) / relevant,
    mrr: first === -1 ? 0 : 1 / (first + 1),
  };
}

/** The mean of each measure; NaN of none. */
export function meanMeasures(all: readonly Measures[]): Measures {
  const mean = (name: keyof Measures) => all.reduce((sum, one) => sum + one[name], 0) / all.length;
  return { ndcg: mean('ndcg'), recall: mean('recall'), recallAt100: mean('recallAt100'), mrr: mean('mrr') };
}

/** Grades below 0 mean spam in some collections and earn nothing. */
function gainOf(grade = 0): number {
  return Math.max(0, grade);
}

function discounted(gains: readonly number[], k: number): number {
  return gains.slice(0, k).reduce((sum, gain, at) => sum + gain / Math.log2(at + 2), 0);
}
