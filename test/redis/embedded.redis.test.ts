import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { type ConfigInput, loadConfig } from '../../src/config.ts';
import { processStart } from '../../src/provision/file-lock.mjs';
import type { ServerFiles } from '../../src/provision/redis-pair.ts';
import { type ControlConnection, openControl } from '../../src/redis/control-connection.mjs';
import {
  type AttachOptions,
  attachEmbeddedRedis,
  type EmbeddedRedis,
  stopEmbeddedRedis,
} from '../../src/redis/embedded.ts';
import { embeddedStatus } from '../../src/redis/embedded-status.ts';
import { freePort } from '../../src/redis/loopback-port.ts';
import { serverFiles } from '../support/provisioned.ts';
import { runTypeScript } from '../support/run-typescript.ts';

const ATTACH = new URL('./programs/attach.ts', import.meta.url);
const homes: string[] = [];

afterEach(async () => {
  for (const home of homes.splice(0)) {
    await stopEmbeddedRedis(loadConfig({ settings: { home }, env: {} }));
    rmSync(home, { recursive: true, force: true });
  }
});

test('starts one server behind a socket of the user alone, without any TCP port', async () => {
  const config = homeConfig();
  const embedded = await attach(config);
  expect(embedded.started).toBe(true);
  expect(embedded.socketPath).toBe(join(config.home, 'redis.sock'));
  expect(statSync(embedded.socketPath).mode & 0o777).toBe(0o700);
  expect(statSync(join(config.home, 'redis')).mode & 0o777).toBe(0o700);
  await using connection = await control(embedded.socketPath);
  expect(await setting(connection, 'port')).toBe('0');
  expect(await setting(connection, 'appendonly')).toBe('yes');
  expect(await setting(connection, 'appendfsync')).toBe('everysec');
  expect(await setting(connection, 'aof-use-rdb-preamble')).toBe('yes');
  expect(await setting(connection, 'maxmemory-policy')).toBe('noeviction');
  expect(await connection.send(['FT.CONFIG', 'GET', 'ON_TIMEOUT'])).toEqual([['ON_TIMEOUT', 'fail']]);
  const gap = ['BG_INDEX_SLEEP_GAP', '25'];
  expect(await connection.send(['FT.CONFIG', 'GET', 'BG_INDEX_SLEEP_GAP'])).toEqual([gap]);
  await embedded.close();
});

test('five programs at once get the same server, started by one of them, and it outlives them', async () => {
  const config = homeConfig();
  const programs = Array.from({ length: 5 }, () =>
    runTypeScript(ATTACH, [config.home, JSON.stringify(serverFiles())]),
  );
  await Promise.all(programs.map((program) => program.ended));
  const answers = programs.map(
    (program) => JSON.parse(program.output()) as { pid: number; started: boolean },
  );
  expect(new Set(answers.map((answer) => answer.pid)).size).toBe(1);
  expect(answers.filter((answer) => answer.started)).toHaveLength(1);
  expect(await embeddedStatus(config)).toMatchObject({ running: true, pid: answers[0]?.pid });
});

test('a server killed without warning is started again on the data it acknowledged', async () => {
  const config = homeConfig();
  const first = await attach(config);
  const before = await control(first.socketPath);
  await before.send(['SET', 'note', 'kept']);
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  process.kill(first.pid, 'SIGKILL');
  await before.closed;
  const second = await attach(config);
  expect(second.started).toBe(true);
  await using after = await control(second.socketPath);
  expect(await after.send(['GET', 'note'])).toBe('kept');
});

test('a recorded pid that belongs to another program now is neither believed nor killed', async () => {
  const config = homeConfig();
  const first = await attach(config);
  await stopEmbeddedRedis(config);
  editRecord(config.home, (record) => ({ ...record, pid: process.pid }));
  writeFileSync(first.socketPath, '');
  const second = await attach(config);
  expect(second.started).toBe(true);
  expect(await stopEmbeddedRedis(config)).toEqual({ stopped: true });
});

