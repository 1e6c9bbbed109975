import { describe, expect, it } from 'vitest';
import { type FusionOptions, fuse } from '../../src/search/fuse.ts';

const list = (...pairs: [key: string, value: number][]) => pairs.map(([key, value]) => ({ key, value }));
const keys = (
  vector: ReturnType<typeof list>,
  text: ReturnType<typeof list>,
  options: Partial<FusionOptions> = {},
) =>
  fuse({ vector, text, isTextComplete: false }, { method: 'zscore', weight: 0.5, ...options }).map(
    ({ key }) => key,
  );

describe('fuse', () => {
  it('puts first what both sides found', () => {
    expect(keys(list(['a', 0.9], ['both', 0.8], ['c', 0.1]), list(['d', 9], ['both', 8], ['e', 1]))[0]).toBe(
      'both',
    );
  });

  it('lets a side that is far surer of one than of the others decide', () => {
    const names = [...'abcdefghi'];
    const sure = list(['sure', 20], ...names.map((name): [string, number] => [name, 1]));
    const unsure = list(...names.map((name, at): [string, number] => [name, 0.5 - at / 100]), ['sure', 0.4]);
    expect(keys(unsure, sure)[0]).toBe('sure');
    expect(keys(unsure, sure, { method: 'rrf' })[0]).toBe('a');
  });

  it('puts the only one that has a word first, once all that have it were found', () => {
    // With few others a lone word is no rare one.
    const others = [...'abcdefghijklmnopqrst'].map((name, at): [string, number] => [name, 0.5 - at / 100]);
    const vector = list(...others, ['code', 0.3]);
    const options = { method: 'zscore', weight: 0.5 } as const;
    const text = list(['code', 4]);
    expect(fuse({ vector, text, isTextComplete: true }, options)[0]?.key).toBe('code');
    expect(fuse({ vector, text, isTextComplete: false }, options)[0]?.key).toBe('a');
  });

  it.each(['zscore', 'minmax', 'rrf'] as const)('gives one side alone in its order by %s', (method) => {
    const one = list(['a', 3], ['b', 2], ['c', 1]);
    expect(keys(one, [], { method })).toEqual(['a', 'b', 'c']);
    expect(keys([], one, { method })).toEqual(['a', 'b', 'c']);
    expect(keys([], [], { method })).toEqual([]);
  });

  it('follows the weight to either side', () => {
    const vector = list(['v', 0.9], ['t', 0.1]);
    const text = list(['t', 9], ['v', 1]);
    expect(keys(vector, text, { weight: 1 })).toEqual(['v', 't']);
    expect(keys(vector, text, { weight: 0 })).toEqual(['t', 'v']);
  });

  it('takes what a side did not find for as good as the worst that it found', () => {
    const [first] = fuse(
      { vector: list(['a', 1], ['b', 0]), text: list(['c', 1]), isTextComplete: false },
      { method: 'zscore', weight: 0.5 },
    );
    expect(first).toEqual({ key: 'a', score: 0.5, vectorRank: 1 });
  });

  it('orders equals by name, whatever order they came in', () => {
    expect(keys(list(['b', 1], ['a', 1]), [])).toEqual(['a', 'b']);
  });
});
