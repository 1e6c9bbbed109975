import { describe, expect, it } from 'vitest';
import { meanMeasures, measureRanking } from '../../src/evaluation/metrics.ts';

const grades = new Map([
  ['x', 3],
  ['y', 1],
  ['z', 0],
]);

describe('the measures of a ranking', () => {
  it('are 1 where the relevant documents come first, the better ones before the others', () => {
    const best = measureRanking(grades, ['x', 'y', 'w'], { k: 10 });
    expect(best).toEqual({ ndcg: 1, recall: 1, recallAt100: 1, mrr: 1 });
  });

  it('discount a gain by its rank, and take the grade itself as the gain', () => {
    const { ndcg, mrr } = measureRanking(grades, ['w', 'y', 'x'], { k: 10 });
    // (1 / log2 3 + 3 / log2 4) / (3 / log2 2 + 1 / log2 3)
    expect(ndcg).toBeCloseTo(0.586883, 6);
    expect(mrr).toBe(0.5);
  });

  it('look no further than k, and at 100 documents for the deeper recall', () => {
    const others = Array.from({ length: 98 }, (_, n) => `other ${n}`);
    const measures = measureRanking(grades, ['y', ...others, 'x'], { k: 10 });
    expect(measures).toMatchObject({ recall: 0.5, recallAt100: 1, mrr: 1 });
    const late = measureRanking(grades, ['a', 'b', 'x'], { k: 2 });
    expect(late).toEqual({ ndcg: 0, recall: 0, recallAt100: 0.5, mrr: 0 });
    const further = measureRanking(new Map([['x', 1]]), [...others, 'a', 'b', 'x'], { k: 10 });
    expect(further.recallAt100).toBe(0);
  });

  it('are 0 for nothing found, and count relevant documents that were not found', () => {
    expect(measureRanking(grades, [], { k: 10 })).toEqual({ ndcg: 0, recall: 0, recallAt100: 0, mrr: 0 });
    expect(measureRanking(grades, ['x'], { k: 10 }).recall).toBe(0.5);
  });

  it('give nothing for a grade below 0', () => {
    const { ndcg, recall } = measureRanking(
      new Map([
        ['spam', -2],
        ['x', 1],
      ]),
      ['spam', 'x'],
      { k: 10 },
    );
    expect(ndcg).toBeCloseTo(1 / Math.log2(3), 12);
    expect(recall).toBe(1);
  });

  it('are averaged one by one', () => {
    const zero = { ndcg: 0, recall: 0, recallAt100: 0, mrr: 0 };
    const one = { ndcg: 1, recall: 0.5, recallAt100: 1, mrr: 0.25 };
    expect(meanMeasures([zero, one])).toEqual({ ndcg: 0.5, recall: 0.25, recallAt100: 0.5, mrr: 0.125 });
  });
});
