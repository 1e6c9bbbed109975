import { beforeAll, describe, expect, it } from 'vitest';
import { chunkRecord } from '../../src/schema/knowledge.ts';
import type { SearchInput } from '../../src/search/request.ts';
import type { Stacklore } from '../../src/stacklore.ts';
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
  accents: 'The café is naïve about its résumé.',
};

beforeAll(async () => {
  lore = openTestLore(redis, {}, { embedder: new FakeEmbedder() });
  await lore.createCollection('docs', { fields: [{ name: 'lang', type: 'tag' }] });
  for (const [docId, text] of Object.entries(TEXTS)) {
    const metadata = { lang: docId === 'errors' ? 'de' : 'en' };
    await lore.ingestTexts([{ text, source: `${docId}.md`, docId, title: docId, metadata }], {
      collection: 'docs',
    });
  }
});

const find = async (request: SearchInput) => {
  const answer = await lore.search({ collection: 'docs', ...request });
  return { ...answer, ids: answer.hits.map(({ docId }) => docId) };
};

describe('a search by words', () => {
  it('finds a rare word, an inflected one, part of an identifier and a word without its accents', async () => {
    expect((await find({ query: 'E4711', mode: 'text' })).ids).toEqual(['errors']);
    expect((await find({ query: 'expiring session', mode: 'text' })).ids).toEqual(['sessions']);
    expect((await find({ query: 'runtime', mode: 'text' })).ids).toEqual(['settings']);
    expect((await find({ query: 'ef_runtime', mode: 'text' })).ids).toEqual(['settings']);
    expect((await find({ query: 'resume cafe', mode: 'text' })).ids).toEqual(['accents']);
  });

  it('tells scores, ranks and the terms that matched, and how near the hit is in meaning', async () => {
    const { hits, mode } = await find({ query: 'disk full of visits', mode: 'text' });
    expect(mode).toBe('text');
    expect(hits.map(({ textRank }) => textRank)).toEqual([1, 2]);
    const [first] = hits;
    expect(first).toMatchObject({ docId: 'errors', matchedTerms: ['disk', 'full'] });
    expect(first?.textScore).toBe(first?.score);
    expect(first?.vectorRank).toBeUndefined();
    const { hits: byVector } = await find({ query: 'disk full of visits', mode: 'vector' });
    const same = byVector.find(({ docId }) => docId === 'errors');
    expect(first?.vectorScore).toBeCloseTo(same?.vectorScore ?? Number.NaN, 5);
  });

  it.each(['the of and', '*', '🙂'])('says so where nothing is left to look up: %s', async (query) => {
    const { hits, warnings } = await find({ query, mode: 'text' });
    expect(hits).toEqual([]);
    expect(warnings).toEqual([expect.stringMatching(/^Every word .* nothing was looked up\..*"hybrid"/)]);
    const both = await find({ query });
    expect(both.hits).not.toEqual([]);
    expect(both.warnings).toEqual([expect.stringContaining('only meaning was looked up')]);
    const mixed = await find({ queries: [query, 'disk'], mode: 'text' });
    expect(mixed).toMatchObject({ ids: ['errors'], warnings: [] });
    expect((await find({ query, mode: 'vector' })).warnings).toEqual([]);
  });

  it('refuses a vector of another length, though it looks words up', async () => {
    const request = { query: 'disk', vector: [1, 2, 3], mode: 'text' } as const;
    await expect(find(request)).rejects.toMatchObject({ code: 'dimension_mismatch' });
  });

  it('finds nothing for words that say nothing', async () => {
    expect((await find({ query: 'the of and', mode: 'text' })).hits).toEqual([]);
    expect((await find({ query: '… 😀', mode: 'text' })).hits).toEqual([]);
  });
});

