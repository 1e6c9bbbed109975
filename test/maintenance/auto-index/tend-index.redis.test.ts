import { beforeAll, describe, expect, test, vi } from 'vitest';
import { Growth } from '../../../src/maintenance/auto-index/growth.ts';
import { IndexTender } from '../../../src/maintenance/auto-index/index-tender.ts';
import { type TendParts, tendIndex } from '../../../src/maintenance/auto-index/tend-index.ts';
import type { Database } from '../../../src/redis/databases.ts';
import type { Stacklore } from '../../../src/stacklore.ts';
import { Collections } from '../../../src/stores/knowledge/collections.ts';
import type { KindBounds } from '../../../src/stores/knowledge/index-kind.ts';
import { Reindexes } from '../../../src/stores/knowledge/reindexes.ts';
import { VectorIndex } from '../../../src/stores/knowledge/vector-index.ts';
import { InterruptingDatabase, Killed } from '../../support/interrupting-database.ts';
import { openTestLore } from '../../support/lore.ts';
import { usePrivateRedis } from '../../support/redis.ts';

const redis = usePrivateRedis();
let lore: Stacklore;

beforeAll(() => {
  // A search would have the index changed back, as by the bounds of every day all collections here are small.
  vi.spyOn(IndexTender.prototype, 'nudge').mockReturnValue();
  lore = openTestLore(redis);
});

/** What a process tends with, that goes by bounds which a few texts reach. */
function partsOf(
  knowledge: Database = lore.databases.knowledge,
  { tendingMs = 60, graceMs = 50 } = {},
): TendParts {
  return {
    knowledge,
    collections: new Collections(knowledge),
    vectorIndex: new VectorIndex(knowledge),
    reindexes: new Reindexes(knowledge, { tendingMs }),
    graceMs,
    bounds: { hnswFrom: 20, flatBelow: 10 },
  };
}

/** Ingests so many texts, each a chunk of its own. */
async function fill(collection: string, count: number): Promise<void> {
  const texts = Array.from({ length: count }, (_, at) => ({
    source: `${at}`,
    text: `boat number ${at} sails on the ${at % 2 === 0 ? 'north' : 'south'} sea`,
  }));
  const { problems } = await lore.ingestTexts(texts, { collection });
  expect(problems).toEqual([]);
}

