import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Database } from '../../src/redis/databases.ts';
import type { PrivateRedis } from '../../src/redis/private-redis.ts';
import { chunkRecord, collectionDocumentsRecord, documentRecord } from '../../src/schema/knowledge.ts';
import type { Stacklore } from '../../src/stacklore.ts';
import type { Collection } from '../../src/stores/knowledge/collections.ts';
import { clearCluster, usePrivateCluster } from '../support/cluster.ts';
import { allKeys, openTestLore } from '../support/lore.ts';
import { usePrivateRedis } from '../support/redis.ts';
import { coordinateSearch } from '../support/search-coordinator.ts';

const cluster = usePrivateCluster();
const redis = usePrivateRedis();
let lore: Stacklore;
let knowledge: Database;
let docs: Collection;
let folder: string;

beforeAll(() => {
  lore = openTestLore(cluster.nodes[0] as PrivateRedis, cluster.config());
  knowledge = lore.databases.knowledge;
  coordinateSearch(knowledge, cluster);
  folder = mkdtempSync(join(tmpdir(), 'stacklore-knowledge-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const DOCUMENTS = ['a', 'b', 'c', 'd', 'e', 'f'];
const CHUNKS = 4;

beforeEach(async () => {
  if ((await lore.collections.names()).includes('docs')) await lore.dropCollection('docs');
  await clearCluster(cluster);
  docs = await lore.createCollection('docs', { dimensions: 4 });
  for (const docId of DOCUMENTS) await publish(docId);
});

function publish(docId: string, chunks = CHUNKS) {
  const texts = Array.from({ length: chunks }, (_, n) => ({ text: `Text ${n} of ${docId}` }));
  const about = { docId, title: docId, source: docId, contentType: 'text', wordCount: 1, hash: docId };
  const vectors = texts.map((_, n) => Float32Array.of(1, n, 0, 0));
  return lore.documents.replace(docs, about, texts, vectors);
}

const chunkAt = (docId: string, n: number) =>
  chunkRecord.key.build({ collection: 'docs', chunkId: `${docId}_chunk_${n}` });
const unlink = (docId: string, numbers: readonly number[]) =>
  knowledge.pipeline(numbers.map((n) => ['UNLINK', chunkAt(docId, n)]));
const documentAt = (docId: string) => documentRecord.key.build({ docId });
/** What a doctor finds about what is stored, by check. */
const found = async (fix = false) => {
  const { findings } = await lore.maintenance.diagnose({ fix });
  const aboutData = findings.filter(
    ({ check }) => !['server settings', 'encryption', 'packing'].includes(check),
  );
  return aboutData.map(({ check, what, isFixed }) => ({ check, what, ...(fix && { isFixed }) }));
};
const copyChunk = async (to: string, docId: string, fields: Record<string, string> = {}) => {
  const from = await knowledge.send<Buffer[]>(['HGETALL', chunkAt('a', 0)], { buffers: true });
  await knowledge.send(['HSET', to, ...from, 'doc_id', docId, ...Object.entries(fields).flat()]);
};

describe('a doctor on a cluster', () => {
  it('finds nothing wrong with documents that are whole, replaced ones among them', async () => {
    await publish('a', 2);
    expect(await found()).toEqual([]);
  });

  it('finds documents that have lost some or all chunks', async () => {
    await unlink('b', [1, 2]);
    await unlink('c', [0, 1, 2, 3]);
    expect(await found()).toEqual([
      { check: 'missing chunks', what: '1 documents have lost chunks: b (2 of 4).' },
      { check: 'empty documents', what: '1 documents have no chunks: c.' },
    ]);
  });

  it('finds chunks of documents that are gone, of other versions, and that none counts', async () => {
    await copyChunk(chunkAt('gone', 0), 'gone');
    await copyChunk(chunkAt('b', 7), 'b');
    const [generation = ''] = await knowledge.send<string[]>(['HMGET', documentAt('c'), 'generation']);
    await copyChunk(chunkAt('c', 9), 'c', { generation });
    expect(await found()).toEqual([
      { check: 'chunks', what: expect.stringContaining('2 chunks belong to documents that are gone') },
      {
        check: 'chunks',
        what: expect.stringContaining(
          `not counted by their document, or it is in another collection: ${chunkAt('c', 9)}`,
        ),
      },
    ]);
  });

  it('finds chunks whose vector no index takes', async () => {
    await knowledge.send(['HSET', chunkAt('d', 1), 'embedding', 'short']);
    const [first] = await found();
    expect(first).toMatchObject({
      check: 'chunks',
      what: expect.stringContaining('no vector of 4 dimensions'),
    });
  });

  it('enters documents into their lists again, and removes entries without a document', async () => {
    await knowledge.send(['ZREM', 'index:documents', 'a', 'b']);
    await knowledge.send([
      'ZADD',
      collectionDocumentsRecord.key.build({ collection: 'docs' }),
      '1',
      'nobody',
    ]);
    const wrong = await found(true);
    expect(wrong.map(({ check, isFixed }) => [check, isFixed])).toEqual([
      ['document index', true],
      ['document index', true],
    ]);
    expect(await found()).toEqual([]);
    const score = Number(await knowledge.send(['ZSCORE', 'index:documents', 'a']));
    expect(score).toBeGreaterThan(1_700_000_000);
    expect(await lore.documents.count('docs')).toBe(DOCUMENTS.length);
  });
});

describe('a cleanup on a cluster', () => {
  it('deletes documents without chunks and their entries, and no others', async () => {
    await unlink('b', [0, 1, 2, 3]);
    await unlink('c', [0, 1]);
    const dry = await lore.maintenance.cleanup({ emptyDocuments: true, dryRun: true });
    expect(dry).toMatchObject({ emptyDocuments: { count: 1, examples: ['b'] } });
    expect(await lore.documents.find('b')).toBeDefined();
    await lore.maintenance.cleanup({ emptyDocuments: true });
    expect(await allKeys(knowledge, '*doc:b*')).toEqual([]);
    expect(await knowledge.send(['ZRANGE', 'index:documents', '0', '-1'])).toHaveLength(5);
    expect(await lore.documents.findByHash('docs', 'b')).toBeUndefined();
    expect(await lore.documents.find('c')).toBeDefined();
  });

  it('deletes orphans, and what is staged for a reindex that is no more', async () => {
    await copyChunk(chunkAt('gone', 0), 'gone');
    const staged = ['stacklore:staged-chunk:docs:x', 'stacklore:staged-document:docs:y'];
    await knowledge.pipeline(staged.map((key) => ['HSET', key, 'way', 'cut']));
    const report = await lore.maintenance.cleanup({ orphans: true });
    expect(report).toMatchObject({ orphans: { count: 3 } });
    expect(await allKeys(knowledge, 'stacklore:staged*')).toEqual([]);
    expect(await allKeys(knowledge, 'llama_index/*')).toHaveLength(DOCUMENTS.length * CHUNKS);
  });
});

describe('documents that are published and deleted meanwhile', () => {
  it('are neither told of nor harmed by doctor and cleanup', async () => {
    let isDone = false;
    const publishing = (async () => {
      for (let round = 0; round < 6; round += 1) {
        await lore.documents.delete('f');
        await Promise.all(DOCUMENTS.map((docId) => publish(docId, CHUNKS + (round % 3))));
      }
    })().finally(() => {
      isDone = true;
    });
    const told: string[] = [];
    while (!isDone) {
      for (const { check, what } of await found(true)) told.push(`${check}: ${what}`);
      await lore.maintenance.cleanup({ orphans: true, emptyDocuments: true });
    }
    await publishing;
    expect(told).toEqual([]);
    expect(await found()).toEqual([]);
    expect(await lore.documents.count('docs')).toBe(DOCUMENTS.length);
    const chunks = await allKeys(knowledge, 'llama_index/*');
    expect(chunks).toHaveLength(DOCUMENTS.length * (CHUNKS + 2));
  });
});

describe('a backup of knowledge on a cluster', () => {
  const save = async () => {
    const { archives } = await lore.maintenance.backup({ databases: ['knowledge'], folder });
    return archives[0]?.path ?? '';
  };
  const vector = Float32Array.of(1, 3, 0, 0);

  it('is restored to the cluster, where it is searched at once', async () => {
    const file = await save();
    await lore.dropCollection('docs');
    await lore.maintenance.restore({ file });
    const { hits } = await lore.search({ vector, collection: 'docs', topK: 6 });
    expect(hits.map(({ text }) => text).sort()).toEqual(DOCUMENTS.map((docId) => `Text 3 of ${docId}`));
    expect(await found()).toEqual([]);
  });

  it('is restored to one server, and one of a server to the cluster', async () => {
    const single = openTestLore(redis);
    await single.maintenance.restore({ file: await save() });
    const there = await single.search({ vector, collection: 'docs', topK: 6 });
    expect(there.hits).toHaveLength(6);
    const made = await single.createCollection('more', { dimensions: 4 });
    await single.documents.replace(
      made,
      { docId: 'm', title: 'm', source: 'm', contentType: 'text', wordCount: 1, hash: 'm' },
      [{ text: 'More' }],
      [vector],
    );
    const { archives } = await single.maintenance.backup({ databases: ['knowledge'], folder });
    await lore.maintenance.restore({ file: archives[0]?.path ?? '', existing: 'replace' });
    const { hits } = await lore.search({ vector, collection: 'more', topK: 6 });
    expect(hits.map(({ text }) => text)).toEqual(['More']);
    expect(await found()).toEqual([]);
    await lore.dropCollection('more');
  });
});

describe('a move of knowledge', () => {
  it('goes from one server to the cluster, and leaves nothing behind', async () => {
    const single = openTestLore(redis);
    for (const name of await single.collections.names()) await single.dropCollection(name);
    await single.createCollection('moved', { dimensions: 4 });
    const about = { docId: 'v', title: 'v', source: 'v', contentType: 'text', wordCount: 1, hash: 'v' };
    const moved = await single.collections.get('moved');
    await single.documents.replace(moved, about, [{ text: 'Moved' }], [Float32Array.of(1, 0, 0, 0)]);
    await lore.maintenance.migrate({ fromUrl: redis.url, move: true });
    const vector = Float32Array.of(1, 0, 0, 0);
    const { hits } = await lore.search({ vector, collection: 'moved', topK: 2 });
    expect(hits.map(({ text }) => text)).toEqual(['Moved']);
    expect(await allKeys(single.databases.knowledge, '*moved*')).toEqual([]);
    expect(await found()).toEqual([]);
    await lore.dropCollection('moved');
  });
});
