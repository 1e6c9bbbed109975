import { beforeAll, describe, expect, it } from 'vitest';
import { chunkRecord } from '../../src/schema/knowledge.ts';
import { type ExplainInput, explain as explainIn } from '../../src/search/explain.ts';
import type { Stacklore } from '../../src/stacklore.ts';
import { SearchCursors } from '../../src/stores/knowledge/search-cursors.ts';
import { VectorIndex } from '../../src/stores/knowledge/vector-index.ts';
import { FakeEmbedder } from '../support/fake-embedder.ts';
import { openTestLore } from '../support/lore.ts';
import { usePrivateRedis } from '../support/redis.ts';

const redis = usePrivateRedis();
let lore: Stacklore;

const TEXTS: Readonly<Record<string, string>> = {
  errors: 'The code E4711 means that the disk is full.',
  sessions: 'Sessions expire after one day. Visits renew them.',
  backups: 'A backup is written each night and kept for a week.',
  settings: 'Set efRuntime to search an index more widely.',
};

beforeAll(async () => {
  lore = openTestLore(redis);
  await lore.createCollection('docs', {
    fields: [
      { name: 'lang', type: 'tag' },
      { name: 'year', type: 'number' },
    ],
  });
  for (const [docId, text] of Object.entries(TEXTS)) {
    const metadata = docId === 'backups' ? {} : { lang: docId === 'errors' ? 'de' : 'en', year: 2020 };
    await lore.ingestTexts([{ text, source: `${docId}.md`, docId, title: docId, metadata }], {
      collection: 'docs',
    });
  }
  // Enough of them that a side does not give all.
  await lore.ingestTexts(
    Array.from({ length: 400 }, (_, n) => ({
      text: n < 350 ? `Sessions expire, says note ${n}.` : `Nothing of that sort, says note ${n}.`,
      ...{ source: `${n}.md`, docId: `note-${n}` },
    })),
    { collection: 'many' },
  );
  await lore.ingestTexts([{ text: 'Umbrella', source: 'u.md', docId: 'umbrella' }], { collection: 'many' });
});

const explain = (request: ExplainInput) => lore.explain({ collection: 'docs', ...request });

describe('an explanation of a document that is found', () => {
  it('tells its place in the answer, on both sides and in the order of both', async () => {
    const query = 'the code E4711';
    const { hits } = await lore.search({ query, collection: 'docs' });
    const { outcome, hit, chunks, mode, title, depth } = await explain({ query, docId: 'errors' });
    expect({ outcome, hit, mode, title, depth }).toEqual({
      ...{ outcome: 'found', hit: 1, mode: 'hybrid', title: 'errors', depth: 300 },
    });
    const [first] = hits;
    expect(chunks).toEqual([
      {
        ...{ chunkId: 'errors_chunk_0', hit: 1, passesFilter: true },
        vector: {
          score: expect.closeTo(first?.vectorScore ?? 9, 5),
          rank: first?.vectorRank,
          isCandidate: true,
        },
        text: { score: first?.textScore, rank: 1, isCandidate: true },
        fused: { rank: 1, score: first?.score },
        ...{ matchedTerms: ['code', 'e4711'], missingTerms: [] },
      },
    ]);
  });

  it('agrees with every hit of the answer, also under a filter', async () => {
    const request = { query: 'renew an index of sessions', filter: { lang: 'en' }, collection: 'docs' };
    const { hits } = await lore.search(request);
    expect(hits).toHaveLength(2);
    for (const [at, found] of hits.entries()) {
      const { hit, chunks } = await explain({ ...request, docId: found.docId });
      expect(hit).toBe(at + 1);
      expect(chunks[0]?.text?.score ?? 0).toBeCloseTo(found.textScore ?? 0, 5);
      expect(chunks[0]?.vector).toMatchObject({ rank: found.vectorRank });
    }
  });

  it('tells words that are not looked up, and those the document lacks', async () => {
    const { terms, stopWords, missingTerms, reasons } = await explain({
      ...{ query: 'when do the sessions of zebras expire', docId: 'sessions' },
    });
    expect(terms).toEqual(['session', 'zebra', 'expir']);
    expect(stopWords).toEqual(['when', 'do', 'the', 'of']);
    expect(missingTerms).toEqual(['zebra']);
    expect(reasons.join('\n')).toContain('It lacks these words of the query: zebra.');
  });

  it('counts places from the first hit of all when the answer begins later', async () => {
    const { hits } = await lore.search({ query: 'sessions', collection: 'docs', offset: 2 });
    const { hit } = await explain({ query: 'sessions', docId: hits[0]?.docId ?? '', offset: 2 });
    expect(hit).toBe(3);
  });
});