test('a server whose socket was removed is ended before another starts on its data', async () => {
  const config = homeConfig();
  const first = await attach(config);
  await using connection = await control(first.socketPath);
  await connection.send(['SET', 'note', 'kept']);
  rmSync(first.socketPath);
  const notices: string[] = [];
  const second = await attach(config, { onNotice: (text) => notices.push(text) });
  expect(notices.join()).toContain('cannot be reached through its socket');
  expect(processStart(first.pid)).toBeUndefined();
  await using after = await control(second.socketPath);
  expect(await after.send(['GET', 'note'])).toBe('kept');
});

test('a lost record is written anew from the running server', async () => {
  const config = homeConfig();
  const first = await attach(config);
  const before = readRecord(config.home);
  // A user: the server names its own binary, so one that a wrapper script started would be replaced if nobody used it.
  await using _user = await control(first.socketPath);
  writeFileSync(join(config.home, 'redis', 'server.json'), 'not JSON');
  const second = await attach(config);
  expect(second.pid).toBe(first.pid);
  const { pid, processStart: started } = before;
  expect(readRecord(config.home)).toMatchObject({
    pid,
    processStart: started,
    server: { bytes: expect.any(Number) },
  });
});

test('stopping writes a snapshot, waits for the end and keeps the data', async () => {
  const config = homeConfig();
  const first = await attach(config);
  await using before = await control(first.socketPath);
  await before.send(['SET', 'note', 'kept']);
  expect(await stopEmbeddedRedis(config)).toEqual({ stopped: true });
  expect(processStart(first.pid)).toBeUndefined();
  expect(statSync(join(config.home, 'redis', 'dump.rdb')).size).toBeGreaterThan(0);
  expect(await embeddedStatus(config)).toMatchObject({ running: false });
  expect(await stopEmbeddedRedis(config)).toEqual({ stopped: false });
  const second = await attach(config);
  await using after = await control(second.socketPath);
  expect(await after.send(['GET', 'note'])).toBe('kept');
});

test('a long data home gets a short private socket folder, recorded in the home and removed by a stop', async () => {
  const config = homeConfig({}, 'd'.repeat(120));
  const first = await attach(config);
  const folder = readFileSync(join(config.home, 'redis', 'socket-dir'), 'utf8').trim();
  expect(first.socketPath).toBe(join(folder, 'redis.sock'));
  expect(statSync(folder).mode & 0o777).toBe(0o700);
  const second = await attach(config);
  expect(second.pid).toBe(first.pid);
  await stopEmbeddedRedis(config);
  expect(statSync(folder, { throwIfNoEntry: false })).toBeUndefined();
});

test('a socket folder that vanished is made anew, and the server in it is not left behind', async () => {
  const config = homeConfig({}, 'd'.repeat(120));
  const first = await attach(config);
  rmSync(readFileSync(join(config.home, 'redis', 'socket-dir'), 'utf8').trim(), { recursive: true });
  const second = await attach(config);
  expect(second.socketPath).not.toBe(first.socketPath);
  expect(processStart(first.pid)).toBeUndefined();
});

test('a server from other files is replaced when nobody uses it, and every index is compared', async () => {
  const config = homeConfig();
  const first = await attach(config);
  await first.close();
  const filling = await control(first.socketPath);
  await filling.send(['FT.CREATE', 'notes', 'PREFIX', '1', 'note/', 'SCHEMA', 'text', 'TEXT']);
  for (const id of ['1', '2', '3']) await filling.send(['HSET', `note/${id}`, 'text', `number ${id}`]);
  editRecord(config.home, (record) => ({
    ...record,
    module: { ...record.module, sha256: 'f'.repeat(64), bytes: 1 },
  }));

  const notices: string[] = [];
  const kept = await attach(config, { onNotice: (text) => notices.push(text) });
  expect(kept.pid).toBe(first.pid);
  expect(notices.join()).toContain('is in use');
  await kept.close();
  filling.close();
  await filling.closed;

  const second = await attach(config, { onNotice: (text) => notices.push(text) });
  expect(second.pid).not.toBe(first.pid);
  expect(notices.at(-1)).toContain('Indexes compared: 1, each with as many documents as before.');
  const third = await attach(config);
  expect(third.pid).toBe(second.pid);
});

