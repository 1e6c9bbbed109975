import { beforeAll, expect, test } from 'vitest';
import { startIndexesOf } from '../../../src/maintenance/auto-index/start-indexes.ts';
import { tendIndex } from '../../../src/maintenance/auto-index/tend-index.ts';
import { reindexLockRecord } from '../../../src/schema/knowledge.ts';
import type { Stacklore } from '../../../src/stacklore.ts';
import { Collections } from '../../../src/stores/knowledge/collections.ts';
import { Reindexes } from '../../../src/stores/knowledge/reindexes.ts';
import { VectorIndex } from '../../../src/stores/knowledge/vector-index.ts';
import { InterruptingDatabase, Killed } from '../../support/interrupting-database.ts';
import { openTestLore } from '../../support/lore.ts';
import { usePrivateRedis } from '../../support/redis.ts';

const redis = usePrivateRedis();
const TEXTS = 30;
const COLLECTION = 'docs';
let lore: Stacklore;

beforeAll(async () => {
  lore = openTestLore(redis);
  const texts = Array.from({ length: TEXTS }, (_, at) => ({
    source: `${at}`,
    text: `boat number ${at} sails`,
  }));
  await lore.ingestTexts(texts, { collection: COLLECTION });
});

const indexes = () => lore.databases.knowledge.send<string[]>(['FT._LIST']);

/** Leaves what a stop in good order leaves: a record that names an index of its own, and no index. */
async function dropAsAStopDoes(): Promise<void> {
  const collection = await lore.collections.get(COLLECTION);
  const { index, manifest } = collection;
  const next = index.replace(/\d+$/, (number) => String(Number(number) + 1));
  await lore.collections.saveManifest(collection, manifest, next);
  for (const one of await indexes()) await new VectorIndex(lore.databases.knowledge).builder.dropIndex(one);
  expect(await indexes()).toEqual([]);
}

/** Every text by its meaning; by words as well where they are indexed, else with a warning or an error of ours. */
async function expectRightAnswers(): Promise<void> {
  await lore.collections.get(COLLECTION); // searches remember what serves for a second
  const { hits } = await lore.search({ query: 'boat', collection: COLLECTION, mode: 'vector', topK: TEXTS });
  expect(new Set(hits.map(({ text }) => text)).size).toBe(TEXTS);
  const byWords = lore.search({ query: 'boat', collection: COLLECTION, mode: 'text', topK: TEXTS });
  const found = await byWords.catch((error: unknown) => error);
  if (found instanceof Error) expect(found).toMatchObject({ code: 'busy' });
  else expect(found).toMatchObject({ hits: { length: TEXTS } });
}

test('a start that is interrupted at any command leaves right answers, and the next one ends it', async () => {
  const { knowledge } = lore.databases;
  const parts = {
    ...{ knowledge, collections: new Collections(knowledge), vectorIndex: new VectorIndex(knowledge) },
    ...{ reindexes: new Reindexes(knowledge), graceMs: 0 },
  };
  for (let commands = 0, isAlive = false; !isAlive; commands += 1) {
    await dropAsAStopDoes();
    const database = new InterruptingDatabase(knowledge, commands, { writesOnly: true });
    await startIndexesOf(database, 0).catch((error: unknown) => {
      if (!(error instanceof Killed)) throw error;
    });
    isAlive = database.isAlive;
    // One time as a search meets it, one time as the next start does.
    if (commands % 2 === 0) await expectRightAnswers();
    await startIndexesOf(knowledge, 0);
    await expectRightAnswers();
    // As if the time of those who were killed were over.
    await knowledge.send(['UNLINK', reindexLockRecord.key.build({ collection: COLLECTION })]);
    for (let n = 0; (await tendIndex(parts, COLLECTION)) !== 'settled'; n += 1) {
      expect(n).toBeLessThan(500);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    const { index, manifest } = await lore.collections.get(COLLECTION);
    expect(await indexes()).toEqual([index]);
    expect(manifest.index).toMatchObject({ kind: 'flat', auto: true });
    const { hits, warnings } = await lore.search({ query: 'boat', collection: COLLECTION, topK: TEXTS });
    expect(warnings).toEqual([]);
    expect(hits).toHaveLength(TEXTS);
    if (isAlive) expect(commands).toBeGreaterThan(4);
    expect(commands).toBeLessThan(100);
  }
});
