import { beforeAll, describe, expect, it } from 'vitest';
import type { Filter } from '../../src/search/filter.ts';
import type { SearchMode } from '../../src/search/request.ts';
import type { Stacklore } from '../../src/stacklore.ts';
import { openTestLore } from '../support/lore.ts';
import { usePrivateRedis } from '../support/redis.ts';

const redis = usePrivateRedis();
let lore: Stacklore;

/** The same numbers in each run, from 0 to below 1. */
let state = 5;
const random = () => {
  state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff;
  return state / 0x8000_0000;
};

interface Note {
  readonly words: readonly string[];
  readonly lang: string | undefined;
  readonly year: number;
  readonly n: number;
}

const NOTES: readonly Note[] = Array.from({ length: 600 }, (_, n) => ({
  n,
  words: Array.from({ length: 6 }, () => `w${Math.floor(60 * random() ** 3)}x`),
  lang: ['de', 'en', 'fr', undefined][Math.floor(4 * random() ** 2)],
  year: Math.floor(20 * random()),
}));

const docIds = (count: number) => Array.from({ length: count }, (_, n) => `n${n}`);

const FILTERS: readonly (readonly [Filter, (note: Note) => boolean])[] = [
  [{ lang: 'fr' }, ({ lang }) => lang === 'fr'],
  [{ lang: { $in: ['en', 'fr'] } }, ({ lang }) => lang === 'en' || lang === 'fr'],
  [{ lang: { $ne: 'fr' } }, ({ lang }) => lang !== undefined && lang !== 'fr'],
  [{ lang: { $exists: false } }, ({ lang }) => lang === undefined],
  [{ year: { $gte: 5, $lt: 8 } }, ({ year }) => year >= 5 && year < 8],
  [{ year: { $gte: 0 } }, () => true],
  [{ $or: [{ year: { $lt: 3 } }, { lang: 'fr' }] }, ({ year, lang }) => year < 3 || lang === 'fr'],
  [
    { $or: [{ lang: 'de', year: { $gt: 3 } }, { $and: [{ lang: 'fr' }, { year: 5 }] }] },
    ({ year, lang }) => (lang === 'de' && year > 3) || (lang === 'fr' && year === 5),
  ],
  [{ docId: { $in: docIds(600) } }, () => true],
  [{ docId: { $nin: docIds(300) } }, ({ n }) => n >= 300],
  [{ docId: { $ne: 'n7' } }, ({ n }) => n !== 7],
  [{ lang: 'it' }, () => false],
];

beforeAll(async () => {
  lore = openTestLore(redis);
  await lore.createCollection('docs', {
    fields: [
      { name: 'lang', type: 'tag' },
      { name: 'year', type: 'number' },
    ],
  });
  await lore.ingestTexts(
    NOTES.map(({ n, words, lang, year }) => ({
      ...{ text: words.join(' '), source: `${n}.md`, docId: `n${n}` },
      metadata: { ...(lang && { lang }), year, n },
    })),
    { collection: 'docs' },
  );
});

/** Text scores by note. Without a filter, a hybrid search asks for a plain OR. */
const scores = async (terms: readonly string[], filter?: Filter, mode: SearchMode = 'hybrid') => {
  const { hits } = await lore.search({
    ...{ query: terms.join(' '), collection: 'docs', mode, topK: 1_000 },
    vector: await lore.embedQuery('any'),
    ...(filter && { filter }),
  });
  const worded = hits.filter(({ textScore }) => textScore !== undefined);
  return new Map(worded.map(({ metadata, textScore }) => [Number(metadata.n), textScore ?? 0]));
};

describe('words beside a filter', () => {
  it('find what passes it, with the very scores they have without it', async () => {
    for (const size of [1, 2, 2, 5, 19, 25, 300]) {
      const terms = Array.from({ length: size }, () =>
        random() < 0.2 ? `none${Math.floor(1_000 * random())}` : `w${Math.floor(60 * random())}x`,
      );
      const all = await scores(terms);
      for (const [filter, passes] of FILTERS) {
        const narrowed = await scores(terms, filter);
        const expected = [...all.keys()].filter((n) => passes(NOTES[n] as Note));
        expect([...narrowed.keys()].sort()).toEqual(expected.sort());
        for (const [n, score] of narrowed) expect(score).toBeCloseTo(all.get(n) ?? Number.NaN, 6);
      }
    }
  });

  it('have the same scores where words alone are looked up', async () => {
    for (const size of [1, 2, 5, 25]) {
      const terms = Array.from({ length: size }, () => `w${Math.floor(60 * random())}x`);
      const expected = await scores(terms);
      for (const filter of [undefined, { year: { $gte: 0 } }]) {
        const alone = await scores(terms, filter, 'text');
        expect([...alone.keys()].sort()).toEqual([...expected.keys()].sort());
        for (const [n, score] of alone) expect(score).toBeCloseTo(expected.get(n) ?? Number.NaN, 6);
      }
    }
  });

  it('around a chunk count for it where it holds one of them itself, or its meaning is looked up too', async () => {
    await lore.createCollection('parts', { chunkSize: 16, chunkOverlap: 0 });
    const filler = 'one two three four five six seven eight nine ten';
    const text = `Harbour lights ${filler}.\n\nMasts creak ${filler}.\n\nRopes hang ${filler}.`;
    await lore.ingestTexts([{ text, source: 'p.md', docId: 'parts' }], { collection: 'parts' });
    const found = async (mode: SearchMode, filter?: Filter) => {
      const { hits } = await lore.search({
        ...{ query: 'masts harbour', collection: 'parts', mode, ...(filter && { filter }) },
      });
      const worded = hits.filter(({ textScore }) => textScore !== undefined);
      return worded.map(({ chunkId, textScore }) => `${chunkId} ${textScore?.toFixed(6)}`).sort();
    };
    const [plain, words] = [await found('hybrid'), await found('text')];
    expect(plain).toHaveLength(3);
    expect(words).toEqual(plain.slice(0, 2));
    expect(await found('hybrid', { docId: 'parts' })).toEqual(plain);
    expect(await found('text', { docId: 'parts' })).toEqual(words);
  });

  it('are answered when both are as many as are allowed', async () => {
    const terms = Array.from({ length: 1_200 }, (_, n) => `w${n}x`);
    expect((await scores(terms, { docId: { $in: docIds(10_000) } })).size).toBe(NOTES.length);
    expect((await scores(terms, { docId: { $nin: docIds(10_000) } })).size).toBe(0);
  });
});
