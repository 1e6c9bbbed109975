import { beforeAll, describe, expect, it } from 'vitest';
import { chunkRecord } from '../../src/schema/knowledge.ts';
import type { SearchAnswer, SearchHit } from '../../src/search/search.ts';
import type { Stacklore } from '../../src/stacklore.ts';
import { FakeEmbedder } from '../support/fake-embedder.ts';
import { openTestLore } from '../support/lore.ts';
import { usePrivateRedis } from '../support/redis.ts';

const redis = usePrivateRedis();
const embedder = new FakeEmbedder();
let lore: Stacklore;

beforeAll(async () => {
  lore = openTestLore(redis, {}, { embedder });
  await lore.createCollection('docs', { fields: [{ name: 'lang', type: 'tag' }] });
  await lore.createCollection('notes', { index: 'flat' });
  await lore.createCollection('angles', { dimensions: 2, index: 'flat' });
  await publish('docs', 'sessions', ['sessions expire after one day', 'tokens are renewed by a visit']);
  await publish('docs', 'backups', ['a backup is written each night'], { lang: 'en' });
  await publish('notes', 'todo', ['sessions expire too early', 'buy milk']);
});

/** Stores texts as a document's chunks, embedded as the embedder does. */
async function publish(name: string, docId: string, texts: string[], metadata: Record<string, unknown> = {}) {
  const collection = await lore.collections.get(name);
  const chunks = texts.map((text, index) => ({
    text,
    start: index * 100,
    end: index * 100 + text.length,
    headings: ['Top'],
  }));
  const document = {
    docId,
    title: `About ${docId}`,
    source: `/docs/${docId}.md`,
    contentType: 'markdown',
    wordCount: 1,
  };
  const embeddings = await embedder.embedTexts(texts);
  await lore.documents.replace(collection, { ...document, hash: docId, metadata }, chunks, embeddings);
}

/** A direction in the plane: its distance from `angle(0)` is 1 − cos(degrees). */
const angle = (degrees: number) =>
  Float32Array.of(Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180));

/** Stores chunks as another program would: any metadata, at the given angle. */
async function putAngles(
  collection: string,
  chunks: { id: string; docId: string; degrees: number; metadata?: string }[],
) {
  await lore.databases.knowledge.pipeline(
    chunks.map(({ id, docId, degrees, metadata = '{}' }) => [
      ...['HSET', chunkRecord.key.build({ collection, chunkId: id })],
      ...['embedding', Buffer.from(angle(degrees).buffer), 'text', `text of ${id}`, 'metadata', metadata],
      ...['doc_id', docId, 'node_id', `node of ${id}`],
    ]),
  );
}

const ids = ({ hits }: SearchAnswer) => hits.map(({ chunkId }) => chunkId);