describe('a hybrid search', () => {
  it('is the default for a text, and puts first what both sides found', async () => {
    const { hits, mode } = await find({ query: 'the code E4711' });
    expect(mode).toBe('hybrid');
    expect(hits[0]).toMatchObject({ docId: 'errors', textRank: 1 });
    expect(hits[0]?.vectorRank).toBeGreaterThan(0);
    expect(hits).toHaveLength(5);
  });

  it('narrows both sides by the filter', async () => {
    expect((await find({ query: 'code E4711', filter: { lang: 'en' } })).ids).not.toContain('errors');
    expect((await find({ query: 'code E4711', filter: { lang: 'de' } })).ids).toEqual(['errors']);
    await expect(find({ query: 'code', filter: { nothing: 1 } })).rejects.toMatchObject({
      code: 'invalid_filter',
    });
  });

  it('compares minScore with the similarity in meaning, also of hits found by words alone', async () => {
    const { hits } = await find({ query: 'sessions', minScore: 0.2 });
    expect(hits.length).toBeGreaterThan(0);
    for (const hit of hits) expect(hit.vectorScore).toBeGreaterThanOrEqual(0.2);
    expect((await find({ query: 'E4711 night', minScore: 1 })).hits).toEqual([]);
  });

  it('gives pages that follow each other without gap or overlap', async () => {
    const all = await find({ query: 'a backup each night', topK: 5 });
    const pages = await Promise.all(
      [0, 2, 4].map((offset) => find({ query: 'a backup each night', topK: 2, offset })),
    );
    expect(pages.flatMap(({ ids }) => ids)).toEqual(all.ids);
  });

  it('uses a vector given beside the words', async () => {
    const vector = await lore.embedQuery(TEXTS.backups as string);
    const { hits } = await find({ query: 'E4711', vector, weight: 1 });
    expect(hits[0]).toMatchObject({ docId: 'backups', vectorRank: 1 });
    const words = await find({ query: 'E4711', vector, weight: 0 });
    expect(words.ids[0]).toBe('errors');
  });

  it('leaves the server alive whatever the words look like', async () => {
    const hostile = [
      'AND',
      'a OR b',
      '@text:{x}',
      '*',
      "w'*a*'",
      '=>[KNN 1 @embedding $v]',
      '-x',
      '~x',
      '%%a%%',
      '"',
      '\\',
    ];
    const numeric = [
      'inf',
      'nan',
      '-inf',
      '1e5',
      '007',
      '0x10',
      '()',
      '[1 2]',
      'there is inverse',
      'x'.repeat(5_000),
    ];
    for (const query of [...hostile, ...numeric]) {
      const answer = await lore.search({ query: `${query} disk`, collection: 'docs', topK: 1 });
      expect(answer.hits, query).toHaveLength(1);
    }
    const [pid] =
      /process_id:\d+/.exec(await lore.databases.knowledge.send<string>(['INFO', 'server'])) ?? [];
    expect(pid).toBeDefined();
  });

  it('keeps to at most n chunks of a document', async () => {
    await lore.createCollection('long');
    const text = Array.from(
      { length: 30 },
      (_, n) => `Paragraph ${n} tells of rivers and lakes, number ${n} of all.`,
    );
    await lore.ingestTexts(
      [
        { text: text.map((line) => line.repeat(6)).join('\n\n'), source: 'long.md' },
        { text: 'Lakes are deep.', source: 'short.md' },
      ],
      { collection: 'long' },
    );
    const { hits } = await lore.search({ query: 'rivers and lakes', collection: 'long', maxPerDocument: 1 });
    expect(hits.map(({ source }) => source).sort()).toEqual(['long.md', 'short.md']);
  });
});

describe('the chunks around a chunk', () => {
  const paragraphs = [
    'The harbour master is called Osterberg.',
    'She opens the gate to the pier at seven.',
    'In winter the lamps are lit by four.',
  ];
  const numbered = ({ hits }: { hits: readonly { chunkId: string }[] }) =>
    hits.map(({ chunkId }) => Number(chunkId.split('_').at(-1)));

  beforeAll(async () => {
    await lore.createCollection('pier', { chunkSize: 16, chunkOverlap: 0 });
    for (const text of [paragraphs.join('\n\n'), 'Another gate, with nobody to open it.']) {
      await lore.ingestTexts([{ text, source: `${text.length}.md` }], { collection: 'pier' });
    }
  });

  it('lend it their words, which count less than its own', async () => {
    const { hits } = await lore.search({ collection: 'pier', query: 'gate Osterberg', weight: 0 });
    expect(hits.slice(0, 3)).toMatchObject([
      { text: paragraphs[0], matchedTerms: ['osterberg'] },
      { text: paragraphs[1], matchedTerms: ['gate'] },
      { text: 'Another gate, with nobody to open it.', matchedTerms: ['gate'] },
    ]);
  });

  it('make no hit of it where words alone are asked for', async () => {
    expect(numbered(await lore.search({ collection: 'pier', query: 'Osterberg', mode: 'text' }))).toEqual([
      0,
    ]);
    const hybrid = await lore.search({ collection: 'pier', query: 'Osterberg' });
    expect(hybrid.hits.filter(({ textRank }) => textRank !== undefined).length).toBeGreaterThan(1);
  });

  it('are the same to a backfill as to an ingest', async () => {
    const keys = await lore.databases.knowledge.send<string[]>(['KEYS', 'llama_index/vector_store/pier/*']);
    const read = () =>
      lore.databases.knowledge.pipeline(keys.map((key) => ['HMGET', key, 'analysed', 'analysed_nearby']));
    const ingested = await read();
    await lore.databases.knowledge.pipeline(keys.map((key) => ['HDEL', key, 'analysed', 'analysed_nearby']));
    const stored = await lore.collections.get('pier');
    const { analyser: _, ...manifest } = stored.manifest;
    expect(await lore.collections.saveManifest(stored, manifest)).toBeDefined();
    await lore.indexWords('pier');
    expect(await read()).toEqual(ingested);
  });
});

