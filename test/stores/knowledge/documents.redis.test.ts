import { beforeAll, describe, expect, it } from 'vitest';
import type { Database } from '../../../src/redis/databases.ts';
import type { Stacklore } from '../../../src/stacklore.ts';
import type { Collection } from '../../../src/stores/knowledge/collections.ts';
import type { NewDocument } from '../../../src/stores/knowledge/document.ts';
import { defaultDocId } from '../../../src/stores/knowledge/document-ids.ts';
import { allKeys, openTestLore } from '../../support/lore.ts';
import { usePrivateRedis } from '../../support/redis.ts';

const redis = usePrivateRedis();
let lore: Stacklore;
let knowledge: Database;
let docs: Collection;

beforeAll(async () => {
  lore = openTestLore(redis);
  knowledge = lore.databases.knowledge;
  docs = await lore.createCollection('docs', {
    dimensions: 4,
    fields: [
      { name: 'lang', type: 'tag' },
      { name: 'year', type: 'number' },
    ],
  });
});

const document = (docId: string, more: Partial<NewDocument> = {}): NewDocument => ({
  docId,
  title: `Title of ${docId}`,
  source: `/docs/${docId}.md`,
  contentType: 'markdown',
  wordCount: 3,
  hash: `hash of ${docId}`,
  ...more,
});
const vector = (...values: number[]) => Float32Array.from([...values, 0, 0, 0, 0].slice(0, 4));
const texts = (...all: string[]) =>
  all.map((text, index) => ({ text, start: index * 10, end: index * 10 + text.length }));
const keysOf = (pattern: string) => allKeys(knowledge, pattern);

const yearOf = (value: unknown) => ['year', value] as const;
const langOf = (value: unknown) => ['lang', value] as const;