describe('search', () => {
  it('finds the nearest chunk of a question with everything that a citation needs', async () => {
    const { hits, warnings } = await lore.search({
      query: 'sessions expire after one day',
      collection: 'docs',
      topK: 1,
    });
    expect(warnings).toEqual([]);
    expect(hits).toHaveLength(1);
    const [hit] = hits as [SearchHit];
    expect(hit).toMatchObject({
      ...{
        chunkId: 'sessions_chunk_0',
        docId: 'sessions',
        collection: 'docs',
        text: 'sessions expire after one day',
      },
      ...{ title: 'About sessions', source: '/docs/sessions.md', headings: ['Top'], start: 0, end: 29 },
      metadata: { chunk_index: 0 },
    });
    expect(hit.nodeId).toMatch(/^[0-9a-f]{32}-0$/);
    expect(hit.vectorScore).toBe(1 - (hit.distance ?? Number.NaN));
    expect(hit.vectorScore).toBeCloseTo(1);
    expect(hit).toMatchObject({ vectorRank: 1, textRank: 1 });
  });

  it('gives the same hits for the vector of the question', async () => {
    const vector = await embedder.embedQuery('sessions');
    const byVector = await lore.search({ vector, collection: 'docs' });
    expect(byVector.hits.every((hit) => hit.score === hit.vectorScore)).toBe(true);
    expect(byVector).toEqual(await lore.search({ query: 'sessions', mode: 'vector', collection: 'docs' }));
    expect(await lore.search({ vector: [...vector], collection: 'docs' })).toEqual(byVector);
  });

  it('narrows by filter before it looks for neighbours', async () => {
    const filtered = await lore.search({
      query: 'sessions',
      collection: 'docs',
      filter: { lang: 'en' },
      topK: 1,
    });
    expect(ids(filtered)).toEqual(['backups_chunk_0']);
    expect(ids(await lore.search({ query: 'sessions', collection: 'docs', filter: { lang: 'fr' } }))).toEqual(
      [],
    );
  });

  it('never widens a search whose filter cannot be used', async () => {
    for (const filter of [null, {}, { colour: 'red' }, '', false, 0]) {
      const request = { query: 'sessions', collection: 'docs', filter } as { query: string };
      await expect(lore.search(request)).rejects.toMatchObject({ code: 'invalid_filter' });
    }
  });

  it('answers an empty collection with no hits', async () => {
    await lore.createCollection('empty');
    expect(await lore.search({ query: 'anything', collection: 'empty' })).toEqual({
      hits: [],
      warnings: [],
      mode: 'hybrid',
    });
  });

  it('says that a collection does not exist', async () => {
    await expect(lore.search({ query: 'x', collection: 'nowhere' })).rejects.toMatchObject({
      code: 'not_found',
    });
  });

  it('rebuilds a lost index and says so', async () => {
    await lore.databases.knowledge.send(['FT.DROPINDEX', 'stacklore:live:notes']);
    const answer = await lore.search({ query: 'milk', collection: 'notes', topK: 1 });
    expect(ids(answer)).toEqual(['todo_chunk_1']);
    expect(answer.warnings).toEqual([
      'The index of collection "notes" was lost or not filled yet, so this search waited until it was whole.',
    ]);
    expect((await lore.search({ query: 'milk', collection: 'notes', topK: 1 })).warnings).toEqual([]);
  });
});