describe('chunks of other writers', () => {
  it('count for the document that they name, whatever their own ids look like', async () => {
    await lore.createCollection('foreign');
    const text = 'A lighthouse stands on the cliff.';
    await lore.ingestTexts([{ text, source: 'own.md', docId: 'own' }], { collection: 'foreign' });
    const [own] = await lore.databases.knowledge.send<string[]>([
      'KEYS',
      'llama_index/vector_store/foreign/*',
    ]);
    for (const id of ['3f2a', '77bc']) {
      const copy = `llama_index/vector_store/foreign/${id}`;
      await lore.databases.knowledge.pipeline([
        ['COPY', own as string, copy],
        ['HSET', copy, 'doc_id', 'theirs'],
      ]);
    }
    const { hits } = await lore.search({ query: 'lighthouse', collection: 'foreign', maxPerDocument: 1 });
    expect(hits.map(({ docId }) => docId).sort()).toEqual(['own', 'theirs']);
  });
});

describe('a collection whose words are not indexed', () => {
  it('is searched by meaning alone, and says so; an ingest or index-words gives it its words', async () => {
    const collection = await lore.createCollection('old');
    await lore.ingestTexts([{ text: 'Code E99 is rare.', source: 'a.md' }], { collection: 'old' });
    const { analyser: _, ...manifest } = collection.manifest;
    const stored = await lore.collections.get('old');
    expect(await lore.collections.saveManifest(stored, manifest)).toBeDefined();
    const [key] = await lore.databases.knowledge.send<string[]>(['KEYS', 'llama_index/vector_store/old/*']);
    await lore.databases.knowledge.send(['HDEL', key as string, 'analysed']);

    const before = await lore.search({ query: 'E99', collection: 'old' });
    expect(before).toMatchObject({ mode: 'vector', warnings: [expect.stringContaining('index-words old')] });
    await expect(lore.search({ query: 'E99', collection: 'old', mode: 'text' })).rejects.toMatchObject({
      code: 'manifest_mismatch',
    });
    const embedded = await lore.databases.knowledge.send(['HGET', key as string, 'input_hash']);

    await lore.indexWords('old');
    const after = await lore.search({ query: 'E99', collection: 'old', mode: 'text' });
    expect(after.hits).toHaveLength(1);
    expect(after.warnings).toEqual([]);
    expect(await lore.databases.knowledge.send(['HGET', key as string, 'input_hash'])).toEqual(embedded);
    expect(chunkRecord.key.parse(key as string)).toMatchObject({ collection: 'old' });
  });

  it('finishes what was interrupted on the way to another language', async () => {
    await lore.createCollection('halfway');
    await lore.ingestTexts([{ text: 'Sessions expire.', source: 'a.md' }], { collection: 'halfway' });
    const [key = ''] = await lore.databases.knowledge.send<string[]>([
      ...['KEYS', 'llama_index/vector_store/halfway/*'],
    ]);
    const read = () => lore.databases.knowledge.send(['HGET', key, 'analysed']);
    const terms = await read();
    await lore.databases.knowledge.send(['HSET', key, 'analysed', 'sessions expire']);
    await lore.indexWords('halfway');
    expect(await read()).toBe(terms);
  });

  it('refuses a language that it does not know', async () => {
    const language = 'klingon' as 'english';
    await expect(lore.indexWords('docs', { language })).rejects.toMatchObject({ code: 'invalid_input' });
  });
});
