import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ImportReport } from '../../../src/maintenance/migrate/import-rows.ts';
import type { Stacklore } from '../../../src/stacklore.ts';
import { FakeEmbedder } from '../../support/fake-embedder.ts';
import { allKeys, openTestLore } from '../../support/lore.ts';
import { usePrivateRedis } from '../../support/redis.ts';

const redis = usePrivateRedis();
const embedder = new FakeEmbedder();
const folder = mkdtempSync(join(tmpdir(), 'stacklore-import-'));
let lore: Stacklore;

beforeAll(() => {
  lore = openTestLore(redis, {}, { embedder });
});
afterAll(() => rmSync(folder, { recursive: true }));

const migrate = async (request: Parameters<Stacklore['maintenance']['migrate']>[0]) =>
  (await lore.maintenance.migrate(request)) as ImportReport;
const hset = (key: string, fields: Record<string, string | Buffer>) =>
  lore.databases.knowledge.send(['HSET', key, ...Object.entries(fields).flat()]);
const toBytes = (vector: Float32Array) => Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength);
/** A vector as the same model makes it elsewhere: near, not equal. */
const vectorOf = async (text: string) => {
  const [vector] = await embedder.embedTexts([text]);
  return toBytes((vector as Float32Array).map((value, at) => value + (at % 3) * 0.001));
};
const write = (name: string, lines: readonly unknown[]) => {
  const path = join(folder, name);
  writeFileSync(
    path,
    lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line))).join('\n'),
  );
  return path;
};
const storedVector = async (collection: string, chunkId: string) =>
  lore.databases.knowledge.send(['HGET', `llama_index/vector_store/${collection}/${chunkId}`, 'embedding'], {
    buffers: true,
  });

/** A node as LlamaIndex for Python writes it. */
async function writeNode(id: string, node: { docId: string; text: string; start: number }): Promise<Buffer> {
  const vector = await vectorOf(node.text);
  await hset(`llama_index/vector_${id}`, {
    ...{ id, doc_id: node.docId, text: node.text, vector },
    ...{
      file_path: '/data/tides.md',
      document_id: node.docId,
      ref_doc_id: node.docId,
      _node_type: 'TextNode',
    },
    _node_content: JSON.stringify({
      id_: id,
      embedding: null,
      metadata: { file_path: '/data/tides.md', file_size: 812 },
      relationships: { 1: { node_id: node.docId, node_type: '4', metadata: {}, hash: 'abc' } },
      text: '',
      start_char_idx: node.start,
      end_char_idx: node.start + node.text.length,
      class_name: 'TextNode',
    }),
  });
  return vector;
}

describe('chunks of LlamaIndex for Python', () => {
  it('become documents with their vectors, ids and order, found by a search', async () => {
    await lore.ingestTexts([{ docId: 'own', source: 'own.md', text: 'A text of our own.' }], {
      collection: 'own',
    });
    const second = await writeNode('b7c1', { docId: 'tides', text: 'Low tide is at noon.', start: 30 });
    await writeNode('f3d9', { docId: 'tides', text: 'High tide is at dawn.', start: 0 });
    await writeNode('None', { docId: 'None', text: 'A node of no document.', start: 0 });

    const report = await migrate({ layout: 'llamaindex-python', collection: 'tides' });

    // Our own chunk has the same beginning of its key, and is none of theirs.
    expect(report).toMatchObject({ rows: 3, skipped: 0, created: 2, failed: 0 });
    const document = await lore.documents.get('tides');
    expect(document).toMatchObject({
      source: '/data/tides.md',
      title: 'tides.md',
      chunkCount: 2,
      metadata: { file_path: '/data/tides.md', file_size: 812 },
    });
    expect(await storedVector('tides', 'tides_chunk_1')).toEqual(second);
    const { hits } = await lore.search({ query: 'high tide dawn', collection: 'tides', topK: 1 });
    expect(hits[0]).toMatchObject({ nodeId: 'f3d9', docId: 'tides', text: 'High tide is at dawn.' });
    expect(await lore.databases.knowledge.send(['EXISTS', 'llama_index/vector_b7c1'])).toBe(1);
  });

  it('are passed over when they are there already, and updated when their vector changed', async () => {
    const again = { layout: 'llamaindex-python', collection: 'tides' } as const;
    expect(await migrate(again)).toMatchObject({ created: 0, updated: 0, unchanged: 2 });
    const vector = await vectorOf('Low tide is at noon, now.');
    await hset('llama_index/vector_b7c1', { vector });

    expect(await migrate(again)).toMatchObject({ updated: 1, unchanged: 1 });

    expect(await storedVector('tides', 'tides_chunk_1')).toEqual(vector);
  });
});

