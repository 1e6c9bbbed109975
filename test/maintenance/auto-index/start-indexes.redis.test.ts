import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { CollectionSettings } from '../../../src/ingest/collection-settings.ts';
import { attachEmbeddedRedis, stopEmbeddedRedis } from '../../../src/redis/embedded.ts';
import { openStacklore, type Stacklore } from '../../../src/stacklore.ts';
import { configOf, settingsOf, useDataHomes } from '../../support/data-homes.ts';

const CHUNKS = 2_400;
const PER_DOCUMENT = 200;
const { newHome } = useDataHomes();

async function inHome<T>(home: string, work: (lore: Stacklore) => Promise<T>): Promise<T> {
  const lore = openStacklore(settingsOf(home), { env: {} });
  try {
    return await work(lore);
  } finally {
    await lore.close();
  }
}

/** Each points somewhere else, and the same way each time. */
function vectorOf(at: number): Float32Array {
  return Float32Array.from({ length: 8 }, (_, n) => Math.sin(at * (n + 1) + n));
}

/** A collection that is large enough for its index to be dropped by a stop, served by HNSW where asked. */
async function fill(
  lore: Stacklore,
  kind: 'flat' | 'hnsw',
  { efConstruction, ...settings }: CollectionSettings = { language: 'english' },
): Promise<void> {
  let collection = await lore.createCollection('docs', { dimensions: 8, ...settings });
  for (let at = 0; at < CHUNKS; at += PER_DOCUMENT) {
    const numbers = Array.from({ length: PER_DOCUMENT }, (_, n) => at + n);
    await lore.documents.replace(
      collection,
      { docId: `d${at}`, title: 'T', source: `${at}`, contentType: 'text', wordCount: 1, hash: `${at}` },
      numbers.map((n) => ({ text: `vessel w${n}x` })),
      numbers.map(vectorOf),
    );
  }
  if (kind === 'flat') return;
  await lore.reindex('docs', { index: 'hnsw', ...(efConstruction !== undefined && { efConstruction }) });
  await lore.reindex('docs', { finish: true });
  // As if it had grown so large by itself.
  collection = await lore.collections.get('docs');
  const { manifest } = collection;
  await lore.collections.saveManifest(collection, { ...manifest, index: { ...manifest.index, auto: true } });
}

const nearest = async (lore: Stacklore) =>
  (await lore.search({ vector: vectorOf(77), collection: 'docs', topK: 3, exact: true })).hits.map(
    ({ text }) => text,
  );

test('after a stop in good order, vectors are answered exactly at once, words a little later, whole in the end', async () => {
  const home = newHome();
  const [before, index] = await inHome(home, async (lore) => {
    await fill(lore, 'hnsw');
    return [await nearest(lore), (await lore.collections.get('docs')).index] as const;
  });
  expect(before[0]).toBe('vessel w77x');
  await stopEmbeddedRedis(configOf(home));
  await inHome(home, async (lore) => {
    expect(await nearest(lore)).toEqual(before);
    const collection = await lore.collections.get('docs');
    expect(collection.manifest.index).toMatchObject({ kind: 'flat', auto: true });
    expect(collection.index).not.toBe(index);
    const query = { query: 'vessel w1234x', vector: vectorOf(5), collection: 'docs', topK: 5 };
    for (;;) {
      const { hits, warnings } = await lore.search(query);
      // Never words that only a part of the chunks was looked up for.
      if (warnings.length === 0) {
        expect(hits.map(({ text }) => text)).toContain('vessel w1234x');
        break;
      }
      expect(warnings[0]).toMatch(/words of collection "docs" are being indexed \(\d+ %\), so only meaning/);
    }
    while ((await lore.tendIndexes(['docs'])).docs !== 'settled') await new Promise((r) => setTimeout(r, 20));
    const { hits } = await lore.search({ query: 'w7x', collection: 'docs', mode: 'text' });
    expect(hits.map(({ text }) => text)).toEqual(['vessel w7x']);
    const [status] = (await lore.listCollections(['docs'])).items;
    expect(status).toMatchObject({ chunks: CHUNKS, indexState: 'ready' });
    const own = await lore.databases.knowledge.send<string[]>(['FT._LIST']);
    expect(own.filter((one) => one.includes(':docs:'))).toEqual([(await lore.collections.get('docs')).index]);
  });
});