describe('paging and limits', () => {
  beforeAll(async () => {
    // Document "big" holds the 60 nearest chunks, "a" to "d" one at every further degree in turn.
    const big = Array.from({ length: 60 }, (_, index) => ({
      id: `big_${index}`,
      docId: 'big',
      degrees: 1 + index / 100,
    }));
    const rest = Array.from({ length: 40 }, (_, index) => {
      return { id: `rest_${index}`, docId: 'abcd'.charAt(index % 4), degrees: 2 + index };
    });
    await putAngles('angles', [...rest, ...big]);
  });

  it('gives the pages of one list', async () => {
    const request = { vector: angle(0), collection: 'angles' };
    const whole = ids(await lore.search({ ...request, topK: 100 }));
    expect(whole).toHaveLength(100);
    for (const offset of [0, 30, 60, 90, 95]) {
      const page = await lore.search({ ...request, topK: 30, offset });
      expect(ids(page)).toEqual(whole.slice(offset, offset + 30));
    }
    expect((await lore.search({ ...request, offset: 100 })).hits).toEqual([]);
  });

  it('leaves out hits below minScore', async () => {
    const minScore = Math.cos((10.5 * Math.PI) / 180);
    const { hits } = await lore.search({ vector: angle(0), collection: 'angles', topK: 100, minScore });
    expect(hits).toHaveLength(60 + 9);
    expect(Math.min(...hits.map(({ vectorScore = -1 }) => vectorScore))).toBeGreaterThanOrEqual(minScore);
  });

  it('gives at most n chunks of a document, looking past a document that holds all of the nearest', async () => {
    const request = { vector: angle(0), collection: 'angles', maxPerDocument: 2 };
    const wanted = ['big_0', 'big_1', ...Array.from({ length: 8 }, (_, index) => `rest_${index}`)];
    expect(ids(await lore.search({ ...request, topK: 1 }))).toEqual(wanted.slice(0, 1));
    expect(ids(await lore.search({ ...request, topK: 6 }))).toEqual(wanted.slice(0, 6));
    expect(ids(await lore.search({ ...request, topK: 4, offset: 3 }))).toEqual(wanted.slice(3, 7));
    expect(ids(await lore.search({ ...request, topK: 100 }))).toEqual(wanted);
    const minScore = Math.cos((4.5 * Math.PI) / 180);
    expect(ids(await lore.search({ ...request, topK: 100, minScore }))).toEqual(wanted.slice(0, 5));
  });

  it('says when one document hides what lies behind the 10,000 nearest chunks', {
    timeout: 60_000,
  }, async () => {
    await lore.createCollection('flood', { dimensions: 2, index: 'flat' });
    const flood = Array.from({ length: 10_000 }, (_, n) => ({
      id: `big_${n}`,
      docId: 'big',
      degrees: n / 1_000,
    }));
    await putAngles('flood', [...flood, { id: 'hidden', docId: 'other', degrees: 90 }]);
    const answer = await lore.search({ vector: angle(0), collection: 'flood', topK: 2, maxPerDocument: 1 });
    expect(ids(answer)).toHaveLength(1);
    expect(answer.warnings.join()).toContain('nearest 10000 chunks');
  });

  it('searches an HNSW index as widely as asked, up to the limit', async () => {
    await lore.createCollection('wide', { dimensions: 2 });
    await putAngles('wide', [{ id: 'only', docId: 'only', degrees: 5 }]);
    for (const efRuntime of [1, 10_000]) {
      expect(ids(await lore.search({ vector: angle(0), collection: 'wide', efRuntime }))).toEqual(['only']);
    }
  });

  it('orders equally near chunks by their ids', async () => {
    await lore.createCollection('twins', { dimensions: 2 });
    await putAngles(
      'twins',
      ['c', 'a', 'd', 'b'].map((id) => ({ id, docId: id, degrees: 5 })),
    );
    expect(ids(await lore.search({ vector: angle(0), collection: 'twins' }))).toEqual(['a', 'b', 'c', 'd']);
  });
});

describe('hits per document', () => {
  it('are looked for further on when some of the nearest are ghosts', async () => {
    await lore.createCollection('haunted', { dimensions: 2, index: 'flat' });
    const near = [0, 1, 2, 4].map((degrees) => ({ id: `a${degrees}`, docId: 'a', degrees }));
    await putAngles('haunted', [...near, { id: 'b', docId: 'b', degrees: 60 }]);
    // A key of that name in another database number becomes a match without fields.
    const elsewhere = openTestLore(redis, { databases: { main: { number: 1 } } }).databases.main;
    const ghost = chunkRecord.key.build({ collection: 'haunted', chunkId: 'ghost' });
    await elsewhere.send(['HSET', ghost, 'embedding', Buffer.from(angle(3).buffer)]);
    const request = { vector: angle(0), collection: 'haunted', topK: 2, maxPerDocument: 1 };
    expect(ids(await lore.search(request))).toEqual(['a0', 'b']);
  });
});

