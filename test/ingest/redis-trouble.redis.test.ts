import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import {
  type PrivateRedis,
  type PrivateRedisOptions,
  startPrivateRedis,
} from '../../src/redis/private-redis.ts';
import type { Stacklore } from '../../src/stacklore.ts';
import { FakeEmbedder } from '../support/fake-embedder.ts';
import { allKeys, openTestLore } from '../support/lore.ts';
import { serverFiles } from '../support/provisioned.ts';
import { usePrivateRedis } from '../support/redis.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const redis = usePrivateRedis();
let folder: string;
let collection: string;
let number = 0;

beforeEach(() => {
  folder = temporaryFolder();
  number += 1;
  collection = `trouble${number}`;
});

const DOCUMENTS = 8;
const writeVersion = (version: string) => {
  for (let n = 0; n < DOCUMENTS; n += 1) {
    // The second version is longer, so that a mix of both would show in the number of chunks.
    const sentences = `Document ${n} tells of ${version}. `.repeat(version === 'first' ? 20 : 60);
    writeFileSync(join(folder, `d${n}.md`), `# Document ${n}\n\n${sentences}\n`);
  }
};
const ingest = (lore: Stacklore) => lore.ingest({ sources: [folder], collection });
/** Does something once, when the nth text is about to be embedded. */
const embedderThat = (at: number, act: () => Promise<unknown>) => {
  let texts = 0;
  return new FakeEmbedder({
    onText: async () => {
      texts += 1;
      if (texts === at) await act();
    },
  });
};
/** The version each document is in; fails when one is not whole, or a chunk is there that no document knows. */
const versions = async (lore: Stacklore): Promise<string[]> => {
  const found: string[] = [];
  let chunks = 0;
  for await (const document of lore.documents.all(collection)) {
    const texts: string[] = [];
    for await (const { text } of lore.documents.chunks(document)) texts.push(text);
    expect(texts).toHaveLength(document.chunkCount);
    chunks += texts.length;
    found.push(...new Set(texts.join().match(/first|second/g)));
  }
  expect(await allKeys(lore.databases.knowledge, `llama_index/vector_store/${collection}/*`)).toHaveLength(
    chunks,
  );
  return found;
};
const start = async (options: PrivateRedisOptions = {}): Promise<PrivateRedis> => {
  const server = await startPrivateRedis({ files: serverFiles(), ...options });
  afterAll(() => server.stop());
  return server;
};
const configure = (lore: Stacklore, setting: readonly [name: string, value: string]) =>
  lore.databases.main.send(['CONFIG', 'SET', ...setting]);

describe('a server that dies midway', () => {
  it('ends the ingest with a report, and a second one completes it', async () => {
    const server = await start({ args: ['--appendonly', 'yes', '--appendfsync', 'always'] });
    writeVersion('first');
    const settings = { connectTimeoutMs: 200 };
    expect((await ingest(openTestLore(server, settings))).counts.created).toBe(DOCUMENTS);
    writeVersion('second');
    const dying = openTestLore(server, settings, { embedder: embedderThat(12, () => server.kill()) });
    const report = await ingest(dying);
    expect(report.interrupted).toBe(true);
    expect(report.counts.failed).toBeGreaterThan(0);
    for (const { status, code, source } of report.problems) {
      expect([status, code]).toEqual(['failed', 'database_unreachable']);
      expect(source).toMatch(/d\d\.md$/);
    }

    await server.restart();
    const after = openTestLore(server, settings);
    const seen = await versions(after);
    expect(seen).toHaveLength(DOCUMENTS);
    // The server may have published a document, and died before it could say so.
    const unchanged = seen.filter((version) => version === 'second').length;
    expect(unchanged).toBeGreaterThanOrEqual(report.counts.updated);
    const again = await ingest(after);
    expect(again).toMatchObject({ interrupted: false, counts: { failed: 0, unchanged } });
    expect(await versions(after)).toEqual(Array(DOCUMENTS).fill('second'));
    expect((await after.search({ query: 'document 3 second', collection })).warnings).toEqual([]);
  });
});

