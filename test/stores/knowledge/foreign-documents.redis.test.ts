import { beforeAll, expect, it } from 'vitest';
import type { Database } from '../../../src/redis/databases.ts';
import type { Stacklore } from '../../../src/stacklore.ts';
import type { Collection } from '../../../src/stores/knowledge/collections.ts';
import { allKeys, openTestLore } from '../../support/lore.ts';
import { usePrivateRedis } from '../../support/redis.ts';

const redis = usePrivateRedis();
let lore: Stacklore;
let knowledge: Database;
let docs: Collection;

beforeAll(async () => {
  lore = openTestLore(redis);
  knowledge = lore.databases.knowledge;
  docs = await lore.createCollection('docs', { dimensions: 2 });
});

/** Stores a document as a program does that knows nothing of escaping. */
async function writeForeign(docId: string, metadata = '{}') {
  await knowledge.pipeline([
    [
      ...['HSET', `doc:${docId}:metadata`, 'title', 'Theirs', 'source', 's', 'content_type', 'text'],
      ...['created_at', '2025-01-15T10:30:00Z', 'updated_at', '2025-01-15T10:30:00Z'],
      ...['chunk_count', '1', 'word_count', '1', 'hash', 'h', 'collection', 'docs'],
    ],
    ['HSET', `llama_index/vector_store/docs/${docId}_chunk_0`, 'text', 'their text', 'metadata', metadata],
    ['ZADD', 'stacklore:documents:docs', '1', docId],
  ]);
}

async function chunksOf(docId: string) {
  const found: unknown[] = [];
  for await (const chunk of lore.documents.chunks(await lore.documents.get(docId))) found.push(chunk);
  return found;
}

it.each(['file:readme', 'what?', 'a[1]', '100%'])('reads document "%s" of another program', async (docId) => {
  await writeForeign(docId);
  expect(await lore.documents.find(docId)).toMatchObject({ docId, title: 'Theirs' });
  expect((await lore.documents.list('docs')).items).toContainEqual(expect.objectContaining({ docId }));
  expect(await chunksOf(docId)).toMatchObject([{ chunkId: `${docId}_chunk_0`, text: 'their text' }]);
  await lore.documents.delete(docId);
  expect((await allKeys(knowledge, '*')).filter((key) => key.includes(docId))).toEqual([]);
});

it('writes the next version to the key where the other program has it', async () => {
  await writeForeign('file:guide');
  const own = { docId: 'file:guide', title: 'Ours', source: 's', contentType: 'text', wordCount: 1 };
  await lore.documents.replace(docs, { ...own, hash: 'h2' }, [{ text: 'new' }], [Float32Array.of(1, 0)]);
  expect(await knowledge.send(['HGET', 'doc:file:guide:metadata', 'title'])).toBe('Ours');
  expect(await allKeys(knowledge, 'doc:*guide*')).toEqual(['doc:file:guide:metadata']);
});

it('shows a chunk whose metadata is no JSON', async () => {
  await writeForeign('broken', 'not json');
  expect(await chunksOf('broken')).toMatchObject([{ text: 'their text', metadata: {} }]);
});
