import { median } from '../measure.ts';

/** Makes vectors that lie among each other as real ones do. */
export interface Likeness {
  /** The vector of a number; the same for the same number. */
  vector(seed: number): Float32Array;
  /** By how much differences of neighbours are stretched. */
  readonly stretch: number;
  /** Median distance (1 - cosine) of a held-out real vector, and of a made one, to the nearest real one. */
  readonly nearest: { readonly real: number; readonly made: number };
}

/** Pairs of neighbours whose differences are used, and vectors by which the stretch is fitted. */
const SAMPLED = 200;
const FITTING_STEPS = 7;
const MOST_STRETCH = 3;

/**
 * Fits a generator to real vectors of unit length. A made vector is a real one moved by the differences of two pairs of
 * neighbours elsewhere, mixed at a random angle: so it stays on the uneven, narrow sheet that texts lie on, where random
 * directions would leave it. How far it is moved is fitted, so that made vectors are as far from the nearest real one as
 * real vectors are that were held out.
 */
export function fitLikeness(real: readonly Float32Array[], heldOut: readonly Float32Array[]): Likeness {
  const step = Math.max(1, Math.floor(real.length / SAMPLED));
  const differences = real
    .filter((_, at) => at % step === 0)
    .slice(0, SAMPLED)
    .map((one) => difference(one, nearestTo(one, real, one).vector));
  const wanted = median(heldOut.slice(0, SAMPLED).map((one) => nearestTo(one, real).distance));
  const made = (stretch: number) =>
    median(
      Array.from(
        { length: SAMPLED },
        (_, at) => nearestTo(move(real, differences, at, stretch), real).distance,
      ),
    );
  let [low, high] = [0, MOST_STRETCH];
  for (let fitting = 0; fitting < FITTING_STEPS; fitting += 1) {
    const middle = (low + high) / 2;
    if (made(middle) < wanted) low = middle;
    else high = middle;
  }
  return {
    vector: (seed) => move(real, differences, seed, high),
    stretch: high,
    nearest: { real: wanted, made: made(high) },
  };
}

function move(
  real: readonly Float32Array[],
  differences: readonly Float32Array[],
  seed: number,
  stretch: number,
): Float32Array {
  const pick = <T>(all: readonly T[], salt: number) => all[mix(seed, salt) % all.length] as T;
  const [from, first, second] = [pick(real, 1), pick(differences, 2), pick(differences, 3)];
  const angle = (mix(seed, 4) / 2 ** 32) * 2 * Math.PI;
  const [along, across] = [Math.cos(angle) * stretch, Math.sin(angle) * stretch];
  return unit(
    from.map((value, at) => value + along * (first[at] as number) + across * (second[at] as number)),
  );
}

function nearestTo(
  vector: Float32Array,
  among: readonly Float32Array[],
  except?: Float32Array,
): { vector: Float32Array; distance: number } {
  let best = among[0] as Float32Array;
  let closest = Number.NEGATIVE_INFINITY;
  for (const one of among) {
    if (one === except) continue;
    let dot = 0;
    for (let at = 0; at < one.length; at += 1) dot += (one[at] as number) * (vector[at] as number);
    if (dot > closest) [best, closest] = [one, dot];
  }
  return { vector: best, distance: 1 - closest };
}

function difference(from: Float32Array, to: Float32Array): Float32Array {
  return to.map((value, at) => value - (from[at] as number));
}

function unit(vector: Float32Array): Float32Array {
  const length = Math.hypot(...vector);
  return vector.map((value) => value / length);
}

/** A 32-bit hash of two numbers, unsigned. */
export function mix(seed: number, salt: number): number {
  let hash = Math.imul(seed ^ Math.imul(salt, 0x9e3779b1), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
