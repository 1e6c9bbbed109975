/** What the difference of two settings over the same queries is worth. */
export interface Difference {
  /** Mean over the queries; above 0 when the second setting is better. */
  readonly mean: number;
  /** The 95 % bootstrap interval of that mean. */
  readonly low: number;
  readonly high: number;
  /** How often chance alone gives a mean this far from 0, by a two-sided paired randomisation test. */
  readonly p: number;
}

/** How often chance is asked. */
export interface SignificanceOptions {
  readonly rounds?: number;
  readonly resamples?: number;
  readonly seed?: number;
}

const ROUNDS = 10_000;
const RESAMPLES = 2_000;
/** Sums of the same numbers in another order differ by less. */
const ROUNDING = 1e-12;

/**
 * Judges paired differences, one for each query. The same differences give the same answer: chance comes from a seed.
 * Of no differences, mean and interval are NaN.
 */
export function judgeDifferences(
  differences: readonly number[],
  { rounds = ROUNDS, resamples = RESAMPLES, seed = 1 }: SignificanceOptions = {},
): Difference {
  const count = differences.length;
  const mean = sumOf(differences) / count;
  const random = seededRandom(seed);
  // Queries that both settings answer alike change no sum, whatever their sign.
  const changed = differences.filter((difference) => difference !== 0);
  let asFar = 0;
  for (let round = 0; round < rounds; round += 1) {
    let sum = 0;
    for (const difference of changed) sum += random() < 0.5 ? difference : -difference;
    if (Math.abs(sum / count) >= Math.abs(mean) - ROUNDING) asFar += 1;
  }
  const means = Array.from({ length: resamples }, () => {
    let sum = 0;
    for (let draw = 0; draw < count; draw += 1) sum += differences[Math.floor(random() * count)] as number;
    return sum / count;
  }).sort((a, b) => a - b);
  return {
    mean,
    low: means[Math.floor(0.025 * resamples)] ?? mean,
    high: means[Math.ceil(0.975 * resamples) - 1] ?? mean,
    p: (asFar + 1) / (rounds + 1),
  };
}

function sumOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}

/** Numbers from 0 to below 1, the same for the same seed: the generator "mulberry32". */
function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