describe('replace', () => {
  it('stores every chunk under the documented key with the documented fields', async () => {
    await lore.documents.replace(
      docs,
      document('whole', { metadata: { lang: 'en', year: 2024, owner: 'Ada' } }),
      texts('one'),
      [vector(1)],
    );
    const key = 'llama_index/vector_store/docs/whole_chunk_0';
    const flat = await knowledge.send<Buffer[]>(['HGETALL', key], { buffers: true });
    const hash = Object.fromEntries(
      flat.flatMap((name, at) => (at % 2 === 0 ? [[name.toString(), flat[at + 1]]] : [])),
    );
    expect(hash.embedding).toEqual(Buffer.from(vector(1).buffer));
    expect(hash.text?.toString()).toBe('one');
    expect(hash.doc_id?.toString()).toBe('whole');
    expect(hash.node_id?.toString()).toMatch(/^[0-9a-f]{32}-0$/);
    expect(hash.meta_lang?.toString()).toBe('en');
    expect(hash.meta_year?.toString()).toBe('2024');
    expect(JSON.parse(String(hash.metadata))).toEqual({
      ...{ source: '/docs/whole.md', chunk_index: 0, title: 'Title of whole', start: 0, end: 3 },
      ...{ lang: 'en', year: 2024, owner: 'Ada' },
    });
  });

  it('records the document, its index entry and the corpus version', async () => {
    const { version } = await lore.collections.get('docs');
    await lore.documents.replace(docs, document('recorded'), texts('a', 'b'), [vector(1), vector(0, 1)]);
    expect(await lore.documents.get('recorded')).toMatchObject({
      chunkCount: 2,
      collection: 'docs',
      wordCount: 3,
    });
    const score = await knowledge.send<string>(['ZSCORE', 'index:documents', 'recorded']);
    expect(Math.abs(Number(score) - Date.now() / 1_000)).toBeLessThan(60);
    expect((await lore.collections.get('docs')).version).toBe(version + 1);
  });

  it('leaves no chunk of a longer earlier version behind, and keeps the time of creation', async () => {
    await lore.documents.replace(docs, document('shrinks'), texts('a', 'b', 'c'), [
      vector(1),
      vector(0, 1),
      vector(0, 0, 1),
    ]);
    const first = await lore.documents.get('shrinks');
    await lore.documents.replace(docs, document('shrinks', { hash: 'other' }), texts('z'), [vector(1)]);
    expect(await keysOf('llama_index/vector_store/docs/shrinks_chunk_*')).toEqual([
      'llama_index/vector_store/docs/shrinks_chunk_0',
    ]);
    expect((await lore.documents.get('shrinks')).createdAt).toEqual(first.createdAt);
  });

  it('leaves whole documents when two writers publish versions of different length at once', async () => {
    const versions = Array.from({ length: 12 }, (_, index) => 1 + ((index * 7) % 9));
    await Promise.all(
      versions.map((length) =>
        lore.documents.replace(
          docs,
          document('raced', { hash: `length ${length}` }),
          texts(...Array.from({ length }, (_, n) => `version ${length} chunk ${n}`)),
          Array.from({ length }, () => vector(1)),
        ),
      ),
    );
    const { chunkCount } = await lore.documents.get('raced');
    expect(await keysOf('llama_index/vector_store/docs/raced_chunk_*')).toHaveLength(chunkCount);
    const stored: string[] = [];
    for await (const chunk of lore.documents.chunks(await lore.documents.get('raced')))
      stored.push(chunk.text);
    expect(stored).toEqual(Array.from({ length: chunkCount }, (_, n) => `version ${chunkCount} chunk ${n}`));
  });

  it.each([
    ['of the wrong length', Float32Array.of(1, 2), 'dimension_mismatch'],
    ['of zeros', vector(0), 'invalid_vector'],
    ['with NaN', vector(Number.NaN), 'invalid_vector'],
    ['with infinity', vector(Number.POSITIVE_INFINITY), 'invalid_vector'],
  ])('refuses a vector %s and writes nothing', async (_, bad, code) => {
    const attempt = lore.documents.replace(docs, document('refused'), texts('a', 'b'), [vector(1), bad]);
    await expect(attempt).rejects.toMatchObject({ code });
    expect(await keysOf('*refused*')).toEqual([]);
  });

  it('keeps nothing of what only the earlier version had', async () => {
    await lore.documents.replace(docs, document('moved', { origin: 'file' }), texts('a'), [vector(1)]);
    await lore.documents.replace(docs, document('moved'), texts('a'), [vector(1)]);
    expect(await lore.documents.get('moved')).not.toHaveProperty('origin');
  });

  it('refuses an id that another collection owns', async () => {
    const other = await lore.createCollection('other', { dimensions: 4 });
    await lore.documents.replace(docs, document('owned'), texts('a'), [vector(1)]);
    const attempt = lore.documents.replace(other, document('owned'), texts('a'), [vector(1)]);
    await expect(attempt).rejects.toMatchObject({ code: 'already_exists' });
  });

  it('refuses a declared number field that holds no number', async () => {
    const attempt = lore.documents.replace(
      docs,
      document('numberless', { metadata: { year: 'last' } }),
      texts('a'),
      [vector(1)],
    );
    await expect(attempt).rejects.toMatchObject({
      code: 'invalid_input',
      message: expect.stringContaining('year'),
    });
  });

  it.each([
    ['2024', '2024'],
    [' 2024 ', '2024'],
    ['-1.50', '-1.5'],
    ['1e3', '1000'],
    [0.1, '0.1'],
  ])('stores %j in a declared number field as %s', async (year, stored) => {
    await lore.documents.replace(docs, document('numbers', { metadata: { year } }), texts('a'), [vector(1)]);
    const key = 'llama_index/vector_store/docs/numbers_chunk_0';
    expect(await knowledge.send(['HGET', key, 'meta_year'])).toBe(stored);
  });

  const unfit: readonly (readonly [field: string, value: unknown])[] = [
    ...['0x10', '0b1', ' ', '', '1_000', '1,5', '1e999', 'Infinity', 'NaN', '12 apples'].map(yearOf),
    ...[Number.NaN, true, [2024], { year: 2024 }].map(yearOf),
    ...['en\u0000', '\u0000', 'a\u001fb', 'x'.repeat(4_096), 'é'.repeat(2_048)].map(langOf),
    ...[{ lang: 'en' }, [['en']], ['en', 'a\u0000']].map(langOf),
  ];
  it.each(unfit)('refuses %s: %j and writes nothing', async (field, value) => {
    const refused = document('unfit', { metadata: { [field]: value } });
    const attempt = lore.documents.replace(docs, refused, texts('a'), [vector(1)]);
    await expect(attempt).rejects.toMatchObject({
      code: 'invalid_input',
      message: expect.stringMatching(new RegExp(`^Metadata field "${field}" .{1,250}$`)),
    });
    expect(await keysOf('*unfit*')).toEqual([]);
  });

  it('finds the longest tag there can be by a filter, and only it', async () => {
    const longest = 'é'.repeat(2_047);
    for (const [docId, lang] of [
      ['long-a', `${longest}a`],
      ['long-b', `${longest}b`],
    ] as const) {
      await lore.documents.replace(docs, document(docId, { metadata: { lang } }), texts('a'), [vector(1)]);
    }
    const request = { vector: vector(1), collection: 'docs', filter: { lang: `${longest}b` } };
    expect((await lore.search(request)).hits.map(({ docId }) => docId)).toEqual(['long-b']);
  });

  it('leaves nothing of a document whose collection was dropped meanwhile', async () => {
    const dropped = await lore.createCollection('dropped', { dimensions: 4 });
    await lore.dropCollection('dropped');
    const attempt = lore.documents.replace(dropped, document('homeless'), texts('a', 'b'), [
      vector(1),
      vector(1),
    ]);
    await expect(attempt).rejects.toMatchObject({
      code: 'not_found',
      message: expect.stringContaining('dropped'),
    });
    expect((await keysOf('*')).filter((key) => /dropped|homeless/.test(key))).toEqual([]);
    expect(await knowledge.send(['ZSCORE', 'index:documents', 'homeless'])).toBeNull();
    expect(await lore.collections.find('dropped')).toBeUndefined();
  });
});

