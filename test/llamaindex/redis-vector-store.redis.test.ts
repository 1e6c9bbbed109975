import { BaseEmbedding } from '@llamaindex/core/embeddings';
import { Settings } from '@llamaindex/core/global';
import { Document, MetadataMode, NodeRelationship, TextNode } from '@llamaindex/core/schema';
import { type VectorStoreQuery, VectorStoreQueryMode } from '@llamaindex/core/vector-store';
import { VectorStoreIndex } from 'llamaindex';
import { beforeAll, expect, test } from 'vitest';
import { LocalEmbedding, RedisVectorStore } from '../../src/llamaindex/index.ts';
import type { Stacklore } from '../../src/stacklore.ts';
import { openTestLore } from '../support/lore.ts';
import { usePrivateRedis } from '../support/redis.ts';

const { DEFAULT } = VectorStoreQueryMode;
const redis = usePrivateRedis();
let lore: Stacklore;

beforeAll(() => {
  lore = openTestLore(redis);
  Settings.embedModel = new LocalEmbedding(lore);
});

const SESSIONS = 'Sessions expire after a day without use.';
const QUEUES = 'Tasks wait in a queue until a worker takes them.';

/** Nodes of one document with their embeddings, as an index would hand them to a store. */
async function nodesOf(docId: string, texts: readonly string[], metadata: Record<string, unknown> = {}) {
  const vectors = await lore.embedTexts(texts);
  return texts.map((text, index) => {
    const vector = vectors[index] ?? new Float32Array();
    return new TextNode({
      id_: `${docId}-node-${index}`,
      text,
      metadata,
      embedding: Array.from(vector),
      relationships: { [NodeRelationship.SOURCE]: { nodeId: docId, metadata: {} } },
    });
  });
}

async function queryOf(text: string, more: Partial<VectorStoreQuery> = {}): Promise<VectorStoreQuery> {
  const queryEmbedding = Array.from(await lore.embedQuery(text));
  return { queryEmbedding, similarityTopK: 5, mode: DEFAULT, ...more };
}

test('retrieves through a LlamaIndex index what was put in through it, nearest first', async () => {
  const store = new RedisVectorStore({ lore, collection: 'through-index' });
  const index = await VectorStoreIndex.fromVectorStore(store);
  await index.insert(
    new Document({ id_: 'sessions.md', text: SESSIONS, metadata: { file_name: 'sessions.md' } }),
  );
  await index.insert(new Document({ id_: 'queues.md', text: QUEUES, metadata: { file_name: 'queues.md' } }));

  const found = await index.asRetriever({ similarityTopK: 2 }).retrieve('when do sessions expire?');

  expect(found.map(({ node }) => node.getContent(MetadataMode.NONE))).toEqual([SESSIONS, QUEUES]);
  expect(found[0]?.score).toBeGreaterThan(found[1]?.score ?? 1);
  expect(found[0]?.node.metadata.file_name).toBe('sessions.md');
  expect(found[0]?.node.sourceNode?.nodeId).toBe('sessions.md');
});

test('stores documents that the rest of stacklore sees, with the ids of their nodes', async () => {
  const store = new RedisVectorStore({ lore, collection: 'seen' });

  const ids = await store.add(await nodesOf('seen-doc', [SESSIONS, QUEUES], { file_path: '/docs/seen.md' }));

  expect(ids).toEqual(['seen-doc-node-0', 'seen-doc-node-1']);
  expect(await lore.documents.get('seen-doc')).toMatchObject({
    collection: 'seen',
    source: '/docs/seen.md',
    chunkCount: 2,
  });
  const { hits } = await lore.search({ query: SESSIONS, collection: 'seen', topK: 1 });
  expect(hits[0]).toMatchObject({ docId: 'seen-doc', nodeId: 'seen-doc-node-0', text: SESSIONS });
});

