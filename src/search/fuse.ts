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

/**
 * Makes one order of two lists, best first. Scores of different kinds are comparable only after normalisation over
 * their lists; what one side did not find is taken to be as good as the worst it did find.
 */
export function fuse(
  { vector, text }: { vector: readonly Scored[]; text: readonly Scored[] },
  { method, weight }: FusionOptions,
): Fused[] {
  const normalise = NORMALISERS[method];
  const sides = [side(vector, normalise), side(text, normalise)] as const;
  const keys = new Set([...vector, ...text].map(({ key }) => key));
  const fused = Array.from(keys, (key): Fused => {
    const [a, b] = [sides[0].places.get(key), sides[1].places.get(key)];
    return {
      key,
      score: weight * (a?.value ?? sides[0].worst) + (1 - weight) * (b?.value ?? sides[1].worst),
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

type Normaliser = (values: readonly number[]) => { values: readonly number[]; worst: number };

function side(list: readonly Scored[], normalise: Normaliser): Side {
  const { values, worst } = normalise(list.map(({ value }) => value));
  return {
    places: new Map(list.map(({ key }, at) => [key, { rank: at + 1, value: values[at] as number }])),
    worst,
  };
}

const NORMALISERS: Readonly<Record<FusionMethod, Normaliser>> = {
  /** Standard deviations above the list's mean. */
  zscore(values) {
    const mean = values.reduce((sum, value) => sum + value, 0) / (values.length || 1);
    const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length || 1);
    const deviation = Math.sqrt(variance);
    const scaled = values.map((value) => (deviation > SMALLEST_SPREAD ? (value - mean) / deviation : 0));
    return { values: scaled, worst: scaled.length > 0 ? Math.min(...scaled) : 0 };
  },
  /** The list's range as 0 to 1. */
  minmax(values) {
    const [least, most] = [Math.min(...values), Math.max(...values)];
    const spread = most - least;
    return {
      values: values.map((value) => (spread > SMALLEST_SPREAD ? (value - least) / spread : 1)),
      worst: 0,
    };
  },
  /** Ranks alone. */
  rrf(values) {
    return { values: values.map((_, at) => 1 / (RRF_CONSTANT + at + 1)), worst: 0 };
  },
};

/** Below it a list is taken for one value: float32 distances of equal vectors differ by less. */
const SMALLEST_SPREAD = 1e-6;
