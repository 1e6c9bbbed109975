import { describe, expect, it } from 'vitest';
import { planeOf, project } from '../../src/search/plane.ts';

/** A number from -1 to 1, the same for the same place. */
const noise = (at: number) => ((Math.imul(at + 1, 0x9e3779b1) >>> 0) / 2 ** 31 - 1) * 0.01;
/** Unit vectors around `(1, 0, 0, …)` that reach far along the second coordinate, less along the third. */
const spread = (count: number, size = 8) =>
  Array.from({ length: count }, (_, at) => {
    const vector = Float32Array.from({ length: size }, (_, part) => noise(at * size + part));
    vector[0] = 1;
    vector[1] = 0.5 * Math.sin(at);
    vector[2] = 0.2 * Math.cos(at * 1.7);
    return vector;
  });

describe('the plane of vectors', () => {
  it('lies along the directions in which they differ most, the first one first', async () => {
    const { axes, shares } = await planeOf(spread(300));
    expect(Math.abs(axes[0][1] ?? 0)).toBeGreaterThan(0.98);
    expect(Math.abs(axes[1][2] ?? 0)).toBeGreaterThan(0.98);
    expect(shares[0]).toBeGreaterThan(shares[1]);
    expect(shares[0] + shares[1]).toBeGreaterThan(0.9);
    expect(shares[0] + shares[1]).toBeLessThanOrEqual(1);
  });

  it('has axes of unit length at right angles', async () => {
    const { axes } = await planeOf(spread(50));
    const dot = (a: readonly number[], b: readonly number[]) =>
      a.reduce((sum, v, at) => sum + v * (b[at] ?? 0), 0);
    expect(dot(axes[0], axes[0])).toBeCloseTo(1, 9);
    expect(dot(axes[1], axes[1])).toBeCloseTo(1, 9);
    expect(dot(axes[0], axes[1])).toBeCloseTo(0, 9);
  });

  it('is the same for the same vectors, and for vectors of other lengths', async () => {
    const plane = await planeOf(spread(100));
    expect(await planeOf(spread(100))).toEqual(plane);
    const longer = await planeOf(spread(100).map((vector, at) => vector.map((value) => value * (at + 1))));
    expect(longer.axes[0][1]).toBeCloseTo(plane.axes[0][1] ?? 0, 4);
  });

  it('puts every vector between -1 and 1, one of them at the edge', async () => {
    // More than the axes are made of.
    const vectors = spread(2_500);
    const plane = await planeOf(vectors);
    const places = vectors.flatMap((vector) => project(plane, vector));
    expect(Math.max(...places.map(Math.abs))).toBe(1);
  });

  it('puts what is beyond at the edge', async () => {
    const plane = await planeOf(spread(100));
    const [x] = project(plane, Float32Array.from([0, 5, 0, 0, 0, 0, 0, 0]));
    expect(Math.abs(x)).toBe(1);
  });

  it.each([
    ['no vectors', []],
    ['one vector', spread(1)],
    ['equal vectors', Array.from({ length: 5 }, () => Float32Array.from([1, 2, 3]))],
  ])('is a point for %s', async (_, vectors) => {
    const plane = await planeOf(vectors);
    expect(plane.shares).toEqual([0, 0]);
    for (const vector of vectors) expect(project(plane, vector)).toEqual([0, 0]);
    if (vectors.length === 0) expect(project(plane, Float32Array.from([1, 2]))).toEqual([0, 0]);
  });

  it('is a line for two vectors', async () => {
    const vectors = [Float32Array.from([1, 0, 0]), Float32Array.from([0, 1, 0])];
    const plane = await planeOf(vectors);
    expect(plane.shares[0]).toBeCloseTo(1, 6);
    expect(plane.shares[1]).toBe(0);
    expect(vectors.map((vector) => project(plane, vector)).sort()).toEqual([
      [-1, 0],
      [1, 0],
    ]);
  });
});
