import { expect, test } from 'vitest';
import { Growth } from '../../../src/maintenance/auto-index/growth.ts';

/** Notes chunks at seconds, and tells after each whether the collection is being filled fast. */
function noted(looks: readonly (readonly [second: number, chunks: number])[]): boolean[] {
  let now = 0;
  const growth = new Growth({ now: () => now });
  return looks.map(([second, chunks]) => {
    now = second * 1_000;
    growth.note('docs', chunks);
    return growth.isFast('docs');
  });
}

test('a collection is filled fast while hundreds of chunks come each second', () => {
  expect(
    noted([
      [0, 0],
      [5, 5_000],
      [10, 10_000],
    ]),
  ).toEqual([false, true, true]);
});

test('it is not when a model embeds what comes, nor once nothing comes any more', () => {
  expect(
    noted([
      [0, 0],
      [5, 400],
    ]),
  ).toEqual([false, false]);
  expect(
    noted([
      [0, 0],
      [5, 5_000],
      [8, 5_000],
    ]),
  ).toEqual([false, true, false]);
});

test('looks that follow each other at once tell nothing new', () => {
  expect(
    noted([
      [0, 0],
      [0.01, 100],
      [5, 5_000],
      [5.01, 5_000],
    ]),
  ).toEqual([false, false, true, true]);
});

test('what was forgotten is not known to be fast, nor are other collections', () => {
  let now = 0;
  const growth = new Growth({ now: () => now });
  growth.note('docs', 0);
  now = 5_000;
  growth.note('docs', 5_000);
  expect(growth.isFast('others')).toBe(false);
  growth.forget('docs');
  expect(growth.isFast('docs')).toBe(false);
});
