import { beforeAll, expect, it } from 'vitest';
import type { Stacklore } from '../../../src/stacklore.ts';
import { collectionOfIndex } from '../../../src/stores/knowledge/index-fields.ts';
import { openTestLore } from '../../support/lore.ts';
import { usePrivateRedis } from '../../support/redis.ts';

const redis = usePrivateRedis();
let lore: Stacklore;

beforeAll(() => {
  lore = openTestLore(redis);
});

it('names the key of a collection that is of another Redis type', async () => {
  await lore.databases.knowledge.send(['SET', 'stacklore:collection:text', 'no hash']);
  const refusal = {
    code: 'record_invalid',
    message: expect.stringMatching(/"stacklore:collection:text".*it holds a string, not a hash/),
  };
  await expect(lore.collections.find('text')).rejects.toMatchObject(refusal);
  await expect(lore.collections.get('text')).rejects.toMatchObject(refusal);
  await expect(lore.collections.getRecent('text')).rejects.toMatchObject(refusal);
});

it('tells from the name of an index which collection it is of', async () => {
  const { index } = await lore.createCollection('A.b-c_1', { dimensions: 4 });
  expect(index).toBe('stacklore:index:A.b-c_1:1');
  expect(collectionOfIndex(index)).toBe('A.b-c_1');
  for (const other of ['stacklore:facts:4', 'stacklore:index:', 'stacklore:live:A.b-c_1', 'theirs']) {
    expect(collectionOfIndex(other)).toBeUndefined();
  }
});
