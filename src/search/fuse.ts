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
  const keys = new Set([...vector, ...text].map(({ key }) => key));
  const normalise = NORMALISERS[method];
  const meanings = side(vector, normalise, 0);
  const words = side(text, normalise, isTextComplete ? keys.size - text.length : 0);
  const fused = Array.from(keys, (key): Fused => {
    const [a, b] = [meanings.places.get(key), words.places.get(key)];
    return {
      key,
      score: weight * (a?.value ?? meanings.worst) + (1 - weight) * (b?.value ?? words.worst),
      ...(a && { vectorRank: a.rank }),
      ...(b && { textRank: b.rank }),
    };
  });
  return fused.sort((a, b) => b.score - a.score || (a.key < b.key ? -1 : 1));
}

interface Side {
  readonly places: ReadonlyMap<string, { readonly rank: number; readonly value: number }>;
  readonly worst: number;
}

/** Scores, best first, on the scale of all lists; ranks alone need no more than their number. */
type Normaliser = (values: readonly number[]) => readonly number[];

/** `zeros` are what the side is known to have found nothing in. */
function side(list: readonly Scored[], normalise: Normaliser, zeros: number): Side {
  const values = normalise([...list.map(({ value }) => value), ...new Array<number>(zeros).fill(0)]);
  return {
    places: new Map(list.map(({ key }, at) => [key, { rank: at + 1, value: values[at] as number }])),
    worst: values.at(-1) ?? 0,
  };
}

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
