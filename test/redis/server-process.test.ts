import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { describeCountChanges } from '../../src/redis/index-counts.ts';
import { logSize, logTail, remedyFor, serverArguments } from '../../src/redis/server-process.ts';
import { fitsSocket, shortFolderPrefix } from '../../src/redis/socket-path.ts';

const folder = mkdtempSync(join(tmpdir(), 'stacklore-test-'));
afterAll(() => rmSync(folder, { recursive: true }));

test('the tail of a log begins where the last start began and is twenty lines at most', () => {
  const log = join(folder, 'redis.log');
  expect(logTail(log)).toBe('');
  writeFileSync(log, 'an earlier run\n');
  const start = logSize(log);
  writeFileSync(log, 'line of this run\n'.repeat(30), { flag: 'a' });
  expect(logTail(log, start).split('\n')).toEqual(Array(20).fill('line of this run'));
  writeFileSync(log, 'rotated\n');
  expect(logTail(log, start)).toBe('');
});

/** What every start with data writes to the log, before whatever ended it. */
const LOADED_AND_DIED = `* <search> RediSearch version 2.10.5 (Git=2.10-e2f28a9)
* Module 'search' loaded from /data/redisearch.so
* Reading RDB base file on AOF loading...
* Loading RDB produced by version 8.2.3
* RDB age 1 seconds
* RDB memory usage when created 0.75 Mb
* RDB is base AOF
* Done loading RDB, keys loaded: 3, keys expired: 0.
* DB loaded from base file appendonly.aof.1.base.rdb: 0.000 seconds
* <search> Loading event ends
* DB loaded from append only file: 0.000 seconds
* Opening AOF incr file appendonly.aof.1.incr.aof on server start
* Ready to accept connections unix
signal SIGKILL`;

test.each([
  ['Write error saving DB on disk: No space left on device', /disk is full/],
  ["/lib/libc.so.6: version `GLIBC_2.38' not found", /does not run on this system/],
  ["Can't handle RDB format version 13", /server version that wrote it/],
  [
    "The RDB file contains AUX module data I can't load: no matching module 'ft_index0'",
    /server version that wrote it/,
  ],
  ['Bad file format reading the append only file appendonly.aof.1.incr.aof', /append-only file is damaged/],
  ["Can't open the append-only file: Permission denied", /owner or permissions/],
  ['spawn /nowhere/redis-server ENOENT', /STACKLORE_SERVER/],
  ['something never seen', /REDIS_URL/],
  [LOADED_AND_DIED, /^Correct what its log says/],
])('says what to do about "%s"', (words, remedy) => {
  expect(remedyFor(words)).toMatch(remedy);
});

test('a server without a module of its own is given no module arguments', () => {
  const settings = { dir: '/data', socketPath: '/data/redis.sock' };
  const files = { serverPath: '/bin/redis-server', origin: 'path' } as const;
  expect(serverArguments({ ...settings, files })).not.toContain('--loadmodule');
  const withModule = serverArguments({ ...settings, files: { ...files, modulePath: '/lib/redisearch.so' } });
  expect(withModule).toContain('--loadmodule');
  expect(withModule.slice(withModule.indexOf('--loadmodule'))).toEqual([
    ...['--loadmodule', '/lib/redisearch.so', 'ON_TIMEOUT', 'FAIL'],
    ...['FORK_GC_CLEAN_THRESHOLD', '1'],
    ...['BG_INDEX_SLEEP_GAP', '25'],
  ]);
});

test('a socket path may have 107 bytes, counted in bytes', () => {
  expect(fitsSocket(`/${'x'.repeat(106)}`)).toBe(true);
  expect(fitsSocket(`/${'x'.repeat(107)}`)).toBe(false);
  expect(fitsSocket(`/${'é'.repeat(54)}`)).toBe(false);
  expect(fitsSocket(`${shortFolderPrefix()}XXXXXX/redis.sock`)).toBe(true);
});

test('names indexes that vanished, appeared or changed, and no others', () => {
  expect(describeCountChanges({ a: 1, b: 2, c: 3 }, { a: 1, b: 5, d: 4 })).toEqual([
    'Index "b" held 2 documents before and holds 5 now.',
    'Index "c" held 3 documents before and holds none now.',
    'Index "d" held no documents before and holds 4 now.',
  ]);
});
