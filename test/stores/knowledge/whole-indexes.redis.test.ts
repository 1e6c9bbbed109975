import { beforeAll, describe, expect, it } from 'vitest';
import type { Stacklore } from '../../../src/stacklore.ts';
import type { Collection } from '../../../src/stores/knowledge/collections.ts';
import { indexName } from '../../../src/stores/knowledge/index-fields.ts';
import { VectorIndex } from '../../../src/stores/knowledge/vector-index.ts';
import { WholeIndexes } from '../../../src/stores/knowledge/whole-indexes.ts';
import { openTestLore } from '../../support/lore.ts';
import { usePrivateRedis } from '../../support/redis.ts';

const redis = usePrivateRedis();
let lore: Stacklore;

beforeAll(() => {
  lore = openTestLore(redis);
});

/** A collection as it is after a start: its index has no words yet, and the next one is made with them. */
async function started(name: string, prefix?: string): Promise<{ collection: Collection; next: string }> {
  const { knowledge } = lore.databases;
  const vectorIndex = new VectorIndex(knowledge);
  const collection = await lore.createCollection(name, { dimensions: 4, language: 'english' });
  const { analyser: _, ...wordless } = collection.manifest;
  await vectorIndex.builder.dropIndex(collection.index);
  await vectorIndex.builder.build({ ...collection, manifest: wordless });
  const next = indexName(name, 2);
  await vectorIndex.builder.build({ ...collection, index: next }, prefix === undefined ? {} : { prefix });
  return { collection, next };
}

const wordsOf = (collection: Collection) => new WholeIndexes(lore.databases.knowledge).findWords(collection);

describe('words of a collection whose index has none yet', () => {
  it('are looked up in the next one', async () => {
    const { collection, next } = await started('next');
    expect(await wordsOf(collection)).toEqual({ in: 'next', index: next });
  });

  it('are not looked up in one that lacks a field declared since, whose conditions no chunk would meet', async () => {
    const { collection } = await started('declared');
    const { manifest } = await lore.addFields('declared', [{ name: 'year', type: 'number' }]);
    expect(await wordsOf({ ...collection, manifest })).toEqual({ in: 'none', indexed: 0 });
  });

  it('are not looked up in one of chunks that a reindex cuts anew', async () => {
    const { collection } = await started('recut', 'stacklore:staged:recut/');
    expect(await wordsOf(collection)).toEqual({ in: 'none', indexed: 0 });
  });
});
