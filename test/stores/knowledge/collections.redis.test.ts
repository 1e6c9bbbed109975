import { beforeAll, expect, it } from 'vitest';
import type { Stacklore } from '../../../src/stacklore.ts';
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
