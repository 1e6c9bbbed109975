import { describe, expect, it } from 'vitest';
import { judgeDifferences } from '../../src/evaluation/significance.ts';

describe('the difference of two settings', () => {
  it('is certain where every query gains', () => {
    const { mean, low, high, p } = judgeDifferences(Array.from({ length: 50 }, (_, n) => 0.1 + n / 1_000));
    expect(mean).toBeCloseTo(0.1245, 10);
    expect(low).toBeGreaterThan(0.11);
    expect(high).toBeLessThan(0.14);
    expect(p).toBeLessThan(0.001);
  });

  it('is noise where as many queries lose as gain', () => {
    const { mean, low, high, p } = judgeDifferences(
      Array.from({ length: 50 }, (_, n) => (n % 2 ? 0.2 : -0.2)),
    );
    expect(mean).toBeCloseTo(0, 10);
    expect(low).toBeLessThan(0);
    expect(high).toBeGreaterThan(0);
    expect(p).toBe(1);
  });

  it('is as likely as the share of all signs that give one as far from 0', () => {
    // Of the 8 ways to sign three equal differences 2 are as far; of 4 different ones, 2 of 16.
    expect(judgeDifferences([0.1, 0.1, 0.1]).p).toBeCloseTo(0.25, 1);
    expect(judgeDifferences([0.1, 0.2, 0.3, 0.4]).p).toBeCloseTo(0.125, 1);
  });

  it('is the same each time, and another seed gives other chances', () => {
    const differences = [0.1, -0.05, 0.3, 0, 0.2, -0.1, 0.15];
    expect(judgeDifferences(differences)).toEqual(judgeDifferences(differences));
    expect(judgeDifferences(differences, { seed: 2 }).p).not.toBe(judgeDifferences(differences).p);
  });

  it('is none where nothing differs', () => {
    expect(judgeDifferences([0, 0, 0])).toEqual({ mean: 0, low: 0, high: 0, p: 1 });
  });
});