describe('delete', () => {
  it('removes exactly the document, also beside one whose id begins alike', async () => {
    await lore.documents.replace(docs, document('x'), texts('a', 'b'), [vector(1), vector(1)]);
    await lore.documents.replace(docs, document('x_chunk_1'), texts('a', 'b'), [vector(1), vector(1)]);
    await lore.documents.delete('x');
    expect((await keysOf('llama_index/vector_store/docs/x_chunk_*')).sort()).toEqual([
      'llama_index/vector_store/docs/x_chunk_1_chunk_0',
      'llama_index/vector_store/docs/x_chunk_1_chunk_1',
    ]);
    expect(await lore.documents.find('x')).toBeUndefined();
    expect(await lore.documents.get('x_chunk_1')).toMatchObject({ chunkCount: 2 });
    expect(await knowledge.send(['ZSCORE', 'index:documents', 'x'])).toBeNull();
  });

  it('keeps the content hash when another document has taken it over', async () => {
    await lore.documents.replace(docs, document('first', { hash: 'shared' }), texts('a'), [vector(1)]);
    await lore.documents.replace(docs, document('second', { hash: 'shared' }), texts('a'), [vector(1)]);
    await lore.documents.delete('first');
    expect(await lore.documents.findByHash('docs', 'shared')).toBe('second');
    await lore.documents.delete('second');
    expect(await lore.documents.findByHash('docs', 'shared')).toBeUndefined();
  });

  it('says so when there is no such document', async () => {
    await expect(lore.documents.delete('nobody')).rejects.toMatchObject({ code: 'not_found' });
  });
});

it('lists documents a page at a time, most recently updated first', async () => {
  const pages = await lore.createCollection('pages', { dimensions: 4 });
  for (const docId of ['p1', 'p2', 'p3'])
    await lore.documents.replace(pages, document(docId), texts('a'), [vector(1)]);
  const first = await lore.documents.list('pages', { limit: 2 });
  const second = await lore.documents.list('pages', { offset: 2, limit: 2 });
  expect(first.total).toBe(3);
  expect([...first.items, ...second.items].map(({ docId }) => docId).sort()).toEqual(['p1', 'p2', 'p3']);
});

it('gives back stored vectors by the hash of what was embedded, byte for byte', async () => {
  await lore.documents.replace(docs, document('vectors'), [{ text: 'a', inputHash: 'h1' }], [vector(1)]);
  const normal = Float32Array.of(0.1, -1e-30, 0.25, 1 / 3);
  await lore.documents.replace(docs, document('vectors'), [{ text: 'a', inputHash: 'h1' }], [normal]);
  const stored = await lore.documents.embeddings(docs, await lore.documents.get('vectors'));
  expect(stored.get('h1')).toEqual(normal);
});

it('gives a source the same id in one collection and another id in another', () => {
  expect(defaultDocId('a', '/x.md')).toBe(defaultDocId('a', '/x.md'));
  expect(defaultDocId('a', '/x.md')).not.toBe(defaultDocId('b', '/x.md'));
});

it('keeps ids with structure characters apart', async () => {
  const ids = ['a:b', 'a', 'a:metadata', 'a*', 'a?[b]', 'a%3Ab', 'Ünïcode ☃', '日本語'];
  for (const docId of ids)
    await lore.documents.replace(docs, document(docId), texts(`text of ${docId}`), [vector(1)]);
  for (const docId of ids) {
    const stored = await lore.documents.get(docId);
    for await (const { chunkId, text } of lore.documents.chunks(stored)) {
      expect([chunkId, text]).toEqual([`${docId}_chunk_0`, `text of ${docId}`]);
    }
  }
});
