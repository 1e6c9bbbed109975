import { setImmediate as letOthersRun } from 'node:timers/promises';

/** A plane through unit vectors, in numbers that JSON keeps. */
export interface Plane {
  /** Directions of unit length at right angles to each other; zeros where the vectors differ in fewer directions. */
  readonly axes: readonly [readonly number[], readonly number[]];
  /** Where the mean of the vectors is on the axes. */
  readonly middle: readonly [number, number];
  /** The share of all variance along each axis, 0 to 1. */
  readonly shares: readonly [number, number];
  /** How far from the mean the edge of the map is. */
  readonly reach: number;
}

/** The axes of more vectors are those of so many of them, evenly chosen. */
const MOST_FITTED = 2_000;
/** By then what still turns is only the order of directions that matter equally. */
const MOST_ROUNDS = 100;
/** Square of the distance that an axis may move in the last round. */
const SETTLED = 1e-8;
/** Of a vector that all is taken from, rounding leaves less than this. */
const NOTHING = 1e-9;
/** Places are told to four digits, which no screen shows more of. */
const STEPS = 10_000;

/**
 * The plane of the first two principal axes of vectors of one length, whose length counts for nothing, by power iteration.
 * The same vectors in the same order give the same plane; the event loop goes on in between.
 */
export async function planeOf(vectors: readonly Float32Array[]): Promise<Plane> {
  const step = Math.max(1, vectors.length / MOST_FITTED);
  const fitted = Array.from({ length: Math.min(vectors.length, MOST_FITTED) }, (_, at) => {
    return unit(new Float64Array(vectors[Math.floor(at * step)] ?? []));
  });
  const mean = new Float64Array(vectors[0]?.length ?? 0);
  for (const row of fitted) add(mean, row, 1 / fitted.length);
  for (const row of fitted) add(row, mean, -1);
  const variance = fitted.reduce((sum, row) => sum + dot(row, row), 0);
  const first = await nextAxis(fitted, mean.length, undefined);
  const second = await nextAxis(fitted, mean.length, first.axis);
  const share = (axis: Axis) => (variance > NOTHING ? axis.variance / variance : 0);
  const axes = [[...first.axis], [...second.axis]] as const;
  const middle = [dot(axes[0], mean), dot(axes[1], mean)] as const;
  const plane = { axes, middle, shares: [share(first), share(second)] } as const;
  const reach = vectors.reduce((most, vector) => {
    const [x, y] = coordinates(plane, vector);
    return Math.max(most, Math.abs(x), Math.abs(y));
  }, 0);
  return { ...plane, reach: reach > NOTHING ? reach : 1 };
}

/** Where a vector is on the map, -1 to 1 on both axes; at the edge if it is beyond. */
export function project(plane: Plane, vector: Float32Array): [x: number, y: number] {
  const [x, y] = coordinates(plane, vector);
  // The sum turns -0 into 0.
  const place = (value: number) =>
    Math.round(Math.max(-1, Math.min(1, value / plane.reach)) * STEPS) / STEPS + 0;
  return [place(x), place(y)];
}

interface Axis {
  readonly axis: Float64Array;
  readonly variance: number;
}

function coordinates(
  { axes, middle }: Pick<Plane, 'axes' | 'middle'>,
  vector: Float32Array,
): [number, number] {
  const length = Math.sqrt(dot(vector, vector));
  return [dot(axes[0], vector) / length - middle[0], dot(axes[1], vector) / length - middle[1]];
}

async function nextAxis(
  rows: readonly Float64Array[],
  size: number,
  earlier: Float64Array | undefined,
): Promise<Axis> {
  // Uneven, so that it is at right angles to no likely axis.
  let axis = unit(
    aside(
      Float64Array.from({ length: size }, (_, at) => 1 / (at + 1)),
      earlier,
    ),
  );
  let variance = 0;
  for (let round = 0; round < MOST_ROUNDS; round += 1) {
    const image = new Float64Array(size);
    for (const row of rows) add(image, row, dot(row, axis));
    variance = Math.sqrt(dot(aside(image, earlier), image));
    if (variance < NOTHING) return { axis: new Float64Array(size), variance: 0 };
    const turned = unit(image);
    const moved = turned.reduce((sum, value, at) => sum + (value - (axis[at] as number)) ** 2, 0);
    axis = turned;
    if (moved < SETTLED) break;
    await letOthersRun();
  }
  return { axis: facing(axis), variance };
}

/** An axis has two directions: of them the one in which its largest part is positive. */
function facing(axis: Float64Array): Float64Array {
  const largest = axis.reduce((most, value) => (Math.abs(value) > Math.abs(most) ? value : most), 0);
  return largest < 0 ? axis.map((value) => -value) : axis;
}

/** Takes from a vector, in place, what lies along an axis. */
function aside(vector: Float64Array, axis: Float64Array | undefined): Float64Array {
  if (axis) add(vector, axis, -dot(vector, axis));
  return vector;
}

function unit(vector: Float64Array): Float64Array {
  const length = Math.sqrt(dot(vector, vector));
  return length > 0 ? vector.map((value) => value / length) : vector;
}

function add(sum: Float64Array, vector: ArrayLike<number>, factor: number): void {
  for (let at = 0; at < vector.length; at += 1)
    sum[at] = (sum[at] as number) + (vector[at] as number) * factor;
}

function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let at = 0; at < a.length; at += 1) sum += (a[at] as number) * (b[at] as number);
  return sum;
}
