import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { StackloreError } from '../../../src/errors.ts';
import { IndexTender } from '../../../src/maintenance/auto-index/index-tender.ts';
import { type ArchiveHeader, encodeHeader } from '../../../src/maintenance/backup/archive-format.ts';
import { backup } from '../../../src/maintenance/backup/backup.ts';
import { restore } from '../../../src/maintenance/backup/restore.ts';
import { rotateArchives } from '../../../src/maintenance/backup/rotate.ts';
import type { Database, Databases, RedisCommand } from '../../../src/redis/databases.ts';
import { scanKeyBytes } from '../../../src/redis/scan.ts';
import { nearestQuery } from '../../../src/search/query.ts';
import type { Stacklore } from '../../../src/stacklore.ts';
import { Collections } from '../../../src/stores/knowledge/collections.ts';
import { FactIndex } from '../../../src/stores/knowledge/fact-index.ts';
import type { KindBounds } from '../../../src/stores/knowledge/index-kind.ts';
import { Reindexes } from '../../../src/stores/knowledge/reindexes.ts';
import { VectorIndex } from '../../../src/stores/knowledge/vector-index.ts';
import { allKeys, openTestLore } from '../../support/lore.ts';
import { usePrivateRedis } from '../../support/redis.ts';
import { jsonOf, runCli } from '../../support/run-cli.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const source = usePrivateRedis();
const target = usePrivateRedis();
let from: Stacklore;
let to: Stacklore;

const BINARY = Buffer.from([0, 255, 13, 10, 0xc3, 0x28]);
const LATER = String(Date.now() + 3_600_000);

beforeAll(async () => {
  from = openTestLore(source);
  to = openTestLore(target);
  await from.ingestTexts(
    [
      { text: '# Lamp\n\nHow to light the lamp.', source: 'lamp.md', docId: 'lamp' },
      { text: '# Pier\n\nWhere the pier ends.', source: 'pier.md', docId: 'pier' },
    ],
    { collection: 'docs' },
  );
  const commands: RedisCommand[] = [
    ['HSET', 'session:s1', 'user_id', 'ada', 'blob', BINARY],
    ['PEXPIREAT', 'session:s1', LATER],
    ['RPUSH', 'queue:work', '{"a":1}', BINARY],
    ['SET', 'ratelimit:c:search', '3', 'PX', '1'],
    ['SET', Buffer.concat([Buffer.from('cache:api:x:'), BINARY]), BINARY],
    ['ZADD', 'stacklore:user-sessions:ada', '1736937000000.25', 's1', '-inf', 's0'],
    ['SADD', 'other:set', 'a', BINARY],
    ['XADD', 'other:stream', '*', 'a', '1'],
  ];
  await from.databases.main.pipeline(commands);
});

/** What a key holds, in an order of its own. */
async function contents(database: Database, key: string): Promise<unknown> {
  const type = await database.send<string>(['TYPE', key]);
  const ttl = await database.send<number>(['PEXPIRETIME', key]);
  const read: Record<string, RedisCommand> = {
    string: ['GET', key],
    list: ['LRANGE', key, '0', '-1'],
    hash: ['HGETALL', key],
    set: ['SMEMBERS', key],
    zset: ['ZRANGE', key, '0', '-1', 'WITHSCORES'],
  };
  const command = read[type];
  const value = (command ? await database.send<Buffer | Buffer[]>(command, { buffers: true }) : []) ?? [];
  if (!Array.isArray(value)) return { type, ttl, value: value.toString('hex') };
  const items = value.map((item) => item.toString('hex'));
  if (type === 'set') return { type, ttl, value: items.sort() };
  // The order of fields is the server's affair.
  const pairs = items.flatMap((item, at) => (at % 2 === 0 ? [`${item} ${items[at + 1]}`] : []));
  return { type, ttl, value: type === 'hash' ? pairs.sort() : items };
}

async function backUp(folder: string, ...databases: ('main' | 'knowledge')[]): Promise<string[]> {
  const { archives } = await from.maintenance.backup({ databases, folder });
  return archives.map(({ path }) => path);
}

