import { describe, expect, it } from 'vitest';
import { findPassage } from '../../src/maintenance/find-passage.ts';

const found = (document: string, passage: string, before?: number) => {
  const place = findPassage(document, passage, before);
  return place && [place.start, document.slice(place.start, place.end)];
};

describe('findPassage', () => {
  it('finds a passage whatever white space lies between its words', () => {
    expect(found('One.  Two\n\nthree. Four.', 'Two three.')).toEqual([6, 'Two\n\nthree.']);
    expect(found('One. Two three.', '  Two\nthree.\n')).toEqual([5, 'Two three.']);
    expect(found('東京。大阪。', '大阪。')).toEqual([3, '大阪。']);
    expect(found('A caf\u00E9.', 'cafe\u0301')).toEqual([2, 'caf\u00E9']);
  });

  it('takes the place nearest to the former one', () => {
    const document = 'lake, lake, lake, lake';
    expect([0, 5, 9, 13, 99].map((before) => findPassage(document, 'lake', before)?.start)).toEqual([
      0, 6, 6, 12, 18,
    ]);
  });

  it('finds neither other words nor none', () => {
    expect(found('One two.', 'one two.')).toBeUndefined();
    expect(found('One two.', ' ')).toBeUndefined();
    expect(found('', 'One')).toBeUndefined();
  });
});