describe('several collections', () => {
  it('are merged into one order, each chunk once', async () => {
    const answer = await lore.search({
      query: 'sessions expire too early',
      collections: ['docs', 'notes', 'docs'],
      topK: 2,
    });
    expect(answer.hits.map(({ collection, chunkId }) => [collection, chunkId])).toEqual([
      ['notes', 'todo_chunk_0'],
      ['docs', 'sessions_chunk_0'],
    ]);
  });

  it('are paged as one list', async () => {
    const request = { query: 'sessions', collections: ['docs', 'notes'] };
    const whole = ids(await lore.search(request));
    expect(whole).toHaveLength(5);
    expect(ids(await lore.search({ ...request, topK: 2, offset: 2 }))).toEqual(whole.slice(2, 4));
    expect(ids(await lore.search({ ...request, topK: 3, offset: 1, maxPerDocument: 9 }))).toEqual(
      whole.slice(1, 4),
    );
  });

  it('must all have the fields of the filter', async () => {
    const request = { query: 'x', collections: ['docs', 'notes'], filter: { lang: 'en' } };
    await expect(lore.search(request)).rejects.toMatchObject({ code: 'invalid_filter' });
  });

  it('are refused when their distances mean different things', async () => {
    const request = { vector: angle(0), collections: ['angles', 'docs'] };
    await expect(lore.search(request)).rejects.toMatchObject({
      code: 'manifest_mismatch',
      message: expect.stringContaining('dimensions 2 / 64'),
    });
  });
});

describe('models', () => {
  const withModel = (options: ConstructorParameters<typeof FakeEmbedder>[0]) =>
    openTestLore(redis, {}, { embedder: new FakeEmbedder(options) });

  it('refuses a text for a collection whose vectors the caller gave', async () => {
    await expect(lore.search({ query: 'x', collection: 'angles' })).rejects.toMatchObject({
      code: 'manifest_mismatch',
      message: expect.stringContaining('Give a vector beside the text'),
    });
  });

  it.each([
    [{ model: { name: 'fake/other' } }, 'model fake/bag-of-words / fake/other'],
    [{ model: { pooling: 'cls' as const } }, 'pooling mean / cls'],
    [{ model: { tokenizerSha256: 'a'.repeat(64) } }, 'tokenizer'],
    [{ model: { queryPrefix: 'query: ' } }, 'query prefix "" / "query: "'],
    [{ dimensions: 32 }, 'dimensions 64 / 32'],
  ])('refuses a collection of another model: %j', async (options, part) => {
    await expect(withModel(options).search({ query: 'x', collection: 'docs' })).rejects.toMatchObject({
      code: 'manifest_mismatch',
      message: expect.stringContaining(part),
    });
  });

  it('warns of another quantisation of the same model', async () => {
    const other = withModel({ model: { weightsSha256: 'b'.repeat(64) } });
    const { hits, warnings } = await other.search({ query: 'sessions', collection: 'docs' });
    expect(hits).toHaveLength(3);
    expect(warnings).toEqual([expect.stringContaining('another quantisation of fake/bag-of-words')]);
  });

  it('does not care for the document prefix and the chunk length', async () => {
    const other = withModel({ maxTokens: 128, model: { documentPrefix: 'passage: ' } });
    expect((await other.search({ query: 'sessions', collection: 'docs' })).warnings).toEqual([]);
  });

  it.each([
    [Float32Array.of(1, 2), 'dimension_mismatch'],
    [new Float32Array(64), 'invalid_vector'],
    [new Float32Array(64).fill(Number.NaN), 'invalid_vector'],
  ])('refuses a vector without a direction or of other dimensions', async (vector, code) => {
    await expect(lore.search({ vector, collection: 'docs' })).rejects.toMatchObject({ code });
  });
});

describe('chunks of other writers', () => {
  it('are hits whatever their metadata holds', async () => {
    await lore.createCollection('foreign', { dimensions: 2 });
    await putAngles('foreign', [
      { id: 'none', docId: 'd', degrees: 0 },
      { id: 'broken', docId: 'd', degrees: 1, metadata: 'not json' },
      {
        ...{ id: 'odd', docId: 'd', degrees: 2 },
        metadata: '{"title":7,"source":"s.md","headings":["a",1],"start":"0","end":5,"page":-1,"mine":[1]}',
      },
      { id: 'turned', docId: 'd', degrees: 3, metadata: '{"title":" ","start":9,"end":5,"page":2}' },
    ]);
    const { hits } = await lore.search({ vector: angle(0), collection: 'foreign' });
    expect(ids({ hits, warnings: [], mode: 'vector' })).toEqual(['none', 'broken', 'odd', 'turned']);
    expect(hits[0]).toMatchObject({ title: 'd', source: 'd', headings: [], metadata: {} });
    expect(hits[2]).toMatchObject({ title: 's.md', source: 's.md', headings: [], metadata: { mine: [1] } });
    expect(hits[3]).toMatchObject({ title: 'd', page: 2 });
    for (const hit of hits) expect(hit).not.toHaveProperty('start');
    expect(hits[2]).not.toHaveProperty('page');
  });
});