async function clear(database: Database): Promise<void> {
  for await (const keys of scanKeyBytes(database)) {
    if (keys.length > 0) await database.send(['UNLINK', ...keys]);
  }
}

function restoreParts(databases: Databases, bounds?: KindBounds) {
  const { knowledge } = databases;
  const parts = {
    ...{ databases, collections: new Collections(knowledge), vectorIndex: new VectorIndex(knowledge) },
    ...{
      factIndex: new FactIndex(knowledge),
      reindexes: new Reindexes(knowledge),
      ...(bounds && { bounds }),
    },
  };
  const tender = new IndexTender({ ...parts, knowledge, graceMs: 1 });
  afterAll(() => tender.close());
  return { ...parts, tender };
}

const code = (expected: string, message: RegExp) =>
  expect.objectContaining({ code: expected, message: expect.stringMatching(message) });

describe('backup and restore', () => {
  it('bring every record with bytes, scores and TTLs into an empty database and make its indexes', async () => {
    const folder = temporaryFolder();
    const [main = '', knowledge = ''] = await backUp(folder, 'main', 'knowledge');
    const report = await to.maintenance.restore({ file: main });
    expect(report).toMatchObject({ database: 'main', restored: 4, existing: 0, skipped: 0 });
    expect(report.families).toEqual({ session: 1, 'task queue': 1, 'response cache': 1, 'user sessions': 1 });
    const restored = await to.maintenance.restore({ file: knowledge });
    expect(restored.indexes).toEqual([{ collection: 'docs', state: 'ready' }]);
    for (const key of await allKeys(to.databases.main, '*')) {
      if (key.startsWith('stacklore:collection:')) continue;
      expect(await contents(to.databases.main, key)).toEqual(await contents(from.databases.main, key));
    }
    expect(await to.databases.main.send(['PEXPIRETIME', 'session:s1'])).toBe(Number(LATER));
    const { hits } = await to.search({ query: 'lamp', collection: 'docs', topK: 2 });
    expect(hits.map(({ docId }) => docId).sort()).toEqual(['lamp', 'pier']);
  });

  it('make the index of facts at once, its model restored too', async () => {
    await from.addFact({ factId: 'lamp', content: 'The lamp is lit at dusk.' });
    const [knowledge = ''] = await backUp(temporaryFolder(), 'knowledge');
    const report = await to.maintenance.restore({ file: knowledge, existing: 'replace' });

    expect(report.factIndex).toEqual({ state: 'ready' });
    expect(await to.databases.knowledge.send(['FT._LIST'])).toContainEqual(
      expect.stringMatching(/^stacklore:facts:index:v2:[1-9]/),
    );
    expect(await to.searchFacts({ query: 'when is the lamp lit?', topK: 1 })).toMatchObject({
      ...{ hits: [{ factId: 'lamp' }], warnings: [] },
    });
    await from.facts.delete('lamp');
    await to.facts.delete('lamp');
    for (const lore of [from, to]) await lore.databases.knowledge.send(['UNLINK', 'stacklore:facts']);
  });

  it('answer exactly by vectors at once where an index followed the size to HNSW, which follows with the words', async () => {
    const grown = await from.createCollection('grown', { dimensions: 4, language: 'english' });
    const vector = Float32Array.of(1, 0, 0, 0);
    const about = {
      docId: 'grown',
      title: 'Grown',
      source: 'g',
      contentType: 'text',
      wordCount: 1,
      hash: 'g',
    };
    await from.documents.replace(grown, about, [{ text: 'The pier has grown.' }], [vector]);
    const { manifest } = grown;
    await from.collections.saveManifest(grown, {
      ...manifest,
      index: { ...manifest.index, kind: 'hnsw', auto: true },
    });
    const [file = ''] = await backUp(temporaryFolder(), 'knowledge');
    await clear(to.databases.knowledge);
    const { knowledge } = to.databases;
    for (const index of await knowledge.send<string[]>(['FT._LIST']))
      await knowledge.send(['FT.DROPINDEX', index]);

    // One chunk is enough for HNSW.
    const { tender, ...parts } = restoreParts(to.databases, { hnswFrom: 1, flatBelow: 1 });
    const nudged: string[] = [];
    const again = (names: readonly string[]) => void nudged.push(...names);
    const report = await restore({ ...parts, tender: { again } }, { file });

    expect(report.indexes).toContainEqual({
      ...{ collection: 'grown', state: 'ready', following: ['words', 'hnsw'] },
    });
    expect(report.indexes).toContainEqual({ collection: 'docs', state: 'ready' });
    expect(nudged.sort()).toEqual(['docs', 'grown']);
    const restored = await to.collections.get('grown');
    expect(restored.manifest.index).toMatchObject({ kind: 'flat', auto: true });
    const query = nearestQuery({ collection: restored, vector, topK: 1 });
    const { lists } = await parts.vectorIndex.candidates(restored, [query]);
    expect(lists[0]?.map(({ key }) => key)).toEqual(['llama_index/vector_store/grown/grown_chunk_0']);
    while ((await tender.tend(['grown'])).grown !== 'settled') await sleep(5);
    expect((await to.collections.get('grown')).manifest.index).toMatchObject({ kind: 'hnsw', auto: true });
    const worded = await to.search({ query: 'pier', collection: 'grown', mode: 'text' });
    expect(worded.hits).toHaveLength(1);
    for (const lore of [from, to]) await lore.dropCollection('grown');
  });

  it('select by record family where two databases share a number', async () => {
    const folder = temporaryFolder();
    const [main = '', knowledge = ''] = await backUp(folder, 'main', 'knowledge');
    const families = async (file: string) =>
      Object.keys((await to.maintenance.restore({ file, dryRun: true, existing: 'replace' })).families);
    expect(await families(main)).not.toContain('chunk');
    expect(await families(knowledge)).not.toContain('session');
    expect(await families(knowledge)).toContain('chunk');
  });

  it('take keys of no family only when asked, and tell of types that archives do not hold', async () => {
    const { archives } = await from.maintenance.backup({
      databases: ['main', 'knowledge'],
      unknown: true,
      folder: temporaryFolder(),
    });
    const [main, knowledge] = archives;
    expect(main).toMatchObject({ families: { '': 1 }, skipped: { count: 1, keys: ['other:stream'] } });
    expect(Object.keys(knowledge?.families ?? {})).not.toContain('');
    await clear(to.databases.main);
    expect(await to.maintenance.restore({ file: main?.path ?? '' })).toMatchObject({ unselected: 1 });
    expect(await to.databases.main.send(['EXISTS', 'other:set'])).toBe(0);
    expect(
      await to.maintenance.restore({ file: main?.path ?? '', unknown: true, existing: 'skip' }),
    ).toMatchObject({
      restored: 1,
      skipped: 4,
    });
    expect(await contents(to.databases.main, 'other:set')).toEqual(
      await contents(from.databases.main, 'other:set'),
    );
  });

  it('refuse keys that exist with nothing written, or keep or replace them as told', async () => {
    const [main = ''] = await backUp(temporaryFolder(), 'main');
    await clear(to.databases.main);
    await to.databases.main.send(['SET', 'session:s1', 'mine']);
    await expect(to.maintenance.restore({ file: main })).rejects.toEqual(
      code('already_exists', /1 keys .*"session:s1".*--replace/),
    );
    expect(await allKeys(to.databases.main, '*')).toEqual(['session:s1']);
    const dry = await to.maintenance.restore({ file: main, dryRun: true });
    expect(dry).toMatchObject({ dryRun: true, restored: 0, existing: 1 });
    expect(dry.refused).toMatch(/Nothing was restored: 1 keys .*--replace/);
    expect(await to.maintenance.restore({ file: main, dryRun: true, existing: 'skip' })).toMatchObject({
      ...{ dryRun: true, restored: 3, existing: 1, skipped: 1 },
    });
    expect(await allKeys(to.databases.main, '*')).toEqual(['session:s1']);
    expect(await to.maintenance.restore({ file: main, existing: 'skip' })).toMatchObject({
      restored: 3,
      skipped: 1,
    });
    expect(await to.databases.main.send(['GET', 'session:s1'])).toBe('mine');
    expect(await to.maintenance.restore({ file: main, existing: 'replace' })).toMatchObject({
      restored: 4,
      existing: 4,
    });
    expect(await to.databases.main.send(['TYPE', 'session:s1'])).toBe('hash');
  });

  it('restore some families only', async () => {
    const [main = ''] = await backUp(temporaryFolder(), 'main');
    await clear(to.databases.main);
    expect(await to.maintenance.restore({ file: main, families: ['task-queue'] })).toMatchObject({
      restored: 1,
      unselected: 3,
    });
    expect(await allKeys(to.databases.main, '*')).toEqual(['queue:work']);
    await expect(to.maintenance.restore({ file: main, families: ['chunk'] })).rejects.toEqual(
      code('invalid_input', /"chunk" does not lie/),
    );
  });

  it('leave out what has expired since', async () => {
    const [main = ''] = await backUp(temporaryFolder(), 'main');
    await clear(to.databases.main);
    const parts = restoreParts(to.databases);
    const report = await restore({ ...parts, now: () => Number(LATER) + 1 }, { file: main });
    expect(report).toMatchObject({ restored: 3, expired: 1 });
    expect(await to.databases.main.send(['EXISTS', 'session:s1'])).toBe(0);
  });

  it('carry big keys in parts and leave no temporary key', async () => {
    const { main } = from.databases;
    const numbers = Array.from({ length: 45_000 }, (_, at) => String(at));
    await main.pipeline([
      ['RPUSH', 'queue:big', ...numbers],
      ['HSET', 'session:big', ...numbers.flatMap((number) => [number, `value ${number}`])],
      ['ZADD', 'stacklore:user-sessions:big', ...numbers.flatMap((number) => [number, `s${number}`])],
      ['SET', 'cache:api:big:string', Buffer.alloc(9_000_000, 'abc')],
      ['EXPIRE', 'session:big', '5000'],
    ]);
    const [file = ''] = await backUp(temporaryFolder(), 'main');
    await clear(to.databases.main);
    await to.maintenance.restore({ file });
    for (const key of ['queue:big', 'stacklore:user-sessions:big', 'cache:api:big:string']) {
      expect(await contents(to.databases.main, key)).toEqual(await contents(main, key));
    }
    expect(await to.databases.main.send(['HLEN', 'session:big'])).toBe(45_000);
    expect(await to.databases.main.send(['PEXPIRETIME', 'session:big'])).toBe(
      await main.send(['PEXPIRETIME', 'session:big']),
    );
    expect(await allKeys(to.databases.main, 'stacklore:restoring:*')).toEqual([]);
    await main.send([
      'UNLINK',
      'queue:big',
      'session:big',
      'stacklore:user-sessions:big',
      'cache:api:big:string',
    ]);
  });

  it('never take a collection back to a version that answers were cached for', async () => {
    const [file = ''] = await backUp(temporaryFolder(), 'knowledge');
    const before = (await from.collections.get('docs')).version;
    await from.ingestTexts([{ text: 'A later text.', source: 'later.md', docId: 'later' }], {
      collection: 'docs',
    });
    const later = (await from.collections.get('docs')).version;
    expect(later).toBeGreaterThan(before);
    await from.maintenance.restore({ file, existing: 'replace' });
    expect((await from.collections.get('docs')).version).toBeGreaterThan(later);
  });

  it('never do so either when they are interrupted before indexes are made', async () => {
    const [file = ''] = await backUp(temporaryFolder(), 'knowledge');
    await clear(to.databases.knowledge);
    await to.maintenance.restore({ file });
    const key = 'stacklore:collection:docs';
    await to.databases.knowledge.send(['HINCRBY', key, 'version', '40']);
    const versionOf = async () => Number(await to.databases.knowledge.send(['HGET', key, 'version']));
    const before = await versionOf();
    const { databases } = to;
    let lists = 0;
    const knowledge = new Proxy(databases.knowledge, {
      get(database, name) {
        if (name === 'send') {
          return async (command: RedisCommand, options: object) => {
            if (command[1] === 'stacklore:collections' && ++lists === 2) {
              throw new StackloreError('database_unreachable', { message: 'It is away.' });
            }
            return database.send(command, options);
          };
        }
        const value: unknown = Reflect.get(database, name);
        return typeof value === 'function' ? value.bind(database) : value;
      },
    });
    const parts = restoreParts({ ...databases, knowledge });
    await expect(restore(parts, { file, existing: 'replace' })).rejects.toEqual(
      code('database_unreachable', /interrupted .* indexes were not rebuilt/),
    );
    expect(await versionOf()).toBeGreaterThan(before);
  });

  it('put right a collection whose record cannot be read, and tell of another one', async () => {
    const [file = ''] = await backUp(temporaryFolder(), 'knowledge');
    await clear(to.databases.knowledge);
    await to.maintenance.restore({ file });
    await to.databases.knowledge.pipeline([
      ['HSET', 'stacklore:collection:docs', 'manifest', '{'],
      ['ZADD', 'stacklore:collections', '1', 'broken'],
      ['SET', 'stacklore:collection:broken', 'text'],
    ]);
    const kept = await to.maintenance.restore({ file, existing: 'skip' });
    expect(kept.indexes).toMatchObject([
      { collection: 'docs', state: 'failed', error: { code: 'record_invalid' } },
    ]);
    const replaced = await to.maintenance.restore({ file, existing: 'replace' });
    expect(replaced.indexes).toEqual([{ collection: 'docs', state: 'ready' }]);
    expect(await to.collections.get('docs')).toMatchObject({ name: 'docs' });
    await clear(to.databases.knowledge);
  });
});

