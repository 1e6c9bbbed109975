import { beforeAll, describe, expect, it } from 'vitest';
import type { Stacklore } from '../../src/stacklore.ts';
import { allKeys, openTestLore } from '../support/lore.ts';
import { usePrivateRedis } from '../support/redis.ts';
import { cliOn, jsonOf } from '../support/run-cli.ts';

const redis = usePrivateRedis();
let lore: Stacklore;

const { run } = cliOn(redis);
const knowledge = () => lore.databases.knowledge;
const chunk = (key: string, docId: string) => ['HSET', key, 'doc_id', docId, 'text', 'x', 'metadata', '{}'];
const document = (docId: string, ...fields: string[]) => [
  'HSET',
  `doc:${docId}:metadata`,
  'title',
  docId,
  ...fields,
];

beforeAll(async () => {
  lore = openTestLore(redis);
  await lore.ingestTexts([{ text: 'All about lamps.', source: 'lamp.md', docId: 'lamp' }], {
    collection: 'docs',
  });
});

describe('orphaned chunks', () => {
  it('are counted in a dry run, deleted otherwise, and no answer that holds them is taken from the cache', async () => {
    const before = (await lore.collections.get('docs')).version;
    await knowledge().pipeline([
      chunk('llama_index/vector_store/docs/gone_chunk_0', 'gone'),
      chunk('llama_index/vector_store/docs/a:b_chunk_0', 'a:b'),
      document('a:b', 'chunk_count', '1'),
      ['HSET', 'llama_index/vector_store/docs/nameless_chunk_0', 'text', 'x'],
      ['SET', 'llama_index/vector_store/docs/text_chunk_0', 'of a wrong type'],
    ]);
    const orphans = { count: 1, examples: ['llama_index/vector_store/docs/gone_chunk_0'] };
    expect(await lore.maintenance.cleanup({ orphans: true, dryRun: true })).toEqual({
      dryRun: true,
      orphans,
      total: 1,
    });
    expect((await lore.collections.get('docs')).version).toBe(before);
    expect(await lore.maintenance.cleanup({ orphans: true })).toEqual({ dryRun: false, orphans, total: 1 });
    expect((await lore.collections.get('docs')).version).toBe(before + 1);
    expect(await lore.maintenance.cleanup({ orphans: true })).toMatchObject({ total: 0 });
    expect(await allKeys(knowledge(), 'llama_index/*')).toEqual([
      'llama_index/vector_store/docs/a:b_chunk_0',
      'llama_index/vector_store/docs/lamp_chunk_0',
      'llama_index/vector_store/docs/nameless_chunk_0',
      'llama_index/vector_store/docs/text_chunk_0',
    ]);
  });

  it('are none while documents are being published and replaced', async () => {
    const texts = Array.from({ length: 60 }, (_, n) => ({
      ...{ text: `Text ${n}. `.repeat(150), source: `busy-${n}.md`, docId: `busy-${n}` },
    }));
    let isDone = false;
    const cleaning = (async () => {
      while (!isDone)
        await lore.maintenance.cleanup({ orphans: true, emptyDocuments: true, keysPerSecond: 1_000_000 });
    })();
    await lore.ingestTexts(texts, { collection: 'busy' });
    await lore.ingestTexts(
      texts.map((one) => ({ ...one, text: `New ${one.text}` })),
      { collection: 'busy' },
    );
    isDone = true;
    await cleaning;
    const { items, total } = await lore.documents.list('busy', { limit: 100 });
    expect(total).toBe(60);
    const chunks = items.reduce((sum, { chunkCount }) => sum + chunkCount, 0);
    expect(await allKeys(knowledge(), 'llama_index/vector_store/busy/*')).toHaveLength(chunks);
  });
});

