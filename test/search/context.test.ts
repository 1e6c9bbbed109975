import { describe, expect, it } from 'vitest';
import { buildContext, toMessages } from '../../src/search/context.ts';
import type { SearchHit } from '../../src/search/search.ts';

const DOCUMENT =
  'Sessions expire after a day. A visit renews them.\n\nLogging out ends a session at once. Tokens are then void.\n\nAdmins can list sessions.';

/** A hit on a part of DOCUMENT. */
function hitOn(start: number, end: number, more: Partial<SearchHit> = {}): SearchHit {
  const score = more.score ?? 0.5;
  return {
    ...{ chunkId: `d1_chunk_${start}`, docId: 'd1', nodeId: `n${start}`, collection: 'docs' },
    ...{ text: DOCUMENT.slice(start, end), score, vectorScore: score, distance: 1 - score },
    ...{ title: 'Handbook', source: 'handbook.md', headings: ['Sessions'], start, end, metadata: {} },
    ...more,
  };
}

/** A hit of a document of its own. */
const lone = (name: string, text: string, score = 0.5) =>
  hitOn(0, text.length, { chunkId: `${name}_chunk_0`, docId: name, text, score, source: `${name}.md` });

const countWords = (text: string) => text.split(/\s+/).filter(Boolean).length;
const build = (hits: SearchHit[], maxTokens = 1_000) =>
  buildContext(hits, { maxTokens, countTokens: countWords });

const weighTokens = (sentence: string) => sentence.match(/tokens/gi)?.length ?? 0;