describe('an archive', () => {
  it.each<[string, (file: string) => void, RegExp]>([
    ['cut off', (file) => truncateSync(file, readFileSync(file).length - 20), /cut off/],
    [
      'cut between frames',
      (file) => writeFileSync(file, gzipSync(gunzipSync(readFileSync(file)).subarray(0, -9))),
      /cut off/,
    ],
    [
      'with a byte changed',
      (file) => {
        const content = gunzipSync(readFileSync(file));
        content[content.length >> 1] = (content[content.length >> 1] ?? 0) ^ 1;
        writeFileSync(file, gzipSync(content));
      },
      /damaged/,
    ],
    ...[3, 12, 40, 100].map((at): [string, (file: string) => void, RegExp] => [
      `with the byte at ${at} changed`,
      (file) => {
        const bytes = readFileSync(file);
        bytes[at] = (bytes[at] ?? 0) ^ 0x55;
        writeFileSync(file, bytes);
      },
      /damaged/,
    ]),
    ['that is no gzip', (file) => writeFileSync(file, 'hello there'), /not a backup/],
    [
      'that is another gzip',
      (file) => writeFileSync(file, gzipSync('hello there, this is text')),
      /not a backup/,
    ],
    ['that is empty', (file) => writeFileSync(file, ''), /not a backup/],
  ])('%s is refused before anything is written', async (_, damage, says) => {
    const [file = ''] = await backUp(temporaryFolder(), 'main');
    damage(file);
    await clear(to.databases.main);
    await expect(to.maintenance.restore({ file })).rejects.toEqual(code('archive_invalid', says));
    expect(await allKeys(to.databases.main, '*')).toEqual([]);
  });

  it.each(['caches', 'constructor', undefined])('of the unknown database %s is refused', async (database) => {
    const file = join(temporaryFolder(), 'unknown.backup');
    const header = { format: 'stacklore-backup', version: 1, database } as ArchiveHeader;
    writeFileSync(file, gzipSync(encodeHeader(header)));
    await expect(to.maintenance.restore({ file })).rejects.toEqual(
      code(
        'archive_invalid',
        /from a database ".*main, knowledge, .*Restore it with the version that wrote it/,
      ),
    );
  });

  it('that does not exist is not found', async () => {
    await expect(to.maintenance.restore({ file: '/nowhere/x.backup' })).rejects.toEqual(
      code('not_found', /no file/),
    );
  });

  it('is never overwritten, and a full disk leaves nothing of it', async () => {
    const folder = temporaryFolder();
    const parts = { databases: from.databases, folder, now: () => 1_736_937_000_000 };
    await backup(parts, { databases: ['main'] });
    await expect(backup(parts, { databases: ['main'] })).rejects.toEqual(
      code('already_exists', /not overwritten/),
    );
    const full = { ...parts, now: Date.now, openFile: () => open('/dev/full', 'w') };
    await expect(backup(full, { databases: ['main'] })).rejects.toEqual(
      code('archive_unwritable', /disk is full/),
    );
    expect(readdirSync(folder)).toEqual(['stacklore-main-20250115T103000.000Z.backup']);
  });

  it('is removed when newer ones exceed the number or the age to keep, and nothing else is', async () => {
    const folder = temporaryFolder();
    const day = 86_400_000;
    const at = (now: number) => ({ databases: from.databases, folder, now: () => now });
    for (const age of [40, 3, 2]) await backup(at(Date.now() - age * day), { databases: ['main'] });
    await backup(at(Date.now() - 50 * day), { databases: ['knowledge'] });
    await backup(at(Date.now() - 51 * day), { databases: ['main'], families: ['session'] });
    const foreign = join(folder, 'stacklore-main-20200101T000000.000Z.backup');
    writeFileSync(foreign, 'not ours');
    const young = await from.maintenance.backup({ databases: ['main'], folder, keepDays: 30 });
    expect(young.archives[0]?.removed).toHaveLength(1);
    const few = await from.maintenance.backup({ databases: ['main'], folder, keep: 2 });
    expect(few.archives[0]?.removed).toHaveLength(2);
    expect(existsSync(foreign)).toBe(true);
    expect(readdirSync(folder)).toHaveLength(5);
  });

  it('stays when it cannot be removed, which is told with the new one whole', async () => {
    const folder = temporaryFolder();
    const now = Date.now();
    const parts = { databases: from.databases, folder, now: () => now - 1_000 };
    await backup(parts, { databases: ['main'] });
    const [written] = (await backup({ ...parts, now: () => now }, { databases: ['main'] })).archives;
    const rotated = rotateArchives(folder, {
      ...{ written: written?.path ?? '', limits: { keep: 1, keepDays: undefined }, now },
      removeFile: async () => {
        throw Object.assign(new Error('EACCES: permission denied'), { code: 'EACCES' });
      },
    });
    await expect(rotated).rejects.toEqual(code('archive_unwritable', /is whole, but .*EACCES.* by hand/));
    expect(readdirSync(folder)).toHaveLength(2);
  });

  it('that was restored in part tells how to go on, and then becomes whole', async () => {
    const [file = ''] = await backUp(temporaryFolder(), 'main');
    await clear(to.databases.main);
    const [free, limit] = ['0', '1'];
    await to.databases.main.send(['CONFIG', 'SET', 'maxmemory', limit]);
    await expect(to.maintenance.restore({ file })).rejects.toEqual(
      code('database_full', /interrupted .*--skip-existing/s),
    );
    await to.databases.main.send(['CONFIG', 'SET', 'maxmemory', free]);
    const report = await to.maintenance.restore({ file, existing: 'skip' });
    expect(report.restored + report.skipped).toBe(4);
  });

  it('is not begun for a signal given before, nor for a wrong request', async () => {
    const folder = temporaryFolder();
    await expect(from.maintenance.backup({ folder, signal: AbortSignal.abort() })).rejects.toEqual(
      code('aborted', /Stopped/),
    );
    expect(readdirSync(folder)).toEqual([]);
    await expect(from.maintenance.backup({ folder, keep: 0 })).rejects.toEqual(
      code('invalid_input', /keep: must be at least 1/),
    );
    await expect(from.maintenance.backup({ folder, families: ['nothing'] })).rejects.toEqual(
      code('invalid_input', /no record family "nothing"/),
    );
  });
});

