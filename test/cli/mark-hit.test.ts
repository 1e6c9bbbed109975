import { describe, expect, it } from 'vitest';
import { describeHit } from '../../src/cli/commands/search.ts';
import { markFor } from '../../src/cli/mark-hit.ts';
import type { SearchHit } from '../../src/search/search.ts';

const HIT: SearchHit = {
  ...{ chunkId: 'd_chunk_0', docId: 'd', nodeId: 'n', collection: 'docs', metadata: {} },
  ...{ text: 'Sessions expire after a day.\nVisits renew them.', score: 1, vectorScore: 0.5, distance: 0.5 },
  ...{ title: 'Handbook', source: 'handbook.md', headings: [] },
  highlights: {
    matchedWords: [
      { start: 0, end: 8, terms: ['session'] },
      { start: 29, end: 35, terms: ['visit'] },
    ],
    nearestSentence: { start: 29, end: 47 },
  },
};

const show = (isStyled: boolean, width = 40, hit = HIT) =>
  describeHit(hit, 1, { width, mark: markFor({ isStyled }) }).slice(2, -1);

describe('a hit with highlights', () => {
  it('has matching words in bold on a terminal, which take no room for their marks', () => {
    expect(show(true)).toEqual([
      '   \u001B[1mSessions\u001B[22m expire after a day. \u001B[1mVisits\u001B[22m',
      '   renew them.',
      '   nearest: Visits renew them.',
    ]);
  });

  it('has them between asterisks elsewhere', () => {
    expect(show(false, 100)[0]).toBe('   **Sessions** expire after a day. **Visits** renew them.');
  });

  it('is shown as it is where they were not asked for', () => {
    const { highlights: _, ...plain } = HIT;
    expect(show(true, 100, plain)).toEqual(['   Sessions expire after a day. Visits renew them.']);
  });

  it('does not repeat a text that is one sentence', () => {
    const text = 'Visits renew them.';
    const highlights = { matchedWords: [], nearestSentence: { start: 0, end: text.length } };
    expect(show(false, 100, { ...HIT, text, highlights })).toEqual(['   Visits renew them.']);
  });
});
