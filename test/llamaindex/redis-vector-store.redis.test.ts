import { Settings } from '@llamaindex/core/global';
import { SentenceSplitter } from '@llamaindex/core/node-parser';
import { Document, MetadataMode, type TextNode } from '@llamaindex/core/schema';
import { SimpleDocumentStore, VectorStoreIndex } from 'llamaindex';
import { DocStoreStrategy, IngestionPipeline } from 'llamaindex/ingestion';
import { beforeAll, expect, test } from 'vitest';
import { LocalEmbedding, type RedisRetrieverOptions, RedisVectorStore } from '../../src/llamaindex/index.ts';
import type { Stacklore } from '../../src/stacklore.ts';
import { nodesOf, queryOf } from '../support/llamaindex-nodes.ts';
import { openTestLore } from '../support/lore.ts';
import { usePrivateRedis } from '../support/redis.ts';

const redis = usePrivateRedis();
let lore: Stacklore;

beforeAll(() => {
  lore = openTestLore(redis);
  Settings.embedModel = new LocalEmbedding(lore);
});

const SESSIONS = 'Sessions expire after a day without use.';
const QUEUES = 'Tasks wait in a queue until a worker takes them.';

const textsIn = async (collection: string, docId: string) => {
  const texts: string[] = [];
  const document = await lore.documents.get(docId);
  expect(document.collection).toBe(collection);
  for await (const { text } of lore.documents.chunks(document)) texts.push(text);
  return texts;
};

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
  expect(found[0]?.node.metadata).toEqual({ file_name: 'sessions.md' });
  expect(found[0]?.node.sourceNode?.nodeId).toBe('sessions.md');

  await index.deleteRefDoc('sessions.md', false);
  expect(await lore.documents.find('sessions.md')).toBeUndefined();
});

test('stores documents that the rest of stacklore sees, with the ids of their nodes', async () => {
  const store = new RedisVectorStore({ lore, collection: 'seen' });
  const metadata = { file_path: '/docs/seen.md' };

  const ids = await store.add(await nodesOf(lore, 'seen-doc', [SESSIONS, QUEUES], { metadata }));

  expect(ids).toEqual(['seen-doc-node-0', 'seen-doc-node-1']);
  expect(await lore.documents.get('seen-doc')).toMatchObject({
    ...{ collection: 'seen', source: '/docs/seen.md', chunkCount: 2, origin: 'program' },
  });
  const { hits } = await lore.search({ query: SESSIONS, collection: 'seen', topK: 1 });
  expect(hits[0]).toMatchObject({ docId: 'seen-doc', nodeId: 'seen-doc-node-0', text: SESSIONS });
});

test('finds and deletes what stacklore ingested', async () => {
  await lore.ingestTexts([{ text: SESSIONS, source: 'sessions.txt', docId: 'own' }], {
    collection: 'ingested',
  });
  const store = new RedisVectorStore({ lore, collection: 'ingested' });

  const { nodes = [], similarities } = await store.query(await queryOf(lore, SESSIONS));

  expect(nodes[0]?.getContent(MetadataMode.NONE)).toBe(SESSIONS);
  expect(nodes[0]?.metadata.source).toBe('sessions.txt');
  expect(similarities[0]).toBeGreaterThan(0.5);
  await store.delete(nodes[0]?.sourceNode?.nodeId ?? '');
  expect(await lore.documents.find('own')).toBeUndefined();
});

test('replaces the nodes of a document that changed', async () => {
  const store = new RedisVectorStore({ lore, collection: 'changed' });
  await store.add(await nodesOf(lore, 'changed', [SESSIONS, QUEUES], { hash: 'first' }));
  await store.add(await nodesOf(lore, 'changed', [QUEUES], { hash: 'second', from: 7 }));
  expect(await textsIn('changed', 'changed')).toEqual([QUEUES]);
});