describe('a snapshot of the server', () => {
  it('is waited for and says where it is', async () => {
    const { snapshots, archives } = await from.maintenance.backup({ server: true });
    expect(archives).toEqual([]);
    expect(snapshots).toHaveLength(1);
    expect(existsSync(snapshots[0]?.path ?? '')).toBe(true);
  });

  it('that cannot be written is an error', async () => {
    const [, name = ''] = await to.databases.main.send<string[]>(['CONFIG', 'GET', 'dbfilename']);
    const path = join(target.dir, name);
    rmSync(path, { force: true });
    mkdirSync(join(path, 'in the way'), { recursive: true });
    await expect(to.maintenance.backup({ server: true })).rejects.toEqual(
      code('server_failed', /could not write its snapshot/),
    );
    rmSync(path, { recursive: true });
    await expect(to.maintenance.backup({ server: true })).resolves.toMatchObject({ snapshots: [{ path }] });
  });
});

describe('the verbs', () => {
  it('back up and restore with --json and say what they did', async () => {
    const folder = temporaryFolder();
    const env = (url: string) => ({ STACKLORE_HOME: `${source.dir}/home`, REDIS_URL: url });
    const made = await runCli(['backup', 'main', '--to', folder, '--keep', '3', '--json'], {
      env: env(source.url),
    });
    expect(made).toMatchObject({ exitCode: 0, stderr: '' });
    const { archives } = jsonOf(made) as { archives: { path: string; keys: number }[] };
    expect(archives).toMatchObject([{ database: 'main', keys: 4 }]);
    const args = ['restore', archives[0]?.path ?? '', '--dry-run'];
    const refused = await runCli(args, { env: env(source.url) });
    expect(refused).toMatchObject({ exitCode: 1, stdout: expect.stringMatching(/^This would be refused/) });
    const asFolder = await runCli(['restore', folder], { env: env(target.url) });
    expect(asFolder).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('is a folder') });
    const dry = await runCli([...args, '--replace'], { env: env(target.url) });
    expect(dry.exitCode).toBe(0);
    expect(dry.stdout).toMatch(/Would restore \d keys into main/);
    const both = await runCli([...args, '--replace', '--skip-existing'], { env: env(target.url) });
    expect(both.exitCode).toBe(2);
    expect((await runCli(['backup', 'nowhere', '--to', folder], { env: env(source.url) })).stderr).toContain(
      'must be main, knowledge, prompts or analytics',
    );
  });
});