describe('any text', () => {
  const texts = [
    ...[
      'the|is|running',
      '@text:(the|is|x)',
      `w'${'x'.repeat(2_000)}'`,
      `*${'y'.repeat(2_000)}*`,
      '*=>[KNN 1 @embedding $v]',
    ],
    ...[
      '"',
      '\\',
      '$k',
      '@doc_id:{*}',
      '(((((',
      '-',
      '%',
      '日本語の質問',
      'كيف تنتهي الجلسة؟',
      '🙂🙃👩‍👩‍👧',
      '\u0000\u0001\u0007',
      '\u200b',
    ],
    ...['\ud800', 'a\r\nFLUSHALL\r\n', 'ﬀ', '1e309', 'a'.repeat(50_000)],
  ];

  it.each(texts.map((text) => [text]))('is answered or refused with a typed error: %j', async (text) => {
    const outcome = await lore
      .search({ query: text, collection: 'docs', topK: 2 })
      .catch((error: unknown) => error);
    if (outcome instanceof Error)
      expect(outcome).toMatchObject({ code: expect.stringMatching(/^(invalid_input|too_large)$/) });
    else expect(outcome).toMatchObject({ hits: [expect.anything(), expect.anything()] });
  });

  it('is a value in a filter and nothing else', async () => {
    for (const lang of texts.filter(
      (text) => text.isWellFormed() && !text.includes('\u0000') && text.length < 4_096,
    )) {
      expect(await lore.search({ query: 'sessions', collection: 'docs', filter: { lang } })).toEqual({
        hits: [],
        warnings: [],
        mode: 'hybrid',
      });
    }
  });

  it('leaves the server as it was', async () => {
    expect(
      ids(await lore.search({ query: 'sessions expire after one day', collection: 'docs', topK: 1 })),
    ).toEqual(['sessions_chunk_0']);
  });
});

describe('context', () => {
  it('packs what a search finds under the budget, with citations and as a chat', async () => {
    const context = await lore.context({
      query: 'sessions expire after one day',
      collections: ['docs', 'notes'],
      maxTokens: 60,
    });
    expect(context.text).toMatch(
      /^\[1\] About sessions › Top \(\/docs\/sessions\.md\)\nsessions expire after one day/,
    );
    expect(context.tokens).toBe(embedder.countTokens(context.text));
    expect(context.tokens).toBeLessThanOrEqual(60);
    expect(context.citations[0]).toMatchObject({
      number: 1,
      docId: 'sessions',
      chunkIds: ['sessions_chunk_0'],
    });
    expect(context.omitted.length).toBeGreaterThan(0);
    expect(context.messages?.map(({ role }) => role)).toEqual(['system', 'user']);
    expect(context.warnings).toEqual([]);
  });

  it('says so when the budget has no room for any hit', async () => {
    const context = await lore.context({ query: 'sessions expire', collection: 'docs', maxTokens: 2 });
    expect(context).toMatchObject({ text: '', citations: [] });
    expect(context.warnings).toEqual([expect.stringContaining('Raise maxTokens (--max-tokens)')]);
  });

  it('has no chat for a vector, which asks no question', async () => {
    const context = await lore.context({ vector: angle(0), collection: 'angles' });
    expect(context).not.toHaveProperty('messages');
    expect(context.citations.length).toBeGreaterThan(0);
  });
});