test('does not put nodes in the place of a document that stacklore ingested, unless it was deleted', async () => {
  await lore.ingestTexts([{ text: SESSIONS, source: 'a.txt', docId: 'theirs' }], { collection: 'theirs' });
  const store = new RedisVectorStore({ lore, collection: 'theirs' });
  const nodes = await nodesOf(lore, 'theirs', [QUEUES]);
  await expect(store.add(nodes)).rejects.toMatchObject({ code: 'already_exists' });
  expect(await textsIn('theirs', 'theirs')).toEqual([SESSIONS]);
  await store.delete('theirs');
  await store.add(nodes);
  expect(await textsIn('theirs', 'theirs')).toEqual([QUEUES]);
});

test('adds further nodes of a document beside its others, also when they come at once', async () => {
  const store = new RedisVectorStore({ lore, collection: 'batches' });
  const batches = ['first part', 'second part', 'third part'].map((text, from) =>
    nodesOf(lore, 'batched', [text], { hash: 'same', from }),
  );
  await Promise.all(batches.map(async (batch) => store.add(await batch)));
  expect((await textsIn('batches', 'batched')).toSorted()).toEqual([
    'first part',
    'second part',
    'third part',
  ]);

  await store.add(await nodesOf(lore, 'batched', ['second part, corrected'], { hash: 'same', from: 1 }));
  expect((await textsIn('batches', 'batched')).toSorted()).toEqual([
    ...['first part', 'second part, corrected', 'third part'],
  ]);
  const { hits } = await lore.search({ query: 'first part', collection: 'batches', topK: 1 });
  expect(hits[0]).toMatchObject({ text: 'first part' });
  expect(hits[0]?.vectorScore).toBeCloseTo(1, 3);
});

test('holds one document in two collections and deletes it from one', async () => {
  const left = new RedisVectorStore({ lore, collection: 'left' });
  const right = new RedisVectorStore({ lore, collection: 'right' });
  await left.add(await nodesOf(lore, 'both', [SESSIONS]));
  await right.add(await nodesOf(lore, 'both', [SESSIONS]));

  const only = { docIds: ['both'] };
  const filters = { filters: [{ key: 'doc_id', operator: '==' as const, value: 'both' }] };
  for (const limit of [only, { filters }]) {
    const { nodes = [] } = await right.query(await queryOf(lore, SESSIONS, limit));
    expect(nodes[0]?.sourceNode?.nodeId).toBe('both');
  }
  await right.delete('both');

  expect((await left.query(await queryOf(lore, SESSIONS))).ids).toEqual(['both-node-0']);
  expect((await right.query(await queryOf(lore, SESSIONS))).ids).toEqual([]);
});

test('deletes a document that is not there without a word', async () => {
  const store = new RedisVectorStore({ lore, collection: 'nowhere' });
  await expect(store.delete('nothing')).resolves.toBeUndefined();
});

test('stores nothing of a document when one of its vectors has the wrong size or is missing', async () => {
  const store = new RedisVectorStore({ lore, collection: 'wrong-size' });
  const [first, second] = (await nodesOf(lore, 'wrong', [SESSIONS, QUEUES])) as [TextNode, TextNode];

  second.embedding = [1, 2, 3];
  await expect(store.add([first, second])).rejects.toMatchObject({ code: 'dimension_mismatch' });
  second.embedding = undefined;
  await expect(store.add([first, second])).rejects.toMatchObject({ code: 'invalid_input' });

  expect(await lore.documents.find('wrong')).toBeUndefined();
  expect(await store.add([])).toEqual([]);
});

/** A pipeline as its documentation has it, into this collection. */
function pipelineInto(collection: string, docStore = new SimpleDocumentStore()): IngestionPipeline {
  return new IngestionPipeline({
    transformations: [new SentenceSplitter({ chunkSize: 24, chunkOverlap: 0 }), new LocalEmbedding(lore)],
    vectorStore: new RedisVectorStore({ lore, collection }),
    docStore,
    docStoreStrategy: DocStoreStrategy.UPSERTS,
  });
}