describe('a server that dies in the middle', () => {
  const keys = Array.from({ length: 6_000 }, (_, at) => `session:many${at}`);

  beforeAll(async () => {
    const value = 'x'.repeat(1_000);
    await from.databases.main.pipeline(keys.map((key) => ['HSET', key, 'user_id', 'ada', 'value', value]));
  });

  it('makes a restore tell how to go on, which then brings the rest', async () => {
    const [file = ''] = await backUp(temporaryFolder(), 'main');
    await clear(to.databases.main);
    const lore = openTestLore(target, { connectTimeoutMs: 500 });
    let killed: Promise<void> | undefined;
    const onProgress = () => {
      killed ??= target.kill();
    };
    await expect(lore.maintenance.restore({ file, onProgress })).rejects.toEqual(
      code('database_unreachable', /interrupted when at least \d+ of 6004 keys .*--skip-existing/s),
    );
    await killed;
    await target.restart();
    const report = await lore.maintenance.restore({ file, existing: 'skip' });
    expect(report.restored + report.skipped).toBe(6_004);
    expect(await allKeys(lore.databases.main, 'session:many*')).toHaveLength(6_000);
  });

  it('leaves nothing of a backup', async () => {
    const folder = temporaryFolder();
    const lore = openTestLore(source, { connectTimeoutMs: 500 });
    let killed: Promise<void> | undefined;
    const onProgress = () => {
      killed ??= source.kill();
    };
    await expect(lore.maintenance.backup({ databases: ['main'], folder, onProgress })).rejects.toEqual(
      code('database_unreachable', /lost|cannot be reached/),
    );
    await killed;
    expect(readdirSync(folder)).toEqual([]);
  });
});
