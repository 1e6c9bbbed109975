import { beforeAll, expect, it } from 'vitest';
import type { Database } from '../../../src/redis/databases.ts';
import type { Stacklore } from '../../../src/stacklore.ts';
import type { Collection } from '../../../src/stores/knowledge/collections.ts';
import { allKeys, openTestLore } from '../../support/lore.ts';
import { usePrivateRedis } from '../../support/redis.ts';

const redis = usePrivateRedis();
let lore: Stacklore;
let knowledge: Database;

beforeAll(() => {
  lore = openTestLore(redis);
  knowledge = lore.databases.knowledge;
});

async function fill(name: string, count: number): Promise<Collection> {
  const collection = await lore.createCollection(name, { dimensions: 2 });
  for (let n = 0; n < count; n += 1) {
    const angle = (n / count) * Math.PI;
    await lore.documents.replace(
      collection,
      {
        docId: `${name}-${n}`,
        title: `t${n}`,
        source: `s${n}`,
        contentType: 'text',
        wordCount: 1,
        hash: `${name}${n}`,
      },
      [{ text: `text ${n}` }],
      [Float32Array.of(Math.cos(angle), Math.sin(angle))],
    );
  }
  return collection;
}

it('gives the nearest chunks in order, more than the ten RediSearch returns unasked', async () => {
  await fill('ordered', 40);
  const { hits } = await lore.search({ vector: Float32Array.of(1, 0), collection: 'ordered', topK: 25 });
  expect(hits.map(({ docId }) => docId)).toEqual(Array.from({ length: 25 }, (_, n) => `ordered-${n}`));
  expect(hits[0]?.distance).toBeCloseTo(0, 6);
  expect(hits[0]?.vectorScore).toBeCloseTo(1, 6);
});

it('rebuilds a lost index from the manifest and says so', async () => {
  await fill('lost', 12);
  // What a flush of any other database number does to all indexes of the server.
  await knowledge.send(['FT.DROPINDEX', 'stacklore:index:lost:1']);
  const { hits, warnings } = await lore.search({
    vector: Float32Array.of(1, 0),
    collection: 'lost',
    topK: 3,
  });
  expect(hits.map(({ docId }) => docId)).toEqual(['lost-0', 'lost-1', 'lost-2']);
  expect(warnings).toEqual([expect.stringContaining('was lost')]);
  expect((await lore.search({ vector: Float32Array.of(1, 0), collection: 'lost' })).warnings).toEqual([]);
});

it('does not take in chunks of a collection whose name begins alike', async () => {
  await fill('prefix', 2);
  await fill('prefix-more', 3);
  const { hits } = await lore.search({ vector: Float32Array.of(1, 0), collection: 'prefix', topK: 10 });
  expect(hits).toHaveLength(2);
});

it('reads chunks that another program wrote, with what the schema names and nothing more', async () => {
  await fill('foreign', 1);
  const embedding = Buffer.from(Float32Array.of(0, -1).buffer);
  const fields = [
    'text',
    'theirs',
    'doc_id',
    'd',
    'node_id',
    'n',
    'metadata',
    '{"source":"docs/x.md","chunk_index":0}',
  ];
  await knowledge.send([
    'HSET',
    'llama_index/vector_store/foreign/d_chunk_0',
    'embedding',
    embedding,
    ...fields,
  ]);
  const { hits } = await lore.search({ vector: Float32Array.of(0, -1), collection: 'foreign', topK: 1 });
  expect(hits[0]).toMatchObject({
    chunkId: 'd_chunk_0',
    docId: 'd',
    nodeId: 'n',
    text: 'theirs',
    source: 'docs/x.md',
  });
});

it('reports hashes that the index refused', async () => {
  await fill('refusing', 1);
  await knowledge.send([
    'HSET',
    'llama_index/vector_store/refusing/bad_chunk_0',
    'embedding',
    Buffer.alloc(4),
    'text',
    'x',
  ]);
  const { collections } = await lore.status();
  const status = collections.find(({ name }) => name === 'refusing');
  expect(status?.index).toMatchObject({ failures: 1, lastFailure: expect.stringContaining('blob size') });
});

it('makes a field filterable that was declared after the documents were stored', async () => {
  const collection = await lore.createCollection('fields', { dimensions: 2 });
  for (const lang of ['en', 'de']) {
    await lore.documents.replace(
      collection,
      {
        docId: lang,
        title: lang,
        source: lang,
        contentType: 'text',
        wordCount: 1,
        hash: lang,
        metadata: { lang },
      },
      [{ text: lang }],
      [Float32Array.of(1, 0)],
    );
  }
  const search = () =>
    lore.search({ vector: Float32Array.of(1, 0), collection: 'fields', filter: { lang: 'de' } });
  await expect(search()).rejects.toMatchObject({ code: 'invalid_filter' });
  await lore.addFields('fields', [{ name: 'lang', type: 'tag' }]);
  expect((await search()).hits.map(({ docId }) => docId)).toEqual(['de']);
});