describe('chunks of @langchain/redis', () => {
  it('are grouped by their source, with metadata as LangChain escapes it', async () => {
    const vector = await vectorOf('Ropes are coiled clockwise.');
    await hset('doc:ropes:0', {
      content: 'Ropes are coiled clockwise.',
      content_vector: vector,
      metadata:
        '{\\"source\\"\\:\\"docs/rope\\-work.md\\",\\"loc\\"\\:{\\"page\\"\\:2},\\"says\\"\\:\\"a \\\\"knot\\\\"\\"}',
    });
    await hset('doc:ropes:1', {
      content: 'Knots are checked twice.',
      content_vector: await vectorOf('Knots are checked twice.'),
      metadata: JSON.stringify({ source: 'docs/rope-work.md', loc: { page: 3 } }),
    });
    await hset('doc:ropes:2', { content: 'No vector.' });

    const report = await migrate({ layout: 'langchain', prefix: 'doc:ropes:', collection: 'ropes' });

    expect(report).toMatchObject({ rows: 2, skipped: 1, created: 1, failed: 0 });
    const { items } = await lore.documents.list('ropes');
    expect(items).toMatchObject([{ source: 'docs/rope-work.md', title: 'rope-work.md', chunkCount: 2 }]);
    const { hits } = await lore.search({ query: 'ropes clockwise', collection: 'ropes', topK: 1 });
    expect(hits[0]?.metadata).toMatchObject({
      loc: { page: 2 },
      says: 'a "knot"',
      source: 'docs/rope-work.md',
    });
    expect(await storedVector('ropes', `${items[0]?.docId}_chunk_0`)).toEqual(vector);
  });

  it('are read from another number, and only told of with a dry run', async () => {
    const far = lore.databases.knowledge.duplicate({ number: 7 });
    const [text, vector] = ['A far lamp.', await vectorOf('A far lamp.')];
    await far.send(['HSET', 'doc:far:0', 'content', text, 'content_vector', vector, 'metadata', '{}']);
    const request = { layout: 'langchain', prefix: 'doc:far:', collection: 'far', fromNumber: 7 } as const;

    expect(await migrate({ ...request, dryRun: true })).toMatchObject({ rows: 1, created: 1, dryRun: true });
    expect(await lore.collections.find('far')).toBeUndefined();
    expect(await migrate(request)).toMatchObject({ rows: 1, created: 1 });
    expect(await lore.documents.count('far')).toBe(1);
  });
});

describe('hashes of RedisVL', () => {
  it('are read from the fields that their schema names, other fields as metadata', async () => {
    await hset('vl:1', {
      ...{
        id: 'row-1',
        body: 'The crane lifts ten tons.',
        body_vector: await vectorOf('The crane lifts ten tons.'),
      },
      ...{ source: 'crane.md', rating: '4', odd: Buffer.from([0xff, 0xfe]) },
    });
    const request = { layout: 'redisvl', prefix: 'vl:', collection: 'cranes' } as const;

    expect(await migrate(request)).toMatchObject({ rows: 0, skipped: 1 });
    expect(await migrate({ ...request, textField: 'body', vectorField: 'body_vector' })).toMatchObject({
      created: 1,
    });

    const { hits } = await lore.search({ query: 'crane tons', collection: 'cranes', topK: 1 });
    expect(hits[0]).toMatchObject({ nodeId: 'row-1', metadata: { rating: '4', source: 'crane.md' } });
    expect(hits[0]?.metadata).not.toHaveProperty('odd');
  });

  it('keep a doc id that is another collection’s under an id of their own', async () => {
    const vector = await vectorOf('Taken twice.');
    await hset('vl2:1', { doc_id: 'own', text: 'Taken twice.', embedding: vector });

    expect(await migrate({ layout: 'redisvl', prefix: 'vl2:', collection: 'taken' })).toMatchObject({
      created: 1,
    });

    expect(await lore.documents.find('own')).toMatchObject({ collection: 'own' });
    expect(await lore.documents.find('taken:own')).toMatchObject({ collection: 'taken' });
  });
});