/** Tends until nothing is left to do, and gives what was done, without repetitions. */
async function settle(name: string, parts = partsOf(), pauseMs = 10): Promise<string[]> {
  const done: string[] = [];
  for (let n = 0; n < 500; n += 1) {
    const tended = await tendIndex(parts, name);
    if (tended === 'settled') return done;
    if (tended !== done.at(-1)) done.push(tended);
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
  throw new Error(`never settled: ${done.join(', ')}`);
}

const kindOf = async (name: string) => (await lore.collections.get(name)).manifest.index.kind;
const indexesOf = async (name: string) => {
  const all = await lore.databases.knowledge.send<string[]>(['FT._LIST']);
  return all.filter((index) => index.includes(`:${name}:`));
};
/** The texts that a search finds by meaning and words, as a set. */
const found = async (collection: string) => {
  // Indexes before are dropped at once here, so the manifest must not be a second old.
  await lore.collections.get(collection);
  const { hits, warnings } = await lore.search({ query: 'boat sea', collection, topK: 100 });
  expect(warnings).toEqual([]);
  return hits.map(({ text }) => text).sort();
};

describe('an auto collection', () => {
  test('is served by FLAT while it is small, then by HNSW, and by FLAT again after deletes', async () => {
    await fill('grows', 19);
    expect(await settle('grows')).toEqual([]);
    expect(await kindOf('grows')).toBe('flat');
    await fill('grows', 30);
    expect(await settle('grows')).toEqual(expect.arrayContaining(['begun', 'switched', 'dropped']));
    expect(await kindOf('grows')).toBe('hnsw');
    expect(await indexesOf('grows')).toHaveLength(1);
    expect(await found('grows')).toHaveLength(30);
    const ids: string[] = [];
    for await (const page of lore.documents.idPages('grows')) ids.push(...page);
    for (const id of ids.slice(0, 15)) await lore.documents.delete(id);
    expect(await settle('grows')).toEqual([]);
    for (const id of ids.slice(15, 22)) await lore.documents.delete(id);
    expect(await settle('grows')).toEqual(expect.arrayContaining(['begun', 'switched', 'dropped']));
    expect(await kindOf('grows')).toBe('flat');
    expect(await found('grows')).toHaveLength(8);
  });

  test('is the default, and is told apart from one whose kind was chosen', async () => {
    await lore.createCollection('left');
    await lore.createCollection('chosen', { index: 'flat' });
    expect((await lore.collections.get('left')).manifest.index).toMatchObject({ kind: 'flat', auto: true });
    expect((await lore.collections.get('chosen')).manifest.index).not.toHaveProperty('auto');
    await fill('chosen', 25);
    expect(await settle('chosen')).toEqual([]);
    await expect(lore.openCollection('left', { index: 'flat' })).rejects.toMatchObject({
      code: 'manifest_mismatch',
      message: expect.stringContaining('made with index auto, not flat'),
    });
    await expect(lore.createCollection('odd', { index: 'ivf' as 'flat' })).rejects.toMatchObject({
      code: 'invalid_input',
    });
  });

  test('waits with HNSW while chunks come fast, until nothing comes', async () => {
    let now = 0;
    const parts = { ...partsOf(), growth: new Growth({ now: () => now, fast: 10 }) };
    await lore.createCollection('fed');
    expect(await tendIndex(parts, 'fed')).toBe('settled');
    for (const count of [30, 60]) {
      await fill('fed', count);
      now += 1_000;
      expect(await tendIndex(parts, 'fed')).toBe('filling');
    }
    expect(await indexesOf('fed')).toHaveLength(1);
    expect(await found('fed')).toHaveLength(60);
    now += 1_000;
    expect(await settle('fed', parts)).toEqual(expect.arrayContaining(['begun', 'switched', 'dropped']));
    expect(await kindOf('fed')).toBe('hnsw');
  });

  test('waits with HNSW for so many chunks only as can be searched exactly', async () => {
    let now = 0;
    const parts = {
      ...{ ...partsOf(), bounds: { hnswFrom: 2, flatBelow: 1 } },
      growth: new Growth({ now: () => now, fast: 10 }),
    };
    await lore.createCollection('overfed');
    expect(await tendIndex(parts, 'overfed')).toBe('settled');
    await fill('overfed', 50);
    now += 1_000;
    expect(await tendIndex(parts, 'overfed')).toBe('begun');
    await settle('overfed', parts);
  });

  test('shows in its status what is being built', async () => {
    await fill('shown', 25);
    expect(await tendIndex(partsOf(), 'shown')).toBe('begun');
    const [status] = (await lore.listCollections(['shown'])).items;
    expect(status).toMatchObject({ indexKind: 'flat', auto: true, building: { kind: 'hnsw' } });
    await settle('shown');
    const [after] = (await lore.listCollections(['shown'])).items;
    expect(after).toMatchObject({ indexKind: 'hnsw', auto: true, indexState: 'ready' });
    expect(after).not.toHaveProperty('building');
  });

  test('keeps the index before for as long as a search may still ask it', async () => {
    await fill('asked', 25);
    const stale = await lore.collections.get('asked');
    const parts = { ...partsOf(), graceMs: 60_000 };
    while ((await tendIndex(parts, 'asked')) !== 'switched')
      await new Promise((resolve) => setTimeout(resolve, 5));
    expect(await tendIndex(parts, 'asked')).toBe('busy');
    expect(await indexesOf('asked')).toContain(stale.index);
  });

  test('is left alone while a reindex of it is not finished', async () => {
    await fill('reindexed', 15);
    await lore.reindex('reindexed', { language: 'french', buildOnly: true });
    await fill('reindexed', 30);
    const before = await indexesOf('reindexed');
    expect(await settle('reindexed')).toEqual([]);
    expect(await indexesOf('reindexed')).toEqual(before);
    await lore.reindex('reindexed', { rollback: true });
    expect(await settle('reindexed')).toContain('switched');
    expect(await found('reindexed')).toHaveLength(30);
  });

  test('can be made of one whose kind was chosen, and the other way round', async () => {
    await lore.createCollection('turned', { index: 'hnsw' });
    await fill('turned', 5);
    await lore.reindex('turned', { index: 'auto' });
    expect((await lore.collections.get('turned')).manifest.index).toMatchObject({ kind: 'hnsw', auto: true });
    await settle('turned');
    expect(await kindOf('turned')).toBe('flat');
    await lore.reindex('turned', { index: 'flat' });
    await lore.reindex('turned', { finish: true });
    expect((await lore.collections.get('turned')).manifest.index).not.toHaveProperty('auto');
  });
});

describe('one whose kind was chosen and is left to its size', () => {
  test.each(['hnsw', 'flat'] as const)(
    'keeps the %s index that serves; only the setting changes',
    async (kind) => {
      await lore.createCollection(`kept-${kind}`, { index: kind });
      await fill(`kept-${kind}`, 25);
      const before = await lore.collections.get(`kept-${kind}`);
      const indexes = await indexesOf(before.name);
      const plan = await lore.reindex(before.name, { index: 'auto', dryRun: true });
      expect(plan).toMatchObject({
        state: 'planned',
        plan: { chunks: 25, memoryBytes: 0, memoryAfterBytes: 0 },
      });
      const refused = lore.reindex(before.name, { index: 'auto', buildOnly: true });
      await expect(refused).rejects.toMatchObject({ code: 'invalid_input' });
      expect(await lore.reindex(before.name, { index: 'auto' })).toMatchObject({ state: 'kept', chunks: 0 });
      const after = await lore.collections.get(before.name);
      expect(await indexesOf(before.name)).toEqual(indexes);
      expect(after.index).toBe(before.index);
      expect(after.manifest).toEqual({
        ...before.manifest,
        index: { ...before.manifest.index, auto: true },
      });
      // 25 chunks are for HNSW: of one that is there already nothing follows.
      expect(await settle(before.name)).toEqual(kind === 'hnsw' ? [] : expect.arrayContaining(['switched']));
      expect(await kindOf(before.name)).toBe('hnsw');
      expect(await found(before.name)).toHaveLength(25);
    },
  );

  test('is built anew where more than that changes', async () => {
    await lore.createCollection('wider', { index: 'hnsw' });
    await fill('wider', 5);
    expect(await lore.reindex('wider', { index: 'auto', m: 24 })).toMatchObject({ state: 'switched' });
    await lore.reindex('wider', { finish: true });
  });
});

describe('a switch that is interrupted', () => {
  const GROWN = { hnswFrom: 20, flatBelow: 10 };
  const SHRUNK = { hnswFrom: 99, flatBelow: 90 };

  test.each([
    ['flat to hnsw', 'flat', GROWN, SHRUNK],
    ['hnsw to flat', 'hnsw', SHRUNK, GROWN],
  ] as const)(
    'at any command, from %s: searches answer right, and another process ends it',
    async (_, from, bounds, boundsBack) => {
      const name = `killed-${from}`;
      const kind = from === 'flat' ? 'hnsw' : 'flat';
      await fill(name, 30);
      const all = await found(name);
      const settleBy = (bounds: KindBounds, database?: Database) =>
        settle(name, { ...partsOf(database, { tendingMs: 15, graceMs: 0 }), bounds }, 2);
      for (let commands = 0, isAlive = false; !isAlive; commands += 1) {
        await settleBy(boundsBack);
        expect(await kindOf(name)).toBe(from);
        const database = new InterruptingDatabase(lore.databases.knowledge, commands, { writesOnly: true });
        await settleBy(bounds, database).catch((error: unknown) => {
          if (!(error instanceof Killed)) throw error;
        });
        isAlive = database.isAlive;
        expect(await found(name)).toEqual(all);
        await settleBy(bounds);
        expect(await kindOf(name)).toBe(kind);
        expect(await indexesOf(name)).toEqual([(await lore.collections.get(name)).index]);
        expect(await found(name)).toEqual(all);
        expect(commands).toBeLessThan(200);
      }
    },
    30_000,
  );

  test('six processes at once come to one index', async () => {
    await fill('crowded', 25);
    await Promise.all(Array.from({ length: 6 }, () => settle('crowded')));
    expect(await kindOf('crowded')).toBe('hnsw');
    expect(await indexesOf('crowded')).toHaveLength(1);
    expect(await found('crowded')).toHaveLength(25);
  });
});