it('drops a collection with everything in it, and nothing of its neighbours', async () => {
  await fill('doomed', 3);
  await fill('doomed2', 2);
  expect(await lore.dropCollection('doomed')).toBe(3);
  const left = await allKeys(knowledge, '*doomed*');
  expect(left.filter((key) => !key.includes('doomed2'))).toEqual([]);
  await expect(lore.collections.get('doomed')).rejects.toMatchObject({ code: 'not_found' });
  expect(await lore.documents.count('doomed2')).toBe(2);
});

it('does not bring back the index of a collection that another process dropped a moment ago', async () => {
  await fill('gone', 2);
  const search = () => lore.search({ vector: Float32Array.of(1, 0), collection: 'gone' });
  expect((await search()).hits).toHaveLength(2);
  await openTestLore(redis).dropCollection('gone');
  await expect(search()).rejects.toMatchObject({ code: 'not_found' });
  expect(await knowledge.send<string[]>(['FT._LIST'])).not.toContain('stacklore:index:gone:1');
});

it('starts a collection with an index of its own, whatever is left from one of that name', async () => {
  await fill('reborn', 2);
  await lore.dropCollection('reborn');
  await knowledge.send(['FT.CREATE', 'stacklore:index:reborn:1', 'PREFIX', '1', 'x:', 'SCHEMA', 'x', 'TAG']);
  await fill('reborn', 3);
  const { hits } = await lore.search({ vector: Float32Array.of(1, 0), collection: 'reborn' });
  expect(hits).toHaveLength(3);
});

it('deletes the documents of a collection that are listed without being there, too', async () => {
  await fill('listed', 2);
  await knowledge.send(['ZADD', 'stacklore:documents:listed', '1', 'ghost']);
  expect(await lore.dropCollection('listed')).toBe(2);
  expect(await allKeys(knowledge, '*listed*')).toEqual([]);
});

it.each([
  [[{ name: 'source', type: 'tag' as const }], 'use another name'],
  [[{ name: 'updated', type: 'number' as const }], 'use another name'],
  [[{ name: 'title', type: 'tag' as const }], 'use another name'],
  [[{ name: 'no name', type: 'tag' as const }], 'lower-case'],
  [
    [
      { name: 'lang', type: 'tag' as const },
      { name: 'lang', type: 'number' as const },
    ],
    'twice',
  ],
])('refuses to declare %j, at once and later, and leaves nothing behind', async (fields, says) => {
  const refusal = { code: 'invalid_input', message: expect.stringContaining(says) };
  await expect(lore.createCollection('undeclared', { dimensions: 2, fields })).rejects.toMatchObject(refusal);
  expect(await lore.collections.find('undeclared')).toBeUndefined();
  const plain =
    (await lore.collections.find('plain')) ?? (await lore.createCollection('plain', { dimensions: 2 }));
  await expect(lore.addFields('plain', fields)).rejects.toMatchObject(refusal);
  expect((await lore.collections.get('plain')).manifest).toEqual(plain.manifest);
});

it('lets one of two creators at once win whole', async () => {
  const results = await Promise.allSettled([
    lore.createCollection('contested', { dimensions: 2 }),
    lore.createCollection('contested', { dimensions: 3 }),
  ]);
  expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  expect(results.find(({ status }) => status === 'rejected')).toMatchObject({
    reason: { code: 'already_exists' },
  });
});

it.each(['', 'a/b', '../x', 'a b', '*', 'x'.repeat(65), '-x'])(
  'refuses "%s" as a collection name',
  async (name) => {
    await expect(lore.createCollection(name, { dimensions: 2 })).rejects.toMatchObject({
      code: 'invalid_input',
    });
  },
);

it('gives other readers whole answers only while an index is rebuilt', async () => {
  const count = 3_000;
  await lore.createCollection('large', { dimensions: 16, efConstruction: 400 });
  await knowledge.pipeline(
    Array.from({ length: count }, (_, n) => [
      ...['HSET', `llama_index/vector_store/large/d${n}_chunk_0`, 'text', 't', 'metadata', '{}'],
      ...['doc_id', `d${n}`, 'node_id', `n${n}`],
      ...[
        'embedding',
        Buffer.from(Float32Array.from({ length: 16 }, (_, k) => Math.sin(n * 7 + k * k)).buffer),
      ],
    ]),
  );
  const request = { vector: new Float32Array(16).fill(1), collection: 'large', topK: 1_000 };
  const whole = (await lore.search(request)).hits.length;
  expect(whole).toBeGreaterThan(900);
  const other = openTestLore(redis);
  await other.collections.get('large');
  await knowledge.send(['FT.DROPINDEX', 'stacklore:index:large:1']);
  const first = lore.search(request);
  const answers = [];
  let isRebuilt = false;
  void first.finally(() => {
    isRebuilt = true;
  });
  do answers.push(await other.search(request));
  while (!isRebuilt);
  answers.push(await first);
  for (const { hits } of answers) expect(hits.length).toBeGreaterThan(900);
  expect(answers[0]?.warnings).toEqual([expect.stringContaining('was lost')]);
});
