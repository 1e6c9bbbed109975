import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { Growth } from '../../../src/maintenance/auto-index/growth.ts';
import { IndexTender } from '../../../src/maintenance/auto-index/index-tender.ts';
import { tendIndex } from '../../../src/maintenance/auto-index/tend-index.ts';
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

test('what waited for the end of an ingest is begun when the program ends', async () => {
  const lore = openTestLore(redis);
  const { knowledge } = lore.databases;
  let now = 0;
  const tender = new IndexTender(
    {
      ...{ knowledge, collections: new Collections(knowledge), vectorIndex: new VectorIndex(knowledge) },
      ...{ reindexes: new Reindexes(knowledge), graceMs: 0, bounds: { hnswFrom: 2, flatBelow: 1 } },
      growth: new Growth({ now: () => now, fast: 1 }),
    },
    { idleMs: 10, activeMs: 10 },
  );
  await lore.createCollection('fed');
  const texts = Array.from({ length: 3 }, (_, at) => ({ source: `${at}`, text: `boat number ${at}` }));
  const indexes = async () =>
    (await knowledge.send<string[]>(['FT._LIST'])).filter((index) => /:fed:/.test(index));
  await tender.during(['fed'], async () => {
    await sleep(50);
    await lore.ingestTexts(texts, { collection: 'fed' });
    now += 1_000;
    await sleep(100);
    expect(await indexes()).toHaveLength(1);
  });
  await tender.close();
  expect(await indexes()).toHaveLength(2);
});

test('words are added to an index without them where the server has no room for a second one', async () => {
  const lore = openTestLore(redis);
  const { knowledge } = lore.databases;
  await lore.ingestTexts([{ source: 'a', text: 'a boat in the harbour' }], { collection: 'tight' });
  const collection = await lore.collections.get('tight');
  const { analyser: _, ...wordless } = collection.manifest;
  const vectorIndex = new VectorIndex(knowledge);
  await vectorIndex.builder.dropIndex(collection.index);
  await vectorIndex.builder.build({ ...collection, manifest: wordless });
  const full = new Proxy(knowledge, {
    get: (database, name) => {
      if (name === 'send') {
        const send: typeof database.send = async (command, options) =>
          command[0] === 'INFO'
            ? ('maxmemory:1\r\nused_memory:1\r\n' as never)
            : database.send(command, options);
        return send;
      }
      const value: unknown = Reflect.get(database, name, database);
      return typeof value === 'function' ? value.bind(database) : value;
    },
  });
  const collections = new Collections(knowledge);
  const parts = {
    knowledge: full,
    collections,
    vectorIndex,
    reindexes: new Reindexes(knowledge),
    graceMs: 0,
  };
  expect(await tendIndex(parts, 'tight')).toBe('switched');
  expect(await tendIndex(parts, 'tight')).toBe('settled');
  const { hits } = await lore.search({ query: 'harbour', collection: 'tight', mode: 'text' });
  expect(hits).toHaveLength(1);
});