describe('documents without chunks', () => {
  it('go with their index entries, but not those that have chunks under other names or in another collection', async () => {
    await knowledge().pipeline([
      document('empty', 'chunk_count', '3', 'collection', 'docs', 'hash', 'h1'),
      ['ZADD', 'index:documents', '1', 'empty'],
      ['ZADD', 'stacklore:documents:docs', '1', 'empty'],
      ['HSET', 'stacklore:hashes:docs', 'h1', 'empty'],
      document('uuid', 'chunk_count', '1'),
      chunk('llama_index/vector_store/other/3f2a', 'uuid'),
      document('elsewhere', 'chunk_count', '1'),
      chunk('llama_index/vector_store/wiki/elsewhere_chunk_0', 'elsewhere'),
      document('later', 'chunk_count', '9'),
      chunk('llama_index/vector_store/default/later_chunk_7', 'later'),
    ]);
    const emptyDocuments = { count: 1, examples: ['empty'] };
    expect(await lore.maintenance.cleanup({ emptyDocuments: true, dryRun: true })).toMatchObject({
      emptyDocuments,
    });
    expect(await knowledge().send(['EXISTS', 'doc:empty:metadata'])).toBe(1);
    expect(await lore.maintenance.cleanup({ emptyDocuments: true })).toMatchObject({ emptyDocuments });
    expect(
      await knowledge().pipeline([
        ['EXISTS', 'doc:empty:metadata', 'doc:uuid:metadata', 'doc:elsewhere:metadata', 'doc:later:metadata'],
        ['ZSCORE', 'index:documents', 'empty'],
        ['ZSCORE', 'stacklore:documents:docs', 'empty'],
        ['HGET', 'stacklore:hashes:docs', 'h1'],
      ]),
    ).toEqual([3, null, null, null]);
  });
});

it('stays whole where an index of documents is of a wrong type', async () => {
  await knowledge().pipeline([
    ['RENAME', 'index:documents', 'kept'],
    ['SET', 'index:documents', 'text'],
    document('hollow', 'chunk_count', '1'),
  ]);
  await expect(lore.maintenance.cleanup({ emptyDocuments: true })).rejects.toMatchObject({
    code: 'record_invalid',
    key: 'index:documents',
  });
  expect(await knowledge().send(['EXISTS', 'doc:hollow:metadata'])).toBe(1);
  await knowledge().pipeline([
    ['RENAME', 'kept', 'index:documents'],
    ['UNLINK', 'doc:hollow:metadata'],
  ]);
});

describe('the verb', () => {
  it('removes exactly what is named, and only with --yes', async () => {
    await lore.databases.main.pipeline([
      ['SET', 'cache:api:health:default', '{}', 'EX', '300'],
      ['SET', 'session:s1', 'stays'],
      ['LPUSH', 'stacklore:queue:work:dead', 'one', 'two'],
      ['LPUSH', 'queue:work', 'stays'],
    ]);
    await lore.databases.analytics.pipeline([
      ['HSET', 'usage:2020-01-15:ada', 'requests', '1'],
      ['HSET', 'usage:2999-01-15:ada', 'requests', '1'],
    ]);
    const all = ['cleanup', '--all', '--analytics-before', '2021-01-01', '--rate', '100000'];
    const refused = await run(...all);
    expect(refused).toMatchObject({ exitCode: 2, stdout: '' });
    expect(refused.stderr).toMatch(/Nothing was deleted\. This would delete 4 for good: .*--dry-run/);
    const shown = await run(...all, '--dry-run');
    expect(shown.stdout).toMatch(/cached responses +1 +cache:api:health:default\n/);
    expect(shown.stdout).toMatch(/dead letters +2 +work\n/);
    const report = {
      cache: { count: 1 },
      deadLetters: { count: 2 },
      analytics: { families: { usage: 1 } },
      total: 4,
    };
    expect(jsonOf(await run(...all, '--dry-run', '--json'))).toMatchObject({ dryRun: true, ...report });
    expect(jsonOf(await run(...all, '--yes', '--json'))).toMatchObject({ dryRun: false, ...report });
    expect(jsonOf(await run(...all, '--yes', '--json'))).toMatchObject({ total: 0 });
    expect(await lore.databases.main.send(['EXISTS', 'session:s1', 'queue:work'])).toBe(2);
    expect(await allKeys(lore.databases.analytics, 'usage:2*-01-15:ada')).toEqual(['usage:2999-01-15:ada']);
  });

  it.each([
    [['cleanup', '--yes'], 'Nothing was chosen'],
    [['cleanup', '--all', '--rate', '0'], '--rate'],
    [['cleanup', '--analytics-before', 'long ago', '--yes'], 'before'],
  ])('refuses %s', async (args, says) => {
    const { exitCode, stderr } = await run(...args);
    expect(exitCode).toBe(2);
    expect(stderr).toContain(says);
  });

  it('stops between two batches when told to', async () => {
    const signal = AbortSignal.abort();
    await expect(lore.maintenance.cleanup({ cache: true, signal })).rejects.toMatchObject({
      code: 'aborted',
    });
  });
});