test('an index that holds fewer documents after a change of server is named', async () => {
  const config = homeConfig();
  const first = await attach(config);
  const filling = await control(first.socketPath);
  await filling.send(['FT.CREATE', 'notes', 'PREFIX', '1', 'note/', 'SCHEMA', 'text', 'TEXT']);
  await filling.send(['HSET', 'note/1', 'text', 'one']);
  filling.close();
  await stopEmbeddedRedis(config);
  editRecord(config.home, (record) => ({
    ...record,
    server: { ...record.server, sha256: 'f'.repeat(64), bytes: 1 },
    indexes: { notes: 7 },
  }));
  const notices: string[] = [];
  await attach(config, { onNotice: (text) => notices.push(text) });
  expect(notices.join()).toContain('Index "notes" held 7 documents before and holds 1 now.');
});

test('a damaged append-only file is told with the last words of the server', async () => {
  const config = homeConfig();
  await attach(config);
  await stopEmbeddedRedis(config);
  const folder = join(config.home, 'redis', 'appendonlydir');
  writeFileSync(
    join(folder, 'appendonly.aof.1.incr.aof'),
    '*3\r\n$3\r\nSET\r\nnonsense that goes on and on\r\n'.repeat(20),
  );
  await expect(attach(config)).rejects.toMatchObject({
    code: 'server_failed',
    message: expect.stringMatching(
      /append-only file is damaged[\s\S]*Bad file format reading the append only file/,
    ),
  });
});

test('a program that is no server is told with its words', async () => {
  const config = homeConfig();
  const script = join(config.home, 'not-a-server');
  writeFileSync(script, '#!/bin/sh\necho "libc.so.6: version \'GLIBC_9.99\' not found" >&2\nexit 1\n');
  chmodSync(script, 0o755);
  await expect(attach(config, { files: { serverPath: script, origin: 'given' } })).rejects.toMatchObject({
    code: 'server_failed',
    message: expect.stringMatching(/does not run on this system[\s\S]*GLIBC_9.99/),
  });
});

test('a server started by a wrapper script is known by its own process', async () => {
  const config = homeConfig();
  const { serverPath } = serverFiles();
  const script = join(config.home, 'wrapper');
  writeFileSync(script, `#!/bin/sh\n'${serverPath}' "$@"\n`);
  chmodSync(script, 0o755);
  const files: ServerFiles = { ...serverFiles(), serverPath: script };
  const first = await attach(config, { files });
  expect(readRecord(config.home).pid).toBe(first.pid);
  const second = await attach(config, { files });
  expect(second.pid).toBe(first.pid);
});

test('a server that another command stops while its data are loading is started again', async () => {
  const config = homeConfig();
  const files = { ...serverFiles(), serverPath: slowServer(config.home) };
  await fill(config, files);
  let stopped: Promise<unknown> | undefined;
  const embedded = await attach(config, {
    files,
    onNotice: (text) => {
      if (text.includes('is loading its data')) stopped ??= stopEmbeddedRedis(config);
    },
  });
  expect(await stopped).toEqual({ stopped: true });
  expect(embedded.started).toBe(true);
  await using connection = await control(embedded.socketPath);
  expect(await connection.send(['DBSIZE'])).toBe(20_000);
});

test('a server that hangs is named, not waited for again, and is killed by a stop without losing data', async () => {
  const config = homeConfig();
  const { pid, socketPath } = await attach(config);
  const before = await control(socketPath);
  await before.send(['SET', 'note', 'kept']);
  process.kill(pid, 'SIGSTOP');
  await expect(attach(config, { silenceLimitMs: 300 })).rejects.toMatchObject({
    code: 'server_failed',
    message: expect.stringMatching(new RegExp(`process ${pid}.*does not answer.*stacklore down`)),
  });
  const notices: string[] = [];
  const onNotice = (text: string) => notices.push(text);
  const stop = await stopEmbeddedRedis(config, { onNotice, silenceLimitMs: 300, killAfterMs: 300 });
  expect(stop).toEqual({ stopped: true });
  expect(notices).toEqual([
    expect.stringContaining(`(process ${pid}) does not answer; stopping it`),
    expect.stringContaining('killing it'),
  ]);
  expect(processStart(pid)).toBeUndefined();
  before.close();
  await using after = await control((await attach(config)).socketPath);
  expect(await after.send(['GET', 'note'])).toBe('kept');
});