/** Servers that take reads and refuse writes, each with what makes it so and what ends that. */
const REFUSING = [
  ['full', 'database_full', ['maxmemory', '1'], ['maxmemory', '0'], /maxmemory/],
  [
    'left by its replicas',
    'database_readonly',
    ['min-replicas-to-write', '1'],
    ['min-replicas-to-write', '0'],
    /min-replicas-to-write/,
  ],
] as const;

describe.each(REFUSING)('a server that is %s midway', (_, code, refuse, allow, remedy) => {
  it('keeps the old versions whole and searchable, and takes the new ones later', async () => {
    const lore = openTestLore(redis);
    writeVersion('first');
    await ingest(lore);
    writeVersion('second');
    const embedder = embedderThat(12, () => configure(lore, refuse));
    const report = await ingest(openTestLore(redis, {}, { embedder }));
    try {
      expect(report.interrupted).toBe(true);
      expect(report.counts.failed).toBeGreaterThan(0);
      for (const problem of report.problems) {
        expect(problem).toMatchObject({ status: 'failed', code, reason: expect.stringMatching(remedy) });
      }
      const seen = await versions(lore);
      expect(seen).toHaveLength(DOCUMENTS);
      expect(seen.filter((version) => version === 'first').length).toBeGreaterThan(0);
      const { hits } = await lore.search({ query: 'document tells of first', collection, topK: 1 });
      expect(hits).toHaveLength(1);
      // A new run is refused at once: nothing can be ingested at all.
      await expect(ingest(openTestLore(redis))).rejects.toMatchObject({ code });
    } finally {
      await configure(lore, allow);
    }
    expect((await ingest(lore)).counts).toMatchObject({ failed: 0, unchanged: report.counts.updated });
    expect(await versions(lore)).toEqual(Array(DOCUMENTS).fill('second'));
  });
});

describe('a read-only replica', () => {
  it('is searched, and refuses to ingest with the remedy', async () => {
    const primary = await start({ port: 'free', args: ['--repl-diskless-sync-delay', '0'] });
    const replica = await start();
    writeVersion('first');
    await ingest(openTestLore(primary));
    const lore = openTestLore(replica);
    await lore.databases.main.send(['REPLICAOF', '127.0.0.1', String(primary.port)]);
    await expect.poll(() => lore.documents.count(collection), { timeout: 20_000 }).toBe(DOCUMENTS);
    await expect
      .poll(async () => (await lore.search({ query: 'document tells of first', collection })).hits.length, {
        timeout: 20_000,
      })
      .toBeGreaterThan(0);
    await expect(ingest(lore)).rejects.toMatchObject({
      code: 'database_readonly',
      message: expect.stringMatching(/read-only replica.*REDIS_URL/),
    });
  });
});

describe('a server whose disk is full', () => {
  it('keeps its documents searchable, refuses new ones, and takes them when there is room', async () => {
    // Every write to /dev/full fails as on a full disk, for root as well. The server opens its log under this
    // name when it begins one.
    const dir = temporaryFolder();
    mkdirSync(join(dir, 'appendonlydir'));
    symlinkSync('/dev/full', join(dir, 'appendonlydir', 'temp-appendonly.aof.incr'));
    const server = await startPrivateRedis({
      ...{ files: serverFiles(), dir },
      args: ['--appendonly', 'no', '--appendfsync', 'everysec'],
    });
    onTestFinished(() => server.stop());
    const lore = openTestLore(server);
    writeVersion('first');
    await ingest(lore);
    await configure(lore, ['appendonly', 'yes']);
    // The first write is acknowledged before the server finds the disk full; later ones it refuses.
    const write = () =>
      lore.databases.main.send(['SET', 'probe', 'x']).then(
        () => 'taken',
        (error: { code: string }) => error.code,
      );
    await expect.poll(write, { timeout: 20_000 }).toBe('database_readonly');
    writeVersion('second');
    await expect(ingest(lore)).rejects.toMatchObject({
      code: 'database_readonly',
      message: expect.stringContaining('Free disk space'),
    });
    expect(await versions(lore)).toEqual(Array(DOCUMENTS).fill('first'));
    expect((await lore.search({ query: 'document first', collection })).hits.length).toBeGreaterThan(0);
    await configure(lore, ['appendonly', 'no']);
    expect((await ingest(lore)).counts.updated).toBe(DOCUMENTS);
  });
});

