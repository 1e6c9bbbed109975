import { describe, expect, it } from 'vitest';
import { float16 } from '../../src/schema/float16.ts';

const bitsOf = (...values: number[]) => {
  const bytes = float16.encode(Float32Array.of(...values)) as Buffer;
  return Array.from(values, (_, at) => bytes.readUInt16LE(at * 2));
};

describe('a vector as float16', () => {
  it('has the bits of IEEE 754, in two bytes a number', () => {
    expect(bitsOf(0, -0, 1, -2, 0.5, 65_504)).toEqual([0, 0x8000, 0x3c00, 0xc000, 0x3800, 0x7bff]);
    // The smallest normal number, the largest and the smallest below it.
    expect(bitsOf(2 ** -14, 1023 * 2 ** -24, 2 ** -24)).toEqual([0x0400, 0x03ff, 0x0001]);
    expect(bitsOf(1 / 3)).toEqual([0x3555]);
  });

  it('rounds to the nearest, ties to even, also into the next power and to nothing', () => {
    expect(bitsOf(1 + 2 ** -11, 1 + 3 * 2 ** -11)).toEqual([0x3c00, 0x3c02]);
    expect(bitsOf(1 + 2 ** -11 + 2 ** -20)).toEqual([0x3c01]);
    expect(bitsOf(1.9999)).toEqual([0x4000]);
    expect(bitsOf(2 ** -25, 2 ** -25 + 2 ** -40, 2 ** -26, 1e-30)).toEqual([0, 1, 0, 0]);
  });

  it('says where a number is too large or none', () => {
    expect(bitsOf(65_519, 65_520, -1e9, Number.POSITIVE_INFINITY)).toEqual([0x7bff, 0x7c00, 0xfc00, 0x7c00]);
    expect(bitsOf(Number.NaN)).toEqual([0x7e00]);
  });

  it('comes back as it was kept, from part of a larger array too', () => {
    const all = Float32Array.of(9, 0.1, -0.02, 3e-5, 7);
    const back = float16.decode(float16.encode(all.subarray(1, 4)));
    expect(back).toHaveLength(3);
    for (const [at, value] of back.entries()) {
      expect(Math.abs(value - (all[at + 1] as number))).toBeLessThanOrEqual(Math.abs(value) / 1024);
    }
    expect(float16.encode(back)).toEqual(float16.encode(all.subarray(1, 4)));
    expect(() => float16.decode(Buffer.alloc(3))).toThrow('3 bytes');
  });
});
