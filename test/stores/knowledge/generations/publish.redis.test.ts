import { beforeAll, describe, expect, it } from 'vitest';
import type { Database } from '../../../../src/redis/databases.ts';
import type { Stacklore } from '../../../../src/stacklore.ts';
import type { Collection } from '../../../../src/stores/knowledge/collections.ts';
import type { NewDocument } from '../../../../src/stores/knowledge/document.ts';
import { allKeys, openTestLore } from '../../../support/lore.ts';
import { usePrivateRedis } from '../../../support/redis.ts';

const redis = usePrivateRedis();
let lore: Stacklore;
let knowledge: Database;
let docs: Collection;

beforeAll(async () => {
  lore = openTestLore(redis);
  knowledge = lore.databases.knowledge;
  docs = await lore.createCollection('docs', { dimensions: 4, publish: 'generations' });
});

const document = (docId: string, more: Partial<NewDocument> = {}): NewDocument => ({
  ...{ docId, title: `Title of ${docId}`, source: `/docs/${docId}.md`, contentType: 'markdown' },
  ...{ wordCount: 3, hash: `hash of ${docId}`, ...more },
});
const publish = (docId: string, texts: readonly string[], more: Partial<NewDocument> = {}) =>
  lore.documents.replace(
    docs,
    document(docId, more),
    texts.map((text) => ({ text })),
    texts.map((_, at) => Float32Array.of(1, at, 0, 0)),
  );
const textsOf = async (docId: string) => {
  const texts: string[] = [];
  for await (const { text } of lore.documents.chunks(await lore.documents.get(docId))) texts.push(text);
  return texts;
};

describe('a document that is published in steps', () => {
  it('lies at the places of the schema when the publish has ended, however often it was replaced', async () => {
    await publish('steps', ['a', 'b', 'c']);
    await publish('steps', ['d', 'e'], { hash: 'other' });
    await publish('steps', ['f', 'g', 'h', 'i'], { hash: 'third' });
    expect(await allKeys(knowledge, '*steps*')).toEqual([
      'doc:steps:metadata',
      ...[0, 1, 2, 3].map((n) => `llama_index/vector_store/docs/steps_chunk_${n}`),
    ]);
    expect(await textsOf('steps')).toEqual(['f', 'g', 'h', 'i']);
    expect(await knowledge.send(['HGETALL', 'stacklore:hashes:docs'])).toEqual(['third', 'steps']);
    expect(await knowledge.send(['ZRANGE', 'stacklore:documents:docs', '0', '-1'])).toContain('steps');
  });

  it('is gone with all that belongs to it when it was deleted', async () => {
    await publish('gone', ['a', 'b']);
    await lore.documents.delete('gone');
    expect(await allKeys(knowledge, '*gone*')).toEqual([]);
    expect(await knowledge.send(['ZSCORE', 'index:documents', 'gone'])).toBeNull();
    expect(await lore.documents.findByHash('docs', 'hash of gone')).toBeUndefined();
  });
});