const LONG = Array.from({ length: 6 }, (_, n) => `Sentence ${n} tells of boiler ${n} in the cellar.`).join(
  ' ',
);

test('keeps what an ingestion pipeline wrote whole, in order, and once however often it runs', async () => {
  const documents = () => [
    new Document({ id_: 'boilers', text: LONG, metadata: { file_name: 'boilers.md' } }),
  ];

  const nodes = await pipelineInto('pipeline').run({ documents: documents() });
  await pipelineInto('pipeline').run({ documents: documents() });

  expect(nodes.length).toBeGreaterThan(2);
  const { items } = await lore.documents.list('pipeline');
  expect(items).toMatchObject([{ docId: 'boilers', title: 'boilers.md', chunkCount: nodes.length }]);
  expect(await textsIn('pipeline', 'boilers')).toEqual(
    nodes.map((node) => node.getContent(MetadataMode.NONE)),
  );
  const { hits } = await lore.search({ query: 'boiler 4', collection: 'pipeline', topK: 1 });
  expect(hits[0]?.text).toContain('boiler 4');
});

test('follows a pipeline that finds a document changed', async () => {
  const docStore = new SimpleDocumentStore();
  const pipeline = pipelineInto('upserts', docStore);
  await pipeline.run({ documents: [new Document({ id_: 'one', text: SESSIONS })] });
  await pipeline.run({ documents: [new Document({ id_: 'one', text: QUEUES })] });
  expect(await textsIn('upserts', 'one')).toEqual([QUEUES]);
});

test('gives back the nodes that a pipeline made, with their neighbours', async () => {
  const pipeline = pipelineInto('round-trip');
  const made = await pipeline.run({
    documents: [new Document({ id_: 'round', text: LONG, metadata: { a: 1 } })],
  });
  const store = new RedisVectorStore({ lore, collection: 'round-trip' });

  const { nodes = [] } = await store.query(await queryOf(lore, 'boiler', { similarityTopK: 20 }));

  const plain = (node: unknown) => ({ ...JSON.parse(JSON.stringify(node)), embedding: undefined });
  const byId = (a: { id_: string }, b: { id_: string }) => (a.id_ < b.id_ ? -1 : 1);
  expect(nodes.toSorted(byId).map(plain)).toEqual(made.toSorted(byId).map(plain));
});

test('retrieves by its own retriever what is stored now, with the options of the one of an index', async () => {
  const ingest = (text: string) =>
    lore.ingestTexts([{ text, source: 'fresh.txt', docId: 'fresh' }], { collection: 'fresh' });
  const store = new RedisVectorStore({ lore, collection: 'fresh' });
  const texts = async (options: RedisRetrieverOptions = {}) => {
    const found = await store.asRetriever(options).retrieve('when do sessions expire?');
    return found.map(({ node }) => node.getContent(MetadataMode.NONE));
  };
  await ingest(SESSIONS);
  expect(await texts()).toEqual([SESSIONS]);
  await ingest(`${SESSIONS} Since May.`);
  expect(await texts()).toEqual([`${SESSIONS} Since May.`]);
  expect(await texts({ mode: 'hybrid', customParams: { alpha: 0.2 } })).toHaveLength(1);
  expect(await texts({ filters: { filters: [{ key: 'doc_id', operator: '==', value: 'other' }] } })).toEqual(
    [],
  );
  await expect(texts({ mode: 'svm' })).rejects.toMatchObject({ code: 'invalid_input' });
});

test('says how to cut shorter nodes where the model does not read such long ones', async () => {
  const index = await VectorStoreIndex.fromVectorStore(new RedisVectorStore({ lore, collection: 'long' }));
  const text = 'A sentence that goes on. '.repeat(100);
  await expect(index.insert(new Document({ text }))).rejects.toThrow(/SentenceSplitter\({ chunkSize: 128/);
});
