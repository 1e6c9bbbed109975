import type { FusionMethod } from './request.ts';

/** One thing a side found, best first in its list; a larger value is better. */
export interface Scored {
  readonly key: string;
  readonly value: number;
}

/** What both sides found of one thing. */
export interface Fused {
  readonly key: string;
  /** Orders this one answer and means nothing beside another's. */
  readonly score: number;
  /** Places on each side, from 1; absent where that side did not find it. */
  readonly vectorRank?: number;
  readonly textRank?: number;
}

/** How two lists become one. */
export interface FusionOptions {
  readonly method: FusionMethod;
  /** The share of the vector side, 0 to 1. */
  readonly weight: number;
}

/** As in Cormack, Clarke and Büttcher 2009: how little the difference between two high ranks counts. */
const RRF_CONSTANT = 60;

/** What both sides found, each best first. */
export interface Sides {
  readonly vector: readonly Scored[];
  readonly text: readonly Scored[];
  /** Whether the words' side found all there is, so that everything else has none of the words. */
  readonly isTextComplete: boolean;
}

/**
 * Makes one order of two lists, best first. Scores of different kinds are comparable only after normalisation over
 * their lists. What a side did not find is taken to be as good as the worst it did find; where the words' side found
 * all there is, the others count as 0 in its list, so that the one chunk with a rare word stands out.
 */
export function fuse({ vector, text, isTextComplete }: Sides, { method, weight }: FusionOptions): Fused[] {
  const normalise = NORMALISERS[method];
  const ranks = new Map(text.map(({ key }, at) => [key, at]));
  const both = vector.reduce((count, { key }) => count + (ranks.has(key) ? 1 : 0), 0);
  const meanings = normalise(vector.map(({ value }) => value));
  // What the side is known to have found nothing in.
  const zeros = isTextComplete ? vector.length - both : 0;
  const words = normalise([...text.map(({ value }) => value), ...new Array<number>(zeros).fill(0)]);
  const [farthest, fewest] = [meanings.at(-1) ?? 0, words.at(-1) ?? 0];
  const score = (meaning = farthest, word = fewest) => weight * meaning + (1 - weight) * word;
  // Built without copies: this runs for hundreds of candidates in every search.
  const fused: Fused[] = [];
  for (const [at, { key }] of vector.entries()) {
    const rank = ranks.get(key);
    ranks.delete(key);
    if (rank === undefined) fused.push({ key, score: score(meanings[at]), vectorRank: at + 1 });
    else fused.push({ key, score: score(meanings[at], words[rank]), vectorRank: at + 1, textRank: rank + 1 });
  }
  for (const [key, rank] of ranks) {
    fused.push({ key, score: score(undefined, words[rank]), textRank: rank + 1 });
  }
  return fused.sort((a, b) => b.score - a.score || (a.key < b.key ? -1 : 1));
}

/** Scores, best first, on the scale of all lists; ranks alone need no more than their number. */
type Normaliser = (values: readonly number[]) => readonly number[];

const NORMALISERS: Readonly<Record<FusionMethod, Normaliser>> = {
  /** Standard deviations above the mean. */
  zscore(values) {
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
    const deviation = Math.sqrt(variance);
    return values.map((value) => (deviation > SMALLEST_SPREAD ? (value - mean) / deviation : 0));
  },
  /** The range from worst to best as 0 to 1. */
  minmax(values) {
    const [most = 0, least = 0] = [values[0], values.at(-1)];
    const spread = most - least;
    return values.map((value) => (spread > SMALLEST_SPREAD ? (value - least) / spread : 0));
  },
  rrf: (values) => values.map((_, at) => 1 / (RRF_CONSTANT + at + 1)),
};

/** Below it a list is taken for one value: float32 distances of equal vectors differ by less. */
const SMALLEST_SPREAD = 1e-6;