describe('an explanation of a document that is not found', () => {
  it('names each condition that excludes it, with what it has instead', async () => {
    const { outcome, failedConditions, reasons, chunks } = await explain({
      ...{ query: 'disk full', docId: 'errors' },
      filter: { $and: [{ year: { $gte: 2019 } }, { lang: 'en' }], source: { $ne: 'errors.md' } },
    });
    expect(outcome).toBe('excluded_by_filter');
    expect(failedConditions).toEqual([
      { condition: { lang: 'en' }, chunks: 0, value: 'de' },
      { condition: { source: { $ne: 'errors.md' } }, chunks: 0, value: 'errors.md' },
    ]);
    expect(reasons[0]).toBe('None of its chunks meets the condition {"lang":"en"}. Its lang is "de".');
    expect(chunks[0]).toMatchObject({ passesFilter: false, vector: { isCandidate: false } });
    const without = await explain({ query: 'backup', docId: 'backups', filter: { lang: 'en' } });
    expect(without.reasons[0]).toBe('None of its chunks meets the condition {"lang":"en"}. It has no lang.');
  });

  it('says at which place it stands when the page ends before', async () => {
    const { outcome, reasons, chunks } = await explain({
      query: 'sessions expire',
      docId: 'backups',
      topK: 1,
    });
    expect(outcome).toBe('beyond_page');
    const place = chunks[0]?.fused?.rank ?? 0;
    expect(reasons[0]).toMatch(
      new RegExp(`^It stands at ${place} with score .*Raise topK \\(--top-k\\) to ${place} `),
    );
    const { hits } = await lore.search({ query: 'sessions expire', collection: 'docs', topK: place });
    expect(hits.at(-1)?.docId).toBe('backups');
    const early = await explain({ query: 'sessions expire', docId: 'sessions', offset: 1 });
    expect(early).toMatchObject({
      outcome: 'beyond_page',
      reasons: [expect.stringContaining('before the page'), expect.anything()],
    });
  });

  it('says when neither side gave it, and where it really stands', async () => {
    const { outcome, reasons, chunks } = await explain({
      ...{ query: 'sessions expire', docId: 'umbrella', collection: 'many' },
    });
    expect(outcome).toBe('beyond_depth');
    expect(reasons[0]).toContain('among the 300 best of a side');
    expect(chunks[0]?.vector?.rank).toBeGreaterThan(300);
    expect(chunks[0]?.vector?.isCandidate).toBe(false);
    expect(chunks[0]?.text).toBeUndefined();
  });

  it('compares its similarity with minScore', async () => {
    const { outcome, reasons } = await explain({ query: 'disk full', docId: 'backups', minScore: 0.9 });
    expect(outcome).toBe('below_min_score');
    expect(reasons[0]).toMatch(/^Its best vectorScore is .*below minScore 0\.9\.$/);
    const asked = { query: 'disk full', docId: 'backups', maxDistance: 0.3 };
    expect((await explain(asked)).reasons[0]).toContain('below minScore 0.7 (maxDistance 0.3).');
    expect((await explain({ ...asked, minScore: 0.9 })).reasons[0]).toContain('below minScore 0.9.');
  });

  it('says when a search by words alone passes it over', async () => {
    const other = await explain({ query: 'disk full', docId: 'backups', mode: 'text' });
    expect(other).toMatchObject({ outcome: 'without_words', missingTerms: ['disk', 'full'] });
    const none = await explain({ query: 'the of', docId: 'backups', mode: 'text' });
    expect(none).toMatchObject({ outcome: 'without_words', terms: [], stopWords: ['the', 'of'] });
    expect(none.reasons[0]).toContain('No word of the query is left');
  });

  it('says when it is not stored, or in another collection', async () => {
    const nowhere = await explain({ query: 'disk', docId: 'nothing' });
    expect(nowhere).toMatchObject({ outcome: 'not_stored', chunks: [], chunkCount: 0 });
    const { outcome, reasons } = await explain({ query: 'disk', docId: 'umbrella' });
    expect(outcome).toBe('not_stored');
    expect(reasons[0]).toBe('Document "umbrella" is in collection "many", not in "docs".');
  });

  it('says what is wrong with chunks that no search can find', async () => {
    await lore.ingestTexts([{ text: 'Broken in three ways.', source: 'b.md', docId: 'broken' }], {
      collection: 'docs',
    });
    const key = chunkRecord.key.build({ collection: 'docs', chunkId: 'broken_chunk_0' });
    const { knowledge } = lore.databases;
    const ask = () => explain({ query: 'broken ways', docId: 'broken' });

    await knowledge.send(['HSET', key, 'embedding', Buffer.alloc(12)]);
    const short = await ask();
    expect(short).toMatchObject({ outcome: 'not_indexed', chunkCount: 1 });
    expect(short.reasons.join()).toContain(
      "broken_chunk_0: its vector has 3 dimensions, the collection's have 64",
    );

    await knowledge.send(['HSET', key, 'embedding', Buffer.alloc(256)]);
    expect((await ask()).chunks[0]?.problem).toContain('all zeros or holds NaN');

    await knowledge.send(['HDEL', key, 'embedding']);
    expect((await ask()).chunks[0]?.problem).toBe('it has no vector of 64 dimensions');

    await knowledge.send(['UNLINK', key]);
    expect(await ask()).toMatchObject({
      outcome: 'not_indexed',
      chunks: [{ problem: 'it is not stored, although the document counts it' }],
    });
    await lore.documents.delete('broken');
  });

  it('says when an option of the search prefers others to it', async () => {
    const text = 'Lanterns are lit at dusk.';
    for (const docId of ['lantern', 'twin'])
      await lore.ingestTexts([{ text, title: 'Dusk', source: `${docId}.md`, docId }], {
        collection: 'twins',
      });
    const request = { query: 'lanterns lit', collection: 'twins', collapse: true };
    const { hits } = await lore.search(request);
    expect(hits).toHaveLength(1);
    const other = hits[0]?.docId === 'twin' ? 'lantern' : 'twin';
    expect(await explain({ ...request, docId: other })).toMatchObject({
      outcome: 'left_out',
      reasons: [expect.stringContaining('such as collapse'), expect.anything()],
    });
    const boosted = { boosts: [{ filter: { docId: other }, weight: 5 }], collection: 'twins' };
    expect(await explain({ query: 'lanterns', docId: other, ...boosted })).toMatchObject({ hit: 1 });
  });

  it.each(['flat', 'hnsw'] as const)('stands among documents where each has a limit, %s', async (index) => {
    const collection = `limited-${index}`;
    await lore.createCollection(collection, { index, chunkSize: 16, chunkOverlap: 0 });
    const loans = Array.from({ length: 12 }, (_, n) => `Renew a loan for reason ${n}.`).join('\n\n');
    const [first, second, third] = ['first', 'second', 'third'].map((name) => `${index}-${name}`) as [
      ...[string, string, string],
    ];
    const texts = { [first]: loans, [second]: 'A loan of bees.', [third]: 'Zebras graze here.' };
    for (const [docId, text] of Object.entries(texts))
      await lore.ingestTexts([{ text, source: `${docId}.md`, docId }], { collection });
    const request = { query: 'renew a loan for reason', collection, mode: 'vector' } as const;
    const limited = { ...request, maxPerDocument: 1 };
    const { hits } = await lore.search(limited);
    expect(hits.map(({ docId }) => docId)).toEqual([first, second, third]);
    const found = await explain({ ...limited, docId: second });
    expect(found).toMatchObject({ outcome: 'found', hit: 2, chunks: [{ vector: { rank: 7 } }] });
    expect(found.reasons[0]).toMatch(/^It is hit 2: .* stands at 2 with score/);
    const beyond = await explain({ ...limited, docId: second, topK: 1 });
    expect(beyond).toMatchObject({ outcome: 'beyond_page', depth: 1 });
    expect(beyond.reasons[0]).toMatch(/^It stands at 2 .*Raise topK \(--top-k\) to 2 /);
    const wider = await explain({ ...limited, docId: third, topK: 2 });
    expect(wider).toMatchObject({ outcome: 'beyond_page', depth: 7 });
    const unlimited = await explain({ ...request, docId: second, topK: 2 });
    expect(unlimited.reasons[0]).toMatch(/^It stands at 7 /);
  });

  it.each([
    ['flat', false, 'left_out'],
    ['hnsw', true, 'left_out'],
    ['hnsw', false, 'missed_by_index'],
  ] as const)('blames an index only where it is approximate: %s, exact %s', async (index, exact, outcome) => {
    const collection = `blamed-${index}-${exact}`;
    await lore.createCollection(collection, { index });
    const docId = `doc-${collection}`;
    await lore.ingestTexts([{ text: 'The lamp is lit.', source: 'lamp.md', docId }], { collection });
    const { collections, documents, databases } = lore;
    // Stands for a search that does not come across it.
    class Blind extends VectorIndex {
      override knn = async () => ({ matches: [], rows: 0, rebuilt: false });
    }
    const parts = {
      ...{ collections, documents, vectorIndex: new Blind(databases.knowledge, { searchTimeoutMs: 1_000 }) },
      cursors: new SearchCursors(databases.knowledge),
      embedder: async () => new FakeEmbedder(),
    };
    const request = { query: 'lamp', collection, docId, mode: 'vector', exact } as const;
    expect(await explainIn(parts, request)).toMatchObject({ outcome, chunks: [{ fused: { rank: 1 } }] });
  });

  it('says when the approximate index missed it', async () => {
    await lore.createCollection('sparse', { index: 'hnsw', m: 2, efConstruction: 1, efRuntime: 1 });
    await lore.ingestTexts(
      Array.from({ length: 300 }, (_, n) => ({
        text: `Note ${n * 7919} on ${n % 17} of ${n % 23}`,
        ...{ source: `${n}.md`, docId: `sparse-${n}` },
      })),
      { collection: 'sparse' },
    );
    const search = { query: 'note on 5 of 7', collection: 'sparse', mode: 'vector', topK: 10 } as const;
    const exact = await lore.search({ ...search, efRuntime: 10_000, topK: 200 });
    const found = new Set((await lore.search({ ...search, efRuntime: 1 })).hits.map(({ docId }) => docId));
    const missed = exact.hits.slice(0, 10).find(({ docId }) => !found.has(docId));
    expect(missed).toBeDefined();
    const { outcome, reasons } = await explain({ ...search, docId: missed?.docId ?? '', efRuntime: 1 });
    expect(outcome).toBe('missed_by_index');
    expect(reasons[0]).toContain('EF_RUNTIME 1.');
  }, 20_000);
});