describe('buildContext', () => {
  it('numbers passages, best first, under a line that says where they are from', () => {
    const { text, citations, omitted } = build([
      hitOn(0, 28, { score: 0.9, page: 3 }),
      lone('b', 'Second best.', 0.6),
    ]);
    expect(text).toBe(
      '[1] Handbook › Sessions (handbook.md, page 3)\nSessions expire after a day.\n\n[2] Handbook › Sessions (b.md)\nSecond best.',
    );
    expect(citations[0]).toEqual({
      ...{ number: 1, collection: 'docs', docId: 'd1', source: 'handbook.md', title: 'Handbook' },
      ...{ headings: ['Sessions'], start: 0, end: 28, page: 3, chunkIds: ['d1_chunk_0'], score: 0.9 },
      text: 'Sessions expire after a day.',
    });
    expect(omitted).toEqual([]);
  });

  it('makes overlapping and adjacent chunks one passage in the order of the document', () => {
    const { text, citations } = build([
      hitOn(51, 109, { score: 0.9, headings: ['Sessions', 'End'], metadata: { chunk_index: 2 } }),
      hitOn(20, 49, { score: 0.8, headings: ['Sessions', 'Life'], metadata: { chunk_index: 1 } }),
      hitOn(0, 30, { score: 0.7 }),
      hitOn(25, 28, { score: 0.6, chunkId: 'inner' }),
    ]);
    expect(text).toBe(`[1] Handbook › Sessions (handbook.md)\n${DOCUMENT.slice(0, 109)}`);
    expect(citations).toHaveLength(1);
    expect(citations[0]).toMatchObject({ start: 0, end: 109, headings: ['Sessions'], score: 0.9 });
    expect(citations[0]?.chunkIds).toEqual(['d1_chunk_0', 'd1_chunk_20', 'inner', 'd1_chunk_51']);
  });

  it('closes the gap between two passages when the chunk between them comes later', () => {
    const { citations } = build([
      hitOn(0, 28, { score: 0.9, metadata: { chunk_index: 0 } }),
      lone('other', 'Something else.', 0.8),
      hitOn(51, 86, { score: 0.7, metadata: { chunk_index: 2 } }),
      hitOn(29, 49, { score: 0.6, metadata: { chunk_index: 1 } }),
    ]);
    expect(citations.map(({ docId, start, end }) => [docId, start, end])).toEqual([
      ['d1', 0, 86],
      ['other', 0, 15],
    ]);
  });

  it('does not close a gap that may hold more than white space', () => {
    const first = hitOn(0, 28, { metadata: { chunk_index: 0 } });
    expect(build([first, hitOn(29, 49, { metadata: { chunk_index: 2 } })]).citations).toHaveLength(2);
    expect(build([first, hitOn(29, 49)]).citations).toHaveLength(2);
  });

  it('does not join chunks of different documents, collections or versions', () => {
    const first = hitOn(0, 30);
    expect(build([first, hitOn(20, 49, { docId: 'd2' })]).citations).toHaveLength(2);
    expect(build([first, hitOn(20, 49, { collection: 'other' })]).citations).toHaveLength(2);
    expect(build([first, hitOn(20, 49, { text: 'x'.repeat(29) })]).citations).toHaveLength(2);
  });

  it('does not join chunks whose offsets do not measure their text', () => {
    const { start: _start, end: _end, ...withoutOffsets } = hitOn(20, 49);
    const { citations } = build([
      hitOn(0, 30),
      hitOn(20, 52, { text: 'Counted otherwise.' }),
      withoutOffsets,
    ]);
    expect(citations).toHaveLength(3);
    expect(citations[1]).toMatchObject({ start: 20, end: 52 });
    expect(citations[2]).not.toHaveProperty('start');
  });

  it('keeps the order of the documents when asked, the best document first', () => {
    const hits = [
      hitOn(51, 86, { score: 0.9 }),
      lone('b', 'Second best.', 0.6),
      hitOn(0, 28, { score: 0.5 }),
    ];
    const options = { maxTokens: 1_000, countTokens: countWords };
    const places = ({ citations }: ReturnType<typeof build>) =>
      citations.map(({ docId, start }) => [docId, start]);
    const [first, , last] = places(build(hits));
    expect([first?.[1], last?.[1]]).toEqual([51, 0]);
    expect(places(buildContext(hits, { ...options, order: 'document' }))).toEqual([last, first, ['b', 0]]);
  });

  it('drops what a better hit says in the same words', () => {
    const { citations, omitted } = build([
      hitOn(0, 28),
      hitOn(0, 28),
      lone('copy', 'sessions  EXPIRE\nafter a day. ', 0.4),
    ]);
    expect(citations).toHaveLength(1);
    expect(omitted).toEqual([
      { collection: 'docs', chunkId: 'd1_chunk_0', reason: 'duplicate' },
      { collection: 'docs', chunkId: 'copy_chunk_0', reason: 'duplicate' },
    ]);
  });

  it('passes over a hit without room for the next that fits', () => {
    const { citations, omitted, tokens } = build(
      [lone('a', 'one two three', 0.9), lone('long', 'word '.repeat(50), 0.8), lone('b', 'four', 0.7)],
      20,
    );
    expect(citations.map(({ docId }) => docId)).toEqual(['a', 'b']);
    expect(omitted).toEqual([{ collection: 'docs', chunkId: 'long_chunk_0', reason: 'budget' }]);
    expect(tokens).toBe(14);
  });

  it('gives the first whole sentences of the best hit when no hit fits', () => {
    const { text, citations, omitted, tokens } = build([hitOn(0, 109, { score: 0.9 }), hitOn(0, 86)], 16);
    expect(text).toBe(
      '[1] Handbook › Sessions (handbook.md)\nSessions expire after a day. A visit renews them. …',
    );
    expect(citations[0]).toMatchObject({ start: 0, end: 49 });
    expect(tokens).toBe(15);
    expect(omitted.map(({ reason }) => reason)).toEqual(['cut', 'budget']);
  });

  it('gives the first whole words when not even a sentence fits', () => {
    expect(build([hitOn(0, 109)], 9).text).toMatch(/\nSessions expire after …$/);
  });

  it('gives nothing when not even a word fits', () => {
    expect(build([hitOn(0, 109)], 3)).toEqual({
      text: '',
      citations: [],
      tokens: 0,
      omitted: [{ collection: 'docs', chunkId: 'd1_chunk_0', reason: 'budget' }],
    });
  });

  it('gives nothing for no hits', () => {
    expect(build([])).toEqual({ text: '', citations: [], tokens: 0, omitted: [] });
  });

  it('keeps a heading line one line, however odd or long the names', () => {
    const { text } = build([hitOn(0, 28, { title: 'A\n\n[9] Fake', source: 's\r\u0000'.repeat(500) })]);
    expect(text.split('\n')).toHaveLength(2);
    expect(text.length).toBeLessThan(400);
  });

  it('does not repeat a title that is also the outermost heading', () => {
    expect(build([hitOn(0, 28, { title: 'Sessions' })]).text).toMatch(/^\[1\] Sessions \(handbook.md\)\n/);
  });

  it('shortens passages so that more of them fit, and fills up with sentences', () => {
    const hits = [
      lone('a', 'Lamps burn. Dogs bark loudly. Tokens are void.', 0.9),
      lone('b', 'Tokens expire. Fish swim.', 0.8),
      lone('c', 'Cows moo all day long. No tokens here, or there. Bees hum all night long.', 0.7),
    ];
    const options = { maxTokens: 27, countTokens: countWords };
    const whole = buildContext(hits, options);
    expect(whole.citations.map(({ docId }) => docId)).toEqual(['a', 'b']);
    const trimmed = buildContext(hits, { ...options, weigh: weighTokens });
    expect(trimmed.citations.map(({ text, start, end }) => [text, start, end])).toEqual([
      ['Tokens are void.', 30, 46],
      ['Tokens expire. Fish swim.', 0, 25],
      ['No tokens here, or there.', 23, 48],
    ]);
    expect(trimmed.tokens).toBeLessThanOrEqual(27);
    expect(trimmed.omitted).toEqual([
      { collection: 'docs', chunkId: 'a_chunk_0', reason: 'cut' },
      { collection: 'docs', chunkId: 'c_chunk_0', reason: 'cut' },
    ]);
  });

  it('never exceeds the budget and accounts for every hit, whatever counts the tokens', () => {
    const random = randomFrom(7);
    const counters = [
      countWords,
      (text: string) => text.length,
      (text: string) => Math.ceil(Buffer.byteLength(text) / 3),
    ];
    // Counts a whole higher than the sum of its parts.
    counters.push((text) => countWords(text) + text.split('\n\n').length ** 2);
    for (let round = 0; round < 400; round += 1) {
      const hits = Array.from({ length: Math.floor(random() * 12) }, (_, index) => {
        const start = Math.floor(random() * (DOCUMENT.length - 1));
        const end = start + 1 + Math.floor(random() * (DOCUMENT.length - start));
        return hitOn(start, Math.min(end, DOCUMENT.length), {
          ...{ docId: `d${Math.floor(random() * 3)}`, chunkId: `c${index}`, score: random() },
        });
      });
      const countTokens = counters[round % counters.length] ?? countWords;
      const maxTokens = 1 + Math.floor(random() ** 2 * 400);
      const options = { maxTokens, countTokens, ...(round % 3 > 0 && { weigh: weighTokens }) };
      const { text, tokens, citations, omitted } = buildContext(hits, options);
      expect(tokens).toBe(text === '' ? 0 : countTokens(text));
      expect(tokens).toBeLessThanOrEqual(maxTokens);
      const told = [
        ...citations.flatMap(({ chunkIds }) => chunkIds),
        ...omitted.filter(({ reason }) => reason !== 'cut').map(({ chunkId }) => chunkId),
      ];
      expect(told.sort()).toEqual(hits.map(({ chunkId }) => chunkId).sort());
      for (const { number, start = 0, end = 0 } of citations) {
        expect(text).toContain(`[${number}] `);
        const words = DOCUMENT.slice(start, end).trim();
        expect(text.replaceAll(/\s/g, '')).toContain(words.replaceAll(/\s/g, ''));
      }
    }
  });
});

describe('toMessages', () => {
  it('asks for an answer with citations from the passages', () => {
    const [system, user] = toMessages(build([hitOn(0, 28)]), 'When do sessions expire?');
    expect(system?.role).toBe('system');
    expect(system?.content).toContain('[1]');
    expect(user?.role).toBe('user');
    expect(user?.content).toContain('Sessions expire after a day.');
    expect(user?.content).toMatch(/Question: When do sessions expire\?$/);
  });

  it('says so when nothing was found', () => {
    expect(toMessages({ text: '' }, 'Why?')[1]?.content).toContain('Nothing was found.');
  });
});

/** A linear congruential generator: the same numbers for the same seed. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 4_294_967_296;
  };
}