test('a server that hangs is not signalled when the record is of another process', async () => {
  const config = homeConfig();
  const { pid } = await attach(config);
  const record = readRecord(config.home);
  editRecord(config.home, () => ({ ...record, processStart: '1' }));
  process.kill(pid, 'SIGSTOP');
  try {
    const stop = stopEmbeddedRedis(config, { silenceLimitMs: 300, killAfterMs: 300 });
    await expect(stop).rejects.toMatchObject({ code: 'server_failed' });
    expect(processStart(pid)).toBeDefined();
  } finally {
    process.kill(pid, 'SIGCONT');
  }
});

test('the next start after a sudden end shows the last lines of the log, after a stop it does not', async () => {
  const config = homeConfig();
  const notices: string[] = [];
  const onNotice = (text: string) => notices.push(text);
  await attach(config);
  await stopEmbeddedRedis(config);
  const first = await attach(config, { onNotice });
  expect(notices).toEqual([]);
  const connection = await control(first.socketPath);
  // As a crash in its code would: it writes a report to its log and ends.
  process.kill(first.pid, 'SIGSEGV');
  await connection.closed;
  await attach(config, { onNotice });
  expect(notices).toEqual([expect.stringMatching(new RegExp(`process ${first.pid}.*without being stopped`))]);
  expect(notices[0]?.split('\n')).toHaveLength(21);
});

test('the status tells a server that does not answer from one that does not run', async () => {
  const config = homeConfig();
  const { pid } = await attach(config);
  process.kill(pid, 'SIGSTOP');
  try {
    expect(await embeddedStatus(config)).toMatchObject({
      running: true,
      pid,
      problem: expect.stringContaining('INFO'),
    });
  } finally {
    process.kill(pid, 'SIGCONT');
  }
  expect(await embeddedStatus(config)).toMatchObject({
    running: true,
    version: expect.stringMatching(/^\d+\.\d+/),
  });
});

test('a data home that is a file is refused with the setting to change', async () => {
  const config = homeConfig({}, 'file');
  rmSync(config.home, { recursive: true });
  writeFileSync(config.home, '');
  await expect(attach(config)).rejects.toMatchObject({
    code: 'server_failed',
    message: expect.stringContaining('STACKLORE_HOME'),
  });
  rmSync(config.home);
});

test('a port is opened on the loopback address alone, also on a server that runs already', async () => {
  const config = homeConfig();
  const first = await attach(config);
  const port = await freePort();
  const second = await attach({ ...config, embedded: { ...config.embedded, port } });
  expect(second.pid).toBe(first.pid);
  expect(await embeddedStatus(config)).toMatchObject({ port });
  await using connection = await control(first.socketPath);
  expect(await setting(connection, 'bind')).toBe('127.0.0.1');
});

test('waits for a server that is loading its data, and says how far it is', async () => {
  const config = homeConfig();
  const files = { ...serverFiles(), serverPath: slowServer(config.home) };
  await fill(config, files);
  const notices: string[] = [];
  const [second, third] = await Promise.all([
    attach(config, { files, onNotice: (text) => notices.push(text) }),
    attach(config, { files, onNotice: (text) => notices.push(text) }),
  ]);
  expect(second.pid).toBe(third.pid);
  expect(notices.join()).toMatch(/loading its data: \d+ %/);
  await using connection = await control(second.socketPath);
  expect(await connection.send(['DBSIZE'])).toBe(20_000);
});

test('a server that cannot save goes on running, and the refusal says why', async () => {
  const config = homeConfig();
  const embedded = await attach(config);
  const obstacle = join(config.home, 'redis', 'dump.rdb');
  mkdirSync(join(obstacle, 'inside'), { recursive: true });
  await expect(stopEmbeddedRedis(config)).rejects.toMatchObject({
    code: 'server_failed',
    message: expect.stringMatching(/could not save its data and goes on running[\s\S]*dump.rdb/),
  });
  expect(await embeddedStatus(config)).toMatchObject({ running: true, pid: embedded.pid });
  rmSync(obstacle, { recursive: true });
  expect(await stopEmbeddedRedis(config)).toEqual({ stopped: true });
});