describe('a server that cannot serve', () => {
  it('because it wants a password is named with the setting that takes it', async () => {
    const server = await start();
    await configure(openTestLore(server), ['requirepass', 's3cret']);
    await expect(ingest(openTestLore(server))).rejects.toMatchObject({
      code: 'database_auth',
      message: expect.stringMatching(/wants a password.*REDIS_URL/),
    });
    writeVersion('first');
    const knowing = openTestLore(server, { databases: { knowledge: { password: 's3cret' } } });
    expect((await ingest(knowing)).counts.created).toBe(DOCUMENTS);
  });

  it('because it has no search module is named with the remedy, and nothing is left on it', async () => {
    const { serverPath, origin } = serverFiles();
    const lore = openTestLore(await start({ files: { serverPath, origin } }));
    await expect(ingest(lore)).rejects.toMatchObject({
      code: 'search_unavailable',
      message: expect.stringContaining('--loadmodule'),
    });
    expect(await allKeys(lore.databases.knowledge, '*')).toEqual([]);
  });

  it('because it holds a collection but lost its search module is named with the remedy', async () => {
    const dir = temporaryFolder();
    const { serverPath, origin } = serverFiles();
    const plain = await startPrivateRedis({ files: { serverPath, origin }, dir });
    onTestFinished(() => plain.stop());
    const source = openTestLore(redis);
    writeVersion('first');
    await ingest(source);
    const lore = openTestLore(plain);
    for (const key of await allKeys(source.databases.knowledge, `*${collection}*`)) {
      const bytes = await source.databases.knowledge.send<Buffer>(['DUMP', key], { buffers: true });
      await lore.databases.knowledge.send(['RESTORE', key, '0', bytes]);
    }
    await expect(lore.search({ query: 'first', collection })).rejects.toMatchObject({
      code: 'search_unavailable',
      message: expect.stringContaining('--loadmodule'),
    });
  });

  it('because the database has another number is named with the remedy, and nothing is left in it', async () => {
    const lore = openTestLore(redis, { databases: { knowledge: { number: 1 } } });
    await expect(ingest(lore)).rejects.toMatchObject({
      code: 'search_unavailable',
      message: expect.stringContaining('STACKLORE_KNOWLEDGE_NUMBER=0'),
    });
    expect(await allKeys(lore.databases.knowledge, '*')).toEqual([]);
  });

  it('because nothing listens is named with the setting', async () => {
    const lore = openTestLore(redis, { redisUrl: 'redis://127.0.0.1:1', connectTimeoutMs: 50 });
    for (const attempt of [ingest(lore), lore.search({ query: 'x' }), lore.status()]) {
      await expect(attempt).rejects.toMatchObject({
        code: 'database_unreachable',
        message: expect.stringContaining('REDIS_URL'),
      });
    }
  });
});

describe('a collection that is dropped midway', () => {
  it('gets nothing back: what was under way fails, the rest is left, and no key stays', async () => {
    const lore = openTestLore(redis);
    writeVersion('first');
    const embedder = embedderThat(5, () => lore.dropCollection(collection));
    const report = await ingest(openTestLore(redis, {}, { embedder }));
    expect(report.interrupted).toBe(true);
    expect(report.problems.map(({ code }) => code)).toContain('not_found');
    expect(await allKeys(lore.databases.knowledge, `*${collection}*`)).toEqual([]);
    expect(await lore.documents.count(collection)).toBe(0);
    expect((await ingest(lore)).counts.created).toBe(DOCUMENTS);
  });
});