describe('vectors that do not fit', () => {
  it('of other dimensions are refused before anything is written, or made anew when asked', async () => {
    await hset('short:1', {
      content: 'A short vector.',
      content_vector: Buffer.alloc(16, 1),
      metadata: '{}',
    });
    const request = { layout: 'langchain', prefix: 'short:', collection: 'short' } as const;

    await expect(migrate(request)).rejects.toMatchObject({
      code: 'dimension_mismatch',
      message: expect.stringMatching(/short:1.*4 dimensions.*takes 64.*--reembed/),
    });
    expect(await lore.collections.find('short')).toBeUndefined();
    expect(await migrate({ ...request, reembed: true })).toMatchObject({ created: 1 });
    const { hits } = await lore.search({ query: 'A short vector.', collection: 'short', topK: 1 });
    expect(hits[0]?.vectorScore).toBeGreaterThan(0.99);
    const before = embedder.embedded.length;
    expect(await migrate({ ...request, reembed: true })).toMatchObject({ unchanged: 1 });
    expect(embedder.embedded.length).toBe(before);
  });

  it('of a stated other model are refused, whole or row by row', async () => {
    const request = { layout: 'redisvl', prefix: 'stated:', collection: 'stated' } as const;
    await hset('stated:1', { doc_id: 's1', text: 'Mine.', embedding: await vectorOf('Mine.') });
    await hset('stated:2', {
      ...{
        doc_id: 's2',
        text: 'Theirs.',
        embedding: await vectorOf('Theirs.'),
        embedding_model: 'other/model',
      },
    });

    await expect(migrate({ ...request, vectorModel: 'other/model' })).rejects.toMatchObject({
      code: 'manifest_mismatch',
      message: expect.stringMatching(/other\/model.*fake\/bag-of-words/),
    });
    expect(await migrate(request)).toMatchObject({
      created: 1,
      failed: 1,
      problems: [{ document: 's2', code: 'manifest_mismatch' }],
    });
    expect(await lore.documents.find('s2')).toBeUndefined();
  });

  it('that look as if another model had made them are refused unless the model is stated', async () => {
    const request = { layout: 'redisvl', prefix: 'unlike:', collection: 'unlike' } as const;
    await hset('unlike:1', { text: 'One thing.', embedding: await vectorOf('Wholly different words here') });

    await expect(migrate(request)).rejects.toMatchObject({
      code: 'manifest_mismatch',
      message: expect.stringMatching(/do not look as if fake\/bag-of-words.*--vector-model/),
    });
    expect(await lore.collections.find('unlike')).toBeUndefined();
    expect(await migrate({ ...request, vectorModel: 'fake/bag-of-words' })).toMatchObject({ created: 1 });
  });

  it('that have no direction or a wrong length fail alone', async () => {
    await hset('bad:1', { doc_id: 'good', text: 'Good one.', embedding: await vectorOf('Good one.') });
    await hset('bad:2', { doc_id: 'zeros', text: 'Zeros.', embedding: Buffer.alloc(256) });
    await hset('bad:3', { doc_id: 'nan', text: 'NaN.', embedding: Buffer.alloc(256, 0xff) });
    await hset('bad:4', { doc_id: 'odd', text: 'Odd.', embedding: Buffer.alloc(255, 1) });
    await hset('bad:5', { doc_id: 'double', text: 'Double.', embedding: Buffer.alloc(512, 1) });

    const report = await migrate({ layout: 'redisvl', prefix: 'bad:', collection: 'bad' });

    expect(report).toMatchObject({ created: 1, failed: 4 });
    expect(Object.fromEntries(report.problems.map(({ document, code }) => [document, code]))).toEqual({
      ...{ zeros: 'invalid_vector', nan: 'invalid_vector' },
      ...{ odd: 'dimension_mismatch', double: 'dimension_mismatch' },
    });
  });

  it('go into a collection of given vectors without any model', async () => {
    await lore.createCollection('plain', { dimensions: 4 });
    await hset('plain:1', { text: 'Plain.', embedding: toBytes(new Float32Array([1, 2, 3, 4])) });
    const request = { layout: 'redisvl', prefix: 'plain:', collection: 'plain' } as const;

    await expect(migrate({ ...request, reembed: true })).rejects.toMatchObject({ code: 'manifest_mismatch' });
    expect(await migrate(request)).toMatchObject({ created: 1 });
  });
});

