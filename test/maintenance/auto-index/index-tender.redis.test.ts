import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { IndexTender } from '../../../src/maintenance/auto-index/index-tender.ts';
import { Collections } from '../../../src/stores/knowledge/collections.ts';
import { Reindexes } from '../../../src/stores/knowledge/reindexes.ts';
import { VectorIndex } from '../../../src/stores/knowledge/vector-index.ts';
import { openAs } from '../../support/acl-users.ts';
import { openTestLore } from '../../support/lore.ts';
import { usePrivateRedis } from '../../support/redis.ts';

const redis = usePrivateRedis();

test('a user who may only read does not try to build an index again and again', async () => {
  const lore = openTestLore(redis);
  const { knowledge } = lore.databases;
  const texts = Array.from({ length: 3 }, (_, at) => ({ source: `${at}`, text: `boat number ${at}` }));
  await lore.ingestTexts(texts, { collection: 'read' });
  const reader = await openAs('reader', { redis, admin: lore });
  const { knowledge: read } = reader.databases;
  const tender = new IndexTender(
    {
      ...{ knowledge: read, collections: new Collections(read), vectorIndex: new VectorIndex(read) },
      ...{ reindexes: new Reindexes(read), graceMs: 0, bounds: { hnswFrom: 2, flatBelow: 1 } },
    },
    { activeMs: 1 },
  );
  await knowledge.send(['ACL', 'LOG', 'RESET']);
  tender.nudge(['read']);
  await sleep(100);
  await tender.close();
  const denied = await knowledge.send<unknown[][]>(['ACL', 'LOG']);
  expect(denied.map((entry) => entry[entry.indexOf('count') + 1])).toEqual([1]);
});