describe('an explanation', () => {
  it('knows documents by their source and finds chunks of other programs', async () => {
    const bySource = await lore.ingestTexts([{ text: 'Lent in May.', source: 'may.md' }], {
      collection: 'docs',
    });
    expect(bySource.counts.created).toBe(1);
    expect(await explain({ query: 'lent', docId: 'may.md' })).toMatchObject({
      outcome: 'found',
      chunkCount: 1,
    });
    const fields = chunkRecord.encode({
      ...{ embedding: await lore.embedQuery('Foreign words'), text: 'Foreign words', metadata: {} },
      ...{ docId: 'foreign', nodeId: 'n' },
    });
    const key = chunkRecord.key.build({ collection: 'docs', chunkId: 'other-form' });
    await lore.databases.knowledge.send(['HSET', key, ...fields]);
    const { outcome, chunks } = await explain({ query: 'foreign words', docId: 'foreign' });
    expect(outcome).toBe('found');
    expect(chunks[0]).toMatchObject({ chunkId: 'other-form', problem: 'no words are indexed for it' });
    await lore.databases.knowledge.send(['UNLINK', key]);
  });

  it('works in several collections, with a vector, and where no words are indexed', async () => {
    const both = await lore.explain({ query: 'umbrella', docId: 'umbrella', collections: ['docs', 'many'] });
    expect(both).toMatchObject({ outcome: 'found', hit: 1, collection: 'many' });
    const vector = await lore.embedQuery('disk full');
    const byVector = await lore.explain({ vector, docId: 'errors', collection: 'docs' });
    expect(byVector).toMatchObject({ outcome: 'found', mode: 'vector', terms: [], stopWords: [] });
    await lore.createCollection('given', { dimensions: 64, index: 'flat' });
    const collection = await lore.collections.get('given');
    const document = {
      docId: 'own',
      title: 'Own',
      source: 'own',
      contentType: 'text/plain',
      wordCount: 1,
      hash: '0',
    };
    await lore.documents.replace(collection, document, [{ text: 'Own' }], [vector]);
    expect(await lore.explain({ vector, docId: 'own', collection: 'given' })).toMatchObject({
      outcome: 'found',
      hit: 1,
    });
  });

  it('refuses what cannot be searched, and leaves the server up', async () => {
    const { pid } = redis;
    await expect(explain({ query: 'a', docId: '' })).rejects.toMatchObject({ code: 'invalid_input' });
    await expect(explain({ query: ' ', docId: 'errors' })).rejects.toMatchObject({ code: 'invalid_input' });
    // @ts-expect-error: a question at a time.
    await expect(explain({ queries: ['a', 'b'], docId: 'x' })).rejects.toMatchObject({
      code: 'invalid_input',
    });
    for (const option of ['rerank', 'highlight']) {
      const request = { query: 'a', docId: 'errors', [option]: true };
      await expect(explain(request)).rejects.toMatchObject({
        code: 'invalid_input',
        message: expect.stringContaining(`Unrecognized key: "${option}"`),
      });
    }
    await expect(explain({ docId: 'errors' })).rejects.toMatchObject({ code: 'invalid_input' });
    await expect(explain({ query: 'a', docId: 'errors', filter: { no: 1 } })).rejects.toMatchObject({
      code: 'invalid_filter',
    });
    await expect(explain({ query: 'a', docId: 'errors', collection: 'no' })).rejects.toMatchObject({
      code: 'not_found',
    });
    for (const docId of ['*', '@doc_id:{x}', 'a\u001fb', 'x'.repeat(5_000), '|', '..']) {
      expect((await explain({ query: "@field:{x} | * AND w'x'", docId })).outcome).toBe('not_stored');
    }
    expect(redis.pid).toBe(pid);
  });
});
