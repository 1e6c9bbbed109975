import { expect, it } from 'vitest';
import { loadConfig } from '../../../src/config.ts';
import { collectionIndexCheck } from '../../../src/maintenance/doctor/indexes.ts';
import { indexName } from '../../../src/stores/knowledge/index-fields.ts';
import { VectorIndex } from '../../../src/stores/knowledge/vector-index.ts';
import { openTestLore } from '../../support/lore.ts';
import { usePrivateRedis } from '../../support/redis.ts';

const redis = usePrivateRedis();

it('takes no index for wrong that was switched to since the collections were read', async () => {
  const lore = openTestLore(redis);
  const { databases, collections } = lore;
  const vectorIndex = new VectorIndex(databases.knowledge);
  const before = await lore.createCollection('grown', { dimensions: 4 });
  const next = { ...before, index: indexName('grown', 2) };
  await vectorIndex.builder.build(next);
  expect(await collections.saveManifest(before, before.manifest, next.index)).toBeDefined();
  await vectorIndex.builder.ensure(next);
  const problems = await collectionIndexCheck.find({
    ...{ databases, collections, vectorIndex, config: loadConfig({ env: {} }), model: {} },
    ...{ known: [before], unreadable: [], reachable: ['knowledge'], pace: {} },
  });
  expect(problems).toEqual([]);
});
