import { beforeAll, describe, expect, it } from 'vitest';
import { memoryLines } from '../../src/cli/memory-lines.ts';
import type { CollectionSettings } from '../../src/ingest/collection-settings.ts';
import { startPrivateRedis } from '../../src/redis/private-redis.ts';
import type { Stacklore } from '../../src/stacklore.ts';
import { readChunkMemory } from '../../src/stores/knowledge/chunk-memory.ts';
import { VectorIndex } from '../../src/stores/knowledge/vector-index.ts';
import { openTestLore } from '../support/lore.ts';
import { usePrivateRedis } from '../support/redis.ts';

const redis = usePrivateRedis();
let lore: Stacklore;

beforeAll(async () => {
  lore = openTestLore(redis);
  await fill(lore, 'wide', {});
  await fill(lore, 'half', { vectorType: 'float16', index: 'flat' });
});

async function fill(to: Stacklore, collection: string, settings: CollectionSettings): Promise<void> {
  await to.createCollection(collection, { index: 'hnsw', ...settings });
  const documents = Array.from({ length: 40 }, (_, n) => {
    const text = `Note ${n} of ${collection} says that subject${n} is kept in drawer ${n % 7}. `.repeat(12);
    return { docId: `${collection}-${n}`, source: `${n}.md`, text };
  });
  const { counts } = await to.ingestTexts(documents, { collection });
  expect(counts.failed).toBe(0);
}

const memoryOf = async (from: Stacklore, name: string) =>
  (await from.status()).collections.find((one) => one.name === name)?.memory;

/** What a chunk takes, with the savings that status tells of larger collections only. */
async function memoryWithSavings({ databases, collections }: Stacklore, name: string) {
  const collection = await collections.get(name);
  const told = await new VectorIndex(databases.knowledge).findTold(collection);
  return readChunkMemory(databases.knowledge, collection, { told, savingsFrom: 1 });
}

describe('what status tells of a chunk', () => {
  it('is its memory by part, which add up', async () => {
    const memory = await memoryOf(lore, 'wide');
    if (!memory) throw new Error('no memory is told');
    const { totalBytes, hash, index } = memory;
    expect(totalBytes).toBe(hash.totalBytes + index.totalBytes);
    for (const { totalBytes: whole, ...parts } of [hash, index]) {
      const sum = Object.values(parts).reduce((total, bytes) => total + bytes, 0);
      expect(Math.abs(whole - sum)).toBeLessThanOrEqual(4);
    }
    expect(hash.vectorBytes).toBe(64 * 4);
    expect(index.vectorBytes).toBe(64 * 4);
    expect(hash.textBytes).toBeGreaterThan(200);
    for (const bytes of [hash.wordsBytes, index.wordsBytes, index.graphBytes])
      expect(bytes).toBeGreaterThan(0);
  });

  it('tells what each option would save, and none that there is already', async () => {
    expect((await memoryWithSavings(lore, 'wide'))?.savings).toEqual({
      float16Bytes: 64 * 4,
      flatBytes: expect.any(Number),
    });
    const half = await memoryWithSavings(lore, 'half');
    expect(half).toMatchObject({ hash: { vectorBytes: 64 * 2 }, savings: {} });
  });

  it('tells no savings of a small collection, for which they do not matter', async () => {
    const { collections } = await lore.status();
    expect(collections.map(({ memory }) => memory?.savings)).toEqual([{}, {}]);
    expect(memoryLines(collections).join('\n')).not.toContain('would save');
  });

  it('asks once for what is told of a collection', async () => {
    const { knowledge } = lore.databases;
    const callsOf = (stats: string, command: string) =>
      Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`, 'i').exec(stats)?.[1] ?? 0);
    const stats = () => knowledge.send<string>(['INFO', 'commandstats']);
    const before = await stats();
    const { collections } = await lore.status();
    const after = await stats();
    const asked = (command: string) => callsOf(after, command) - callsOf(before, command);
    // The index that serves, and the next one, which is looked for.
    expect(asked('FT.INFO')).toBe(2 * collections.length);
    expect(asked('zcard')).toBe(collections.length);
  });

  it('is told in spite of a document whose key holds something else', async () => {
    await fill(lore, 'odd', {});
    const key = 'doc:odd-7:metadata';
    await lore.databases.knowledge.pipeline([
      ['UNLINK', key],
      ['SET', key, 'a text'],
    ]);
    expect((await memoryOf(lore, 'odd'))?.hash.vectorBytes).toBe(64 * 4);
  });

  it('is left out where there are no chunks, or no index', async () => {
    const collection = await lore.createCollection('empty', { dimensions: 8 });
    expect(await memoryOf(lore, 'empty')).toBeUndefined();
    await lore.databases.knowledge.send(['FT.DROPINDEX', collection.index]);
    expect(await memoryOf(lore, 'empty')).toBeUndefined();
  });

  it('becomes lines for people', async () => {
    const { collections } = await lore.status();
    const told = collections.map(async (status) => {
      const memory = await memoryWithSavings(lore, status.name);
      return { ...status, ...(memory && { memory }) };
    });
    const lines = memoryLines(await Promise.all(told)).join('\n');
    expect(lines).toMatch(/^wide +\d+ B +\d+ +256 /m);
    expect(lines).toMatch(
      /wide: float16 vectors \(stacklore reindex wide --vector-type float16\) would save/,
    );
    expect(lines).not.toContain('half: float16');
    expect(memoryLines([])).toEqual([]);
  });
});

describe('a server that does not pack chunks', () => {
  it('is told of by status and doctor; ours packs them', async () => {
    const loose = await startPrivateRedis({ args: ['--hash-max-listpack-value', '64'] });
    const other = openTestLore(loose);
    try {
      await fill(other, 'loose', {});
      expect((await memoryWithSavings(other, 'loose'))?.savings.packedBytes).toBeGreaterThan(50);
      const { findings } = await other.maintenance.diagnose();
      expect(findings).toContainEqual(
        expect.objectContaining({
          check: 'packing',
          fix: expect.stringContaining('hash-max-listpack-value'),
        }),
      );
    } finally {
      await other.close();
      await loose.stop();
    }
    const { findings } = await lore.maintenance.diagnose();
    expect(findings.filter(({ check }) => check === 'packing')).toEqual([]);
  });
});
