import { beforeAll, describe, expect, it } from 'vitest';
import type { SearchInput } from '../../src/search/request.ts';
import type { Stacklore } from '../../src/stacklore.ts';
import { FakeEmbedder } from '../support/fake-embedder.ts';
import { openTestLore } from '../support/lore.ts';
import { usePrivateRedis } from '../support/redis.ts';

const redis = usePrivateRedis();
let lore: Stacklore;

const DAY_SECONDS = 86_400;

const TEXTS: Readonly<Record<string, { text: string; lang: string; ageDays: number }>> = {
  ferry: { text: 'The ferry to the island leaves at seven.', lang: 'en', ageDays: 0 },
  copy: { text: 'The ferry to the island leaves at seven!', lang: 'en', ageDays: 300 },
  boat: { text: 'A rowing boat takes an hour to the island.', lang: 'de', ageDays: 10 },
  lamp: { text: 'The lamp of the lighthouse burns all night.', lang: 'en', ageDays: 20 },
  bread: { text: 'Bread is baked before dawn.', lang: 'fr', ageDays: 30 },
};

beforeAll(async () => {
  lore = openTestLore(redis, {}, { embedder: new FakeEmbedder() });
  await lore.createCollection('docs', { fields: [{ name: 'lang', type: 'tag' }] });
  for (const [docId, { text, lang, ageDays }] of Object.entries(TEXTS)) {
    const document = { text, source: `${docId}.md`, docId, title: '', metadata: { lang } };
    await lore.ingestTexts([document], { collection: 'docs' });
    const updatedAt = Math.floor(Date.now() / 1_000) - ageDays * DAY_SECONDS;
    const chunk = `llama_index/vector_store/docs/${docId}_chunk_0`;
    await lore.databases.knowledge.send(['HSET', chunk, 'updated_at', String(updatedAt)]);
  }
});

const find = async (request: SearchInput) => {
  const answer = await lore.search({ collection: 'docs', ...request });
  return { ...answer, ids: answer.hits.map(({ docId }) => docId) };
};

describe('near-duplicates', () => {
  it('are left out when asked, the better one stays', async () => {
    const query = 'The ferry to the island leaves at seven.';
    expect((await find({ query })).ids).toEqual(expect.arrayContaining(['ferry', 'copy']));
    const collapsed = (await find({ query, collapse: true })).ids;
    expect(collapsed.filter((id) => id === 'ferry' || id === 'copy')).toHaveLength(1);
    expect(collapsed).toHaveLength(4);
    expect((await find({ query, collapse: 1 })).ids.length).toBeGreaterThanOrEqual(4);
  });

  it('are left out however many there are', async () => {
    await lore.createCollection('same');
    const texts = [
      ...Array.from({ length: 80 }, () => 'Gulls cry over the harbour.'),
      'Gulls nest on the roof of the mill.',
    ].map((text, at) => ({ text, docId: `gull${at}`, source: `${at}.md`, title: '' }));
    for (const { docId, text, source, title } of texts) {
      const document = { docId, source, title, contentType: 'text', wordCount: 5, hash: docId } as const;
      const vector = await new FakeEmbedder().embedQuery(text);
      await lore.documents.replace(
        await lore.collections.get('same'),
        document,
        [{ text, start: 0, end: 9 }],
        [vector],
      );
    }
    const found = await find({ query: 'gulls cry', collection: 'same', collapse: true, topK: 10 });
    expect(found.hits.map(({ text }) => text).toSorted()).toEqual([
      'Gulls cry over the harbour.',
      'Gulls nest on the roof of the mill.',
    ]);
  });

  it('come later the more unlike hits shall be', async () => {
    const query = 'The ferry to the island leaves at seven.';
    const place = (ids: string[]) => Math.max(ids.indexOf('ferry'), ids.indexOf('copy'));
    const plain = await find({ query });
    const diverse = await find({ query, diversity: 0.7 });
    expect(place(plain.ids)).toBe(1);
    expect(place(diverse.ids)).toBeGreaterThan(1);
    expect(diverse.ids.toSorted()).toEqual(plain.ids.toSorted());
  });
});

describe('pages of diverse hits', () => {
  it('neither overlap nor miss anything', async () => {
    const request = { query: 'The ferry to the island leaves at seven.', diversity: 0.7, topK: 2 };
    const pages = [0, 2, 4].map((offset) => find({ ...request, offset }));
    const ids = (await Promise.all(pages)).flatMap((page) => page.ids);
    expect(ids.toSorted()).toEqual(Object.keys(TEXTS).toSorted());
  });
});