test('stops by itself once it had no client for the time given, and saves', async () => {
  const config = homeConfig({ embedded: { idleStopSeconds: 1 } });
  const first = await attach(config);
  const second = await attach(config);
  await first.close();
  const connection = await control(second.socketPath);
  await new Promise((resolve) => setTimeout(resolve, 2_500));
  expect(await connection.send(['PING'])).toBe('PONG');
  expect(await embeddedStatus(config)).toMatchObject({ running: true, idleStopSeconds: 1 });
  connection.close();
  await second.close();
  while (processStart(first.pid) !== undefined) await new Promise((resolve) => setTimeout(resolve, 50));
  expect(statSync(join(config.home, 'redis', 'dump.rdb')).size).toBeGreaterThan(0);
  expect(await embeddedStatus(config)).toMatchObject({ running: false });
});

test('a server whose record is of another process is not stopped for being idle', async () => {
  const config = homeConfig({ embedded: { idleStopSeconds: 1 } });
  const { pid, close } = await attach(config);
  editRecord(config.home, (record) => ({ ...record, processStart: '1' }));
  await close();
  await new Promise((resolve) => setTimeout(resolve, 2_500));
  expect(processStart(pid)).toBeDefined();
});

test('the status of a home that was never used creates nothing', async () => {
  const config = loadConfig({ settings: { home: join(tmpdir(), 'stacklore-never-made') }, env: {} });
  expect(await embeddedStatus(config)).toMatchObject({ running: false });
  expect(await stopEmbeddedRedis(config)).toEqual({ stopped: false });
  expect(statSync(config.home, { throwIfNoEntry: false })).toBeUndefined();
});

function homeConfig(settings: ConfigInput = {}, name = 'home') {
  const folder = mkdtempSync(join(tmpdir(), 'stacklore-test-'));
  const home = join(folder, name);
  mkdirSync(home, { mode: 0o700 });
  homes.push(home, folder);
  return loadConfig({ settings: { ...settings, home }, env: {} });
}

/** Leaves data in a home that take a while to load with `slowServer`. */
async function fill(config: ReturnType<typeof homeConfig>, files: ServerFiles): Promise<void> {
  const { socketPath } = await attach(config, { files });
  const filling = await control(socketPath);
  await Promise.all(Array.from({ length: 20_000 }, (_, id) => filling.send(['SET', `key:${id}`, 'value'])));
  await filling.send(['BGREWRITEAOF']);
  filling.close();
  await stopEmbeddedRedis(config);
}

/** A program that starts the real server with loading slowed down. */
function slowServer(folder: string): string {
  const path = join(folder, 'slow-server');
  const slow = '--key-load-delay 150 --loading-process-events-interval-bytes 1024';
  writeFileSync(path, `#!/bin/sh\nexec '${serverFiles().serverPath}' "$@" ${slow}\n`);
  chmodSync(path, 0o755);
  return path;
}

function attach(
  config: ReturnType<typeof homeConfig>,
  options: Partial<AttachOptions> = {},
): Promise<EmbeddedRedis> {
  return attachEmbeddedRedis(config, { report: () => undefined, files: serverFiles(), ...options });
}

async function control(socketPath: string): Promise<ControlConnection & AsyncDisposable> {
  const connection = await openControl(socketPath);
  return Object.assign(connection, {
    [Symbol.asyncDispose]: async () => {
      connection.close();
      await connection.closed;
    },
  });
}

async function setting(connection: ControlConnection, name: string): Promise<unknown> {
  const reply = await connection.send(['CONFIG', 'GET', name]);
  return Array.isArray(reply) ? reply[1] : undefined;
}

interface RecordContent {
  readonly pid: number;
  readonly processStart: string;
  readonly server: object;
  readonly module: object;
}

function readRecord(home: string): RecordContent {
  return JSON.parse(readFileSync(join(home, 'redis', 'server.json'), 'utf8')) as RecordContent;
}

function editRecord(home: string, edit: (record: RecordContent) => object): void {
  writeFileSync(join(home, 'redis', 'server.json'), JSON.stringify(edit(readRecord(home))));
}
