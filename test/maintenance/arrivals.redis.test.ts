import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { requireNoArrivals, whileArriving } from '../../src/maintenance/arrivals.ts';
import type { Stacklore } from '../../src/stacklore.ts';
import { openTestLore } from '../support/lore.ts';
import { usePrivateRedis } from '../support/redis.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const redis = usePrivateRedis();
const other = usePrivateRedis();
let lore: Stacklore;
let source: Stacklore;

const KEY = 'stacklore:arriving';
const ORPHAN = 'llama_index/vector_store/docs/gone_chunk_0';
const knowledge = () => lore.databases.knowledge;
const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => 'done',
    (error: { code?: string }) => error.code,
  );

beforeAll(async () => {
  lore = openTestLore(redis);
  source = openTestLore(other);
  await source.ingestTexts([{ text: 'All about lamps.', source: 'lamp.md', docId: 'lamp' }], {
    collection: 'docs',
  });
  // So that the server knows the scripts and a cleanup is one round trip later.
  await lore.maintenance.cleanup({ orphans: true });
});

describe('while records are brought in', () => {
  it('nothing is deleted for what may still come, and all else goes on', async () => {
    await knowledge().send(['HSET', ORPHAN, 'doc_id', 'gone', 'text', 'x', 'metadata', '{}']);
    await knowledge().send(['HSET', 'doc:hollow:metadata', 'title', 'hollow', 'chunk_count', '1']);
    await lore.databases.main.send(['SET', 'cache:api:health:default', '{}', 'EX', '300']);
    await whileArriving(knowledge(), async () => {
      await whileArriving(knowledge(), async () => undefined);
      await expect(lore.maintenance.cleanup({ all: true })).rejects.toMatchObject({
        code: 'busy',
        message: expect.stringMatching(/Wait until it is done/),
      });
      expect(await codeOf(lore.maintenance.diagnose({ fix: true }))).toBe('busy');
      expect(await lore.databases.main.send(['EXISTS', 'cache:api:health:default'])).toBe(1);
      expect(await lore.maintenance.cleanup({ all: true, dryRun: true })).toMatchObject({ total: 3 });
      expect(await lore.maintenance.cleanup({ cache: true })).toMatchObject({ total: 1 });
      expect(await codeOf(lore.maintenance.diagnose())).toBe('done');
    });
    expect(await lore.maintenance.cleanup({ orphans: true, emptyDocuments: true })).toMatchObject({
      total: 2,
    });
  });

  it('a cleanup that is under way ends before it deletes anything more', async () => {
    const orphans = Array.from({ length: 40 }, (_, n) => [
      ...['HSET', `llama_index/vector_store/docs/late_chunk_${n}`, 'doc_id', 'late', 'text', 'x'],
    ]);
    await knowledge().pipeline(orphans);
    // Slow enough to be seen between two batches.
    const cleaning = codeOf(lore.maintenance.cleanup({ orphans: true, keysPerSecond: 10 }));
    await sleep(100);
    await whileArriving(knowledge(), async () => expect(await cleaning).toBe('busy'));
    expect(await lore.maintenance.cleanup({ orphans: true })).not.toMatchObject({ total: 0 });
  });

  it('the hold is renewed for as long as it takes, and runs out by itself', async () => {
    await whileArriving(
      knowledge(),
      async () => {
        const runsOut = async () =>
          Number((await knowledge().send<string[]>(['ZRANGE', KEY, '0', '-1', 'WITHSCORES']))[1]);
        const first = await runsOut();
        // Only a renewal moves it, and past the first one's end only renewals hold.
        await expect.poll(runsOut, { timeout: 20_000 }).toBeGreaterThan(first + 1);
        expect(await codeOf(requireNoArrivals(knowledge()))).toBe('busy');
      },
      { holdSeconds: 1 },
    );
    await knowledge().send(['ZADD', KEY, '1', 'killed long ago']);
    expect(await codeOf(requireNoArrivals(knowledge()))).toBe('done');
    await knowledge().send(['UNLINK', KEY]);
  });
});

it('a restore and a move are waited for, their dry runs are not', async () => {
  const { archives } = await source.maintenance.backup({
    databases: ['knowledge'],
    folder: temporaryFolder(),
  });
  const file = archives[0]?.path ?? '';
  const seen: Promise<unknown>[] = [];
  const onProgress = () => void seen.push(codeOf(lore.maintenance.cleanup({ orphans: true })));
  await lore.maintenance.restore({ file, dryRun: true, onProgress });
  expect(await Promise.all(seen.splice(0))).toEqual(['done']);
  await lore.maintenance.restore({ file, onProgress });
  expect(await Promise.all(seen.splice(0))).toEqual(['busy']);
  await lore.maintenance.migrate({
    fromUrl: other.url,
    onProgress: ({ database }) => {
      if (database === 'copy') onProgress();
    },
  });
  expect(await Promise.all(seen)).toEqual(['busy']);
  expect(await codeOf(requireNoArrivals(knowledge()))).toBe('done');
});

it('the hold is a record of the schema that is neither backed up nor moved', async () => {
  await whileArriving(source.databases.knowledge, async () => {
    const { families, unknown } = await source.maintenance.analyseKeys({ databases: ['knowledge'] });
    expect(families).toContainEqual(expect.objectContaining({ family: 'arrivals', keys: 1 }));
    expect(unknown).toEqual([]);
    const request = { databases: ['knowledge' as const], unknown: true, folder: temporaryFolder() };
    const { archives } = await source.maintenance.backup(request);
    expect(archives[0]?.families).not.toHaveProperty('arrivals');
    const moved = await lore.maintenance.migrate({ fromUrl: other.url });
    expect(JSON.stringify(moved)).not.toContain('arrivals');
  });
  expect(await knowledge().send(['EXISTS', KEY])).toBe(0);
});

it('a key of a wrong type in its place is named, and nothing is deleted or restored', async () => {
  await knowledge().send(['SET', KEY, 'text']);
  const named = { code: 'record_invalid', key: KEY };
  await expect(lore.maintenance.cleanup({ orphans: true })).rejects.toMatchObject(named);
  await expect(whileArriving(knowledge(), async () => undefined)).rejects.toMatchObject(named);
  await knowledge().send(['UNLINK', KEY]);
});