test('killed, the server answers from no index that it is still filling', async () => {
  const home = newHome();
  const before = await inHome(home, async (lore) => {
    await fill(lore, 'flat');
    return nearest(lore);
  });
  const { pid, close } = await attachEmbeddedRedis(configOf(home), { report: () => undefined });
  await close();
  await new Promise((resolve) => setTimeout(resolve, 1_200));
  process.kill(pid, 'SIGKILL');
  await inHome(home, async (lore) => {
    expect(await nearest(lore)).toEqual(before);
    const { hits } = await lore
      .search({ query: 'w7x', collection: 'docs', mode: 'text' })
      .catch(async (error) => {
        expect(error).toMatchObject({
          code: 'busy',
          message: expect.stringContaining('cannot be looked up yet'),
        });
        while ((await lore.tendIndexes(['docs'])).docs !== 'settled')
          await new Promise((r) => setTimeout(r, 20));
        return lore.search({ query: 'w7x', collection: 'docs', mode: 'text' });
      });
    expect(hits.map(({ text }) => text)).toEqual(['vessel w7x']);
  });
});

test('killed, no collection waits for the HNSW of another one', async () => {
  const home = newHome();
  const hnsw = await inHome(home, async (lore) => {
    const book = await lore.createCollection('book', { dimensions: 8 });
    await lore.documents.replace(
      book,
      { docId: 'e', title: 'T', source: 'e', contentType: 'text', wordCount: 1, hash: 'e' },
      [{ text: 'book' }],
      [vectorOf(1)],
    );
    await fill(lore, 'hnsw', { language: 'english', efConstruction: 2_000 });
    // Lost and made again, its index comes after the other one in the log, and so in what a start fills.
    await lore.databases.knowledge.send(['FT.DROPINDEX', book.index]);
    await lore.search({ vector: vectorOf(1), collection: 'book' });
    return (await lore.collections.get('docs')).index;
  });
  const { pid, close } = await attachEmbeddedRedis(configOf(home), { report: () => undefined });
  await close();
  await new Promise((resolve) => setTimeout(resolve, 1_200));
  process.kill(pid, 'SIGKILL');
  await inHome(home, async (lore) => {
    const { hits, warnings } = await lore.search({ vector: vectorOf(1), collection: 'book' });
    expect([hits.length, warnings]).toEqual([1, []]);
    const log = readFileSync(join(home, 'redis', 'redis.log'), 'utf8')
      .split('Redis is starting')
      .at(-1);
    expect(log).toContain(`Scanning index ${hnsw} in background`);
    expect(log).not.toContain(`Scanning index ${hnsw} in background: done`);
  });
});

test('collections whose kind was chosen and those being reindexed keep their indexes', async () => {
  const home = newHome();
  const before = await inHome(home, async (lore) => {
    await fill(lore, 'hnsw');
    await lore.reindex('docs', { index: 'flat', buildOnly: true });
    await lore.createCollection('chosen', { dimensions: 8, index: 'hnsw' });
    return (await lore.databases.knowledge.send<string[]>(['FT._LIST'])).sort();
  });
  await stopEmbeddedRedis(configOf(home));
  await inHome(home, async (lore) => {
    const after = (await lore.databases.knowledge.send<string[]>(['FT._LIST'])).sort();
    expect(after).toEqual(before);
    expect((await lore.collections.get('docs')).manifest.index.kind).toBe('hnsw');
  });
});

test('a collection without words is whole at once, for programs outside too', async () => {
  const home = newHome();
  await inHome(home, (lore) => fill(lore, 'flat', {}));
  await stopEmbeddedRedis(configOf(home));
  await inHome(home, async (lore) => {
    const { index } = await lore.collections.get('docs');
    const info = await lore.databases.knowledge.send<unknown[]>(['FT.INFO', 'stacklore:live:docs']);
    expect(info[info.indexOf('index_name') + 1]).toBe(index);
    expect(info[info.indexOf('num_docs') + 1]).toBe(CHUNKS);
  });
});