describe('lines of an export', () => {
  it('that are no chunks, or stand apart from their document, are told and the others go on', async () => {
    const embedding = (await vectorOf('A line.')).toString('base64');
    const line = (docId: string, text = 'A line.') => ({ docId, text, embedding });
    const file = write('lines.jsonl', [
      line('l1'),
      'not json',
      { docId: 'l2' },
      line('l2'),
      line('l1', 'A late line.'),
      { docId: 'l3', text: 'No vector.' },
      { docId: 'l4', text: 'Odd vector.', embedding: [1, 'x'] },
    ]);

    const report = await migrate({ layout: 'jsonl', file, collection: 'lines' });

    expect(report).toMatchObject({
      created: 2,
      failed: 5,
      badLines: [{ line: 2 }, { line: 3 }, { line: 5 }],
    });
    expect(report.problems.map(({ document, code }) => [document, code])).toEqual([
      ['l3', 'dimension_mismatch'],
      ['l4', 'dimension_mismatch'],
    ]);
    expect(await lore.documents.get('l1')).toMatchObject({ chunkCount: 1 });
  });

  it('are refused when the file cannot be read', async () => {
    await expect(migrate({ layout: 'jsonl', file: join(folder, 'none.jsonl') })).rejects.toMatchObject({
      code: 'source_unreadable',
    });
    await expect(migrate({ layout: 'jsonl', file: folder })).rejects.toMatchObject({
      code: 'source_unreadable',
    });
  });
});

it('finds nothing under a prefix of our own records', async () => {
  expect(
    await migrate({ layout: 'redisvl', prefix: 'llama_index/vector_store/', collection: 'none' }),
  ).toMatchObject({
    ...{ rows: 0, skipped: 0 },
  });
  expect(await lore.collections.find('none')).toBeUndefined();
  expect(await allKeys(lore.databases.knowledge, 'stacklore:*none*')).toEqual([]);
});

it('says so when nothing but keys of a module lies under the prefix', async () => {
  const { knowledge } = lore.databases;
  await knowledge.send(['SET', 'module:text', 'x']);
  const request = { layout: 'redisvl', prefix: 'module:', collection: 'none' } as const;
  expect(await migrate(request)).toMatchObject({ rows: 0 });
  // The type that the search module brings stands for that of the JSON module, which the server need not have.
  await knowledge.send(['FT.SUGADD', 'module:1', 'word', '1']);
  await expect(migrate(request)).rejects.toMatchObject({
    code: 'unsupported_type',
    message: expect.stringMatching(/module:1 is stored as trietype0.*storage_type "hash"/),
  });
  expect(await lore.collections.find('none')).toBeUndefined();
  await hset('module:2', { text: 'A tall crane.', embedding: await vectorOf('A tall crane.') });
  expect(await migrate({ ...request, dryRun: true })).toMatchObject({ rows: 1 });
});

it('refuses names that cannot be a collection', async () => {
  await expect(migrate({ layout: 'redisvl', prefix: 'x', collection: 'a b' })).rejects.toMatchObject({
    code: 'invalid_input',
  });
});