test('finds what stacklore ingested', async () => {
  await lore.ingestTexts([{ text: SESSIONS, source: 'sessions.txt', docId: 'own' }], {
    collection: 'ingested',
  });
  const store = new RedisVectorStore({ lore, collection: 'ingested' });

  const { nodes = [], similarities } = await store.query(await queryOf(SESSIONS));

  expect(nodes[0]?.getContent(MetadataMode.NONE)).toBe(SESSIONS);
  expect(nodes[0]?.metadata.source).toBe('sessions.txt');
  expect(nodes[0]?.sourceNode?.nodeId).toBe('own');
  expect(similarities[0]).toBeGreaterThan(0.5);
});

test('keeps the metadata of each node and filters by the declared ones', async () => {
  await lore.createCollection('filtered', {
    fields: [
      { name: 'lang', type: 'tag' },
      { name: 'year', type: 'number' },
    ],
  });
  const store = new RedisVectorStore({ lore, collection: 'filtered' });
  await store.add([
    ...(await nodesOf('old', [SESSIONS], { lang: 'en', year: 1999 })),
    ...(await nodesOf('new', [`New: ${SESSIONS}`], { lang: 'de', year: 2024, nested: { kept: [1] } })),
  ]);

  const filters = { filters: [{ key: 'year', operator: '>=' as const, value: 2020 }] };
  const { nodes = [] } = await store.query(await queryOf(SESSIONS, { filters }));

  expect(nodes.map((node) => node.metadata)).toEqual([
    expect.objectContaining({ lang: 'de', year: 2024, nested: { kept: [1] } }),
  ]);
});

test('searches the named documents only', async () => {
  const store = new RedisVectorStore({ lore, collection: 'named' });
  await store.add([...(await nodesOf('named-1', [SESSIONS])), ...(await nodesOf('named-2', [SESSIONS]))]);

  const { ids } = await store.query(await queryOf(SESSIONS, { docIds: ['named-2'] }));

  expect(ids).toEqual(['named-2-node-0']);
});

test('holds one document in two collections and deletes it from one', async () => {
  const left = new RedisVectorStore({ lore, collection: 'left' });
  const right = new RedisVectorStore({ lore, collection: 'right' });
  await left.add(await nodesOf('both', [SESSIONS]));
  await right.add(await nodesOf('both', [SESSIONS]));

  const { nodes = [] } = await right.query(await queryOf(SESSIONS, { docIds: ['both'] }));
  expect(nodes[0]?.sourceNode?.nodeId).toBe('both');
  await right.delete('both');

  expect((await left.query(await queryOf(SESSIONS))).ids).toEqual(['both-node-0']);
  expect((await right.query(await queryOf(SESSIONS))).ids).toEqual([]);
});

test('deletes a document that is not there without a word', async () => {
  await expect(
    new RedisVectorStore({ lore, collection: 'nowhere' }).delete('nothing'),
  ).resolves.toBeUndefined();
});

test('stores nothing of a document when one of its vectors has the wrong size', async () => {
  const store = new RedisVectorStore({ lore, collection: 'wrong-size' });
  const [first, second] = await nodesOf('wrong', [SESSIONS, QUEUES]);
  if (!first || !second) throw new Error('two nodes were asked for');
  second.embedding = [1, 2, 3];

  await expect(store.add([first, second])).rejects.toMatchObject({ code: 'dimension_mismatch' });
  expect(await lore.documents.find('wrong')).toBeUndefined();
});

test('takes vectors of another embedding into a collection of their size', async () => {
  class Compass extends BaseEmbedding {
    // biome-ignore lint/complexity/noUselessConstructor: the base class's is protected
    constructor() {
      super();
    }

    async getTextEmbedding(text: string): Promise<number[]> {
      return text.includes('north') ? [1, 0] : [0, 1];
    }
  }
  const store = new RedisVectorStore({ lore, collection: 'compass', embedModel: new Compass() });
  await store.add([
    new TextNode({ id_: 'n', text: 'north', embedding: [1, 0] }),
    new TextNode({ id_: 'e', text: 'east', embedding: [0, 1] }),
  ]);

  const found = await store.query({ queryEmbedding: [0.1, 1], similarityTopK: 1, mode: DEFAULT });

  expect(found.ids).toEqual(['e']);
  expect((await lore.collections.get('compass')).manifest).toMatchObject({ model: null, dimensions: 2 });
});