describe('preferences', () => {
  it('move hits that pass a filter up or down', async () => {
    const query = 'the ferry to the island';
    expect((await find({ query })).ids[0]).not.toBe('boat');
    const boosts = [{ filter: { lang: 'de' }, weight: 5 }];
    expect((await find({ query, boosts })).ids[0]).toBe('boat');
    expect((await find({ query, boosts, mode: 'vector' })).ids[0]).toBe('boat');
    expect((await find({ query, boosts: [{ filter: { lang: 'en' }, weight: -5 }] })).ids.at(-1)).toMatch(
      /ferry|copy|lamp/,
    );
  });

  it('move newer documents up', async () => {
    const query = 'The ferry to the island leaves at seven!';
    expect((await find({ query, mode: 'vector' })).ids[0]).toBe('copy');
    const { ids } = await find({ query, mode: 'vector', decay: { halfLifeDays: 30 } });
    expect(ids[0]).toBe('ferry');
  });

  it('on undeclared fields are errors', async () => {
    const boosts = [{ filter: { colour: 'red' }, weight: 1 }];
    await expect(find({ query: 'ferry', boosts })).rejects.toMatchObject({ code: 'invalid_filter' });
    await expect(find({ query: 'zeppelin', mode: 'text', boosts })).rejects.toMatchObject({
      code: 'invalid_filter',
    });
  });
});

describe('several queries', () => {
  it('are fused into one answer', async () => {
    const { ids, hits, mode } = await find({ queries: ['lighthouse lamp', 'baked bread'], topK: 2 });
    expect(mode).toBe('hybrid');
    expect(ids.toSorted()).toEqual(['bread', 'lamp']);
    expect(
      hits.every(({ vectorScore = 0, matchedTerms }) => vectorScore > 0 && matchedTerms?.length === 2),
    ).toBe(true);
    expect((await find({ queries: ['lighthouse lamp', 'lighthouse lamp'] })).ids).toEqual(
      (await find({ query: 'lighthouse lamp' })).ids,
    );
  });
});

describe('more like this', () => {
  it('finds what is like a document or a chunk, but not itself', async () => {
    const byDocument = await find({ like: { docId: 'ferry' }, topK: 1 });
    expect(byDocument).toMatchObject({ ids: ['copy'], mode: 'vector' });
    expect((await find({ like: { chunkId: 'ferry_chunk_0' }, topK: 1 })).ids).toEqual(['copy']);
    expect((await find({ like: { docId: 'ferry' } })).ids).not.toContain('ferry');
  });

  it('takes the source or the row that a document is known by', async () => {
    const collection = 'like';
    const text = 'The ferry to the island leaves at seven.';
    await lore.ingestTexts([{ text, source: 'a/ferry.md' }], { collection });
    await lore.ingestTexts([{ text: `${text} Be early.`, source: 'rows#1', docId: 'like:pier' }], {
      collection,
    });
    const pier = await find({ like: { docId: 'a/ferry.md' }, collection });
    expect(pier.ids).toEqual(['like:pier']);
    const ferry = await find({ like: { docId: 'pier' }, collection });
    expect(ferry.hits.map(({ source }) => source)).toEqual(['a/ferry.md']);
  });

  it('says what is not there', async () => {
    await expect(find({ like: { docId: 'nobody' } })).rejects.toMatchObject({ code: 'not_found' });
    await expect(find({ like: { chunkId: 'nobody' } })).rejects.toMatchObject({ code: 'not_found' });
  });
});

describe('a search within a distance', () => {
  it('gives no hit beyond it', async () => {
    const query = 'The ferry to the island leaves at seven.';
    const { hits } = await find({ query, maxDistance: 0.2 });
    expect(hits.length).toBeGreaterThan(0);
    expect(hits.every(({ distance = 2 }) => distance <= 0.2)).toBe(true);
    expect((await find({ query, maxDistance: 2 })).ids).toHaveLength(5);
  });
});

describe('an exact search', () => {
  it('gives what a FLAT index would, with a filter and without', async () => {
    const query = 'The ferry to the island leaves at seven.';
    for (const filter of [undefined, { lang: 'en' }]) {
      const request = { query, mode: 'vector' as const, ...(filter && { filter }) };
      expect((await find({ ...request, exact: true })).ids).toEqual((await find(request)).ids);
    }
  });
});

describe('facets', () => {
  it('count the values of fields over all that was found, not over the page', async () => {
    const { facets } = await find({ query: 'the island', topK: 1, facets: ['lang', 'contentType'] });
    expect(facets?.lang).toEqual([
      { value: 'en', count: 3 },
      { value: 'de', count: 1 },
      { value: 'fr', count: 1 },
    ]);
    expect(facets?.contentType).toMatchObject([{ count: 5 }]);
  });

  it('leave out what is too unlike', async () => {
    const query = 'The ferry to the island leaves at seven.';
    const { hits, facets } = await find({ query, minScore: 0.9, facets: ['lang'] });
    expect(facets?.lang).toEqual([{ value: 'en', count: hits.length }]);
  });

  it('of undeclared fields are errors', async () => {
    await expect(find({ query: 'x', facets: ['colour'] })).rejects.toMatchObject({ code: 'invalid_input' });
    await expect(find({ query: 'x', facets: ['updated'] })).rejects.toMatchObject({ code: 'invalid_input' });
  });
});

