import { beforeAll, describe, expect, test } from 'vitest';
import { type TendParts, tendIndex } from '../../../src/maintenance/auto-index/tend-index.ts';
import type { Stacklore } from '../../../src/stacklore.ts';
import { Collections } from '../../../src/stores/knowledge/collections.ts';
import { Reindexes } from '../../../src/stores/knowledge/reindexes.ts';
import { VectorIndex } from '../../../src/stores/knowledge/vector-index.ts';
import { openTestLore } from '../../support/lore.ts';
import { usePrivateRedis } from '../../support/redis.ts';

const redis = usePrivateRedis();
let lore: Stacklore;
let parts: TendParts;

beforeAll(() => {
  lore = openTestLore(redis);
  const { knowledge } = lore.databases;
  parts = {
    knowledge,
    collections: new Collections(knowledge),
    vectorIndex: new VectorIndex(knowledge),
    reindexes: new Reindexes(knowledge),
    graceMs: 100,
    bounds: { hnswFrom: 20, flatBelow: 10 },
  };
});

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
async function tendAll(name: string, using: TendParts = parts): Promise<string[]> {
  const done: string[] = [];
  for (let n = 0; n < 500; n += 1) {
    const tended = await tendIndex(using, name);
    if (tended === 'settled') return done;
    if (tended !== done.at(-1)) done.push(tended);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error(`never settled: ${done.join(', ')}`);
}

const kindOf = async (name: string) => (await lore.collections.get(name)).manifest.index.kind;
const indexesOf = async (name: string) =>
  (await lore.databases.knowledge.send<string[]>(['FT._LIST'])).filter((index) =>
    index.includes(`:${name}:`),
  );

describe('an auto collection', () => {
  test('is served by FLAT while it is small, then by HNSW, and by FLAT again', async () => {
    await fill('grows', 19);
    expect(await tendAll('grows')).toEqual([]);
    expect(await kindOf('grows')).toBe('flat');
    await fill('grows', 30);
    expect(await tendAll('grows')).toEqual(expect.arrayContaining(['begun', 'switched', 'dropped']));
    expect(await kindOf('grows')).toBe('hnsw');
    expect(await indexesOf('grows')).toHaveLength(1);
    const { hits, warnings } = await lore.search({ query: 'boat number 7', collection: 'grows' });
    expect([hits[0]?.text, warnings]).toEqual([expect.stringContaining('number 7'), []]);
    for (const id of (await lore.documents.ids('grows')).slice(0, 22)) await lore.documents.delete(id);
    expect(await tendAll('grows')).toEqual(expect.arrayContaining(['begun', 'switched', 'dropped']));
    expect(await kindOf('grows')).toBe('flat');
    expect((await lore.search({ query: 'boat', collection: 'grows', topK: 20 })).hits).toHaveLength(8);
  });
});