describe('the window of a hit', () => {
  it('is what stands before and after it, within its document', async () => {
    await lore.createCollection('pages', { chunkSize: 16, chunkOverlap: 0 });
    const sentences = ['First comes the pier.', 'Then comes the gate.', 'At last there is the lamp.'].map(
      (sentence) => `${sentence} It is as old as the town and its harbour.`,
    );
    await lore.ingestTexts([{ text: sentences.join('\n\n'), source: 'walk.md' }], { collection: 'pages' });
    for (const mode of ['hybrid', 'vector'] as const) {
      const request = { query: 'Then comes the gate.', collection: 'pages', topK: 1, mode };
      const { hits } = await lore.search({ ...request, window: 1 });
      expect(hits[0]?.text).toContain('gate');
      expect(hits[0]?.window?.before.join(' ')).toContain('pier');
      expect(hits[0]?.window?.after.join(' ')).toContain('lamp');
      expect((await lore.search(request)).hits[0]?.window).toBeUndefined();
    }
  });
});

describe('pages by cursor', () => {
  it('neither overlap nor miss anything while documents change', async () => {
    const request = { query: 'the island', collection: 'docs', topK: 2 };
    const whole = (await find({ query: 'the island' })).ids;
    const first = await find({ ...request, cursor: true });
    expect(first.cursor).toEqual(expect.any(String));
    await lore.ingestTexts(
      [{ text: 'The island, the island, the island.', source: 'new.md', docId: 'new' }],
      {
        collection: 'docs',
      },
    );
    const pages = [first];
    for (let page = first; page.cursor !== undefined; ) {
      page = await find({ ...request, cursor: page.cursor });
      pages.push(page);
    }
    await lore.documents.delete('new');
    expect(pages.flatMap(({ ids }) => ids)).toEqual(whole);
    expect(pages.map(({ ids }) => ids.length)).toEqual([2, 2, 1]);
  });

  it('leave out what the filter excludes by then', async () => {
    const request = { query: 'the island', topK: 1, filter: { lang: 'en' } };
    const first = await find({ ...request, cursor: true });
    const [next] = (await find({ ...request, offset: 1 })).ids;
    const key = `llama_index/vector_store/docs/${next}_chunk_0`;
    await lore.databases.knowledge.send(['HSET', key, 'meta_lang', 'secret']);
    const second = await find({ ...request, cursor: first.cursor as string });
    await lore.databases.knowledge.send(['HSET', key, 'meta_lang', 'en']);
    expect(second.ids).toHaveLength(1);
    expect(second.ids).not.toContain(next);
  });

  it('go on beyond what was looked at first', async () => {
    await lore.createCollection('long');
    const embedder = new FakeEmbedder();
    const collection = await lore.collections.get('long');
    for (const [docId, count] of [
      ['many', 1_300],
      ['few', 3],
    ] as const) {
      const document = {
        docId,
        source: docId,
        title: '',
        contentType: 'text',
        wordCount: 5,
        hash: docId,
      } as const;
      const text = docId === 'many' ? 'island island island' : 'an island far away from here';
      const chunks = Array.from({ length: count }, (_, at) => ({ text, start: at, end: at + 1 }));
      const vector = await embedder.embedQuery(text);
      await lore.documents.replace(
        collection,
        document,
        chunks,
        chunks.map(() => vector),
      );
    }
    const request = { query: 'island', collection: 'long', maxPerDocument: 1, topK: 1 };
    const first = await find({ ...request, cursor: true });
    const second = await find({ ...request, cursor: first.cursor as string });
    expect([...first.ids, ...second.ids].toSorted()).toEqual(['few', 'many']);
  });

  it('belong to their search, and are refused otherwise', async () => {
    const { cursor } = await find({ query: 'the island', topK: 1, cursor: true });
    await expect(find({ query: 'another', topK: 1, cursor: cursor as string })).rejects.toMatchObject({
      code: 'invalid_input',
      message: expect.stringContaining('another search'),
    });
    await expect(find({ query: 'the island', cursor: 'abc' })).rejects.toMatchObject({
      code: 'invalid_input',
    });
    const gone = `${'0'.repeat(8)}-0000-0000-0000-${'0'.repeat(12)}.1`;
    await expect(find({ query: 'the island', cursor: gone })).rejects.toMatchObject({ code: 'not_found' });
    await expect(find({ query: 'the island', cursor: true, offset: 3 })).rejects.toMatchObject({
      code: 'invalid_input',
    });
  });
});

describe('requests that contradict themselves', () => {
  it.each<SearchInput>([
    { query: 'a', queries: ['b'] },
    { queries: [] },
    { query: 'a', like: { docId: 'ferry' } },
    { like: { docId: 'ferry' }, mode: 'text' },
    { query: 'a', diversity: 2 },
    { query: 'a', collapse: -1 },
    { query: 'a', window: -1 },
    { query: 'a', maxDistance: 3 },
    { query: 'a', decay: { halfLifeDays: 0 } },
    { query: 'a', boosts: [{ filter: { lang: 'en' }, weight: Number.NaN }] },
    { query: 'a', topK: 0 },
    { query: 'a', topK: 1_000_000 },
    { query: 'a', weight: 1.5 },
  ])('such as %j are refused', async (request) => {
    await expect(find(request)).rejects.toMatchObject({ code: 'invalid_input' });
  });
});
