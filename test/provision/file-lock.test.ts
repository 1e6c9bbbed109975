import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, utimesSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test, vi } from 'vitest';
import { processStart, withFileLock } from '../../src/provision/file-lock.mjs';
import { temporaryFolder } from '../support/temporary-folder.ts';

// A full disk cannot be had for a test; everything else is the real file system.
vi.mock('node:fs', async (importOriginal) => {
  const original = await importOriginal<typeof import('node:fs')>();
  return { ...original, writeSync: vi.fn(original.writeSync) };
});

const MODULE = pathToFileURL(join(import.meta.dirname, '../../src/provision/file-lock.mjs')).href;

/** A process that takes the lock some times and leaves "in" and "out" in a log around each. */
async function contend(lock: string, log: string, times: number): Promise<number | null> {
  const program = `
    import { appendFileSync } from 'node:fs';
    import { withFileLock } from ${JSON.stringify(MODULE)};
    for (let turn = 0; turn < ${times}; turn += 1) {
      await withFileLock(${JSON.stringify(lock)}, async () => {
        appendFileSync(${JSON.stringify(log)}, 'in ' + process.pid + '\\n');
        await new Promise((done) => setTimeout(done, 5));
        appendFileSync(${JSON.stringify(log)}, 'out ' + process.pid + '\\n');
      });
    }`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: 'inherit' });
  const [code] = await once(child, 'exit');
  return code;
}

/** Each "in" is followed by the "out" of the same process. */
function overlaps(log: string): number {
  const lines = readFileSync(log, 'utf8').trim().split('\n');
  return lines.filter((line, at) => line.startsWith('in') && lines[at + 1] !== line.replace('in', 'out'))
    .length;
}

test('gives the result of the function and removes the lock', async () => {
  const lock = join(temporaryFolder(), 'deep/er/a.lock');
  expect(await withFileLock(lock, () => existsSync(lock))).toBe(true);
  expect(existsSync(lock)).toBe(false);
});

test('removes the lock when the function throws', async () => {
  const folder = temporaryFolder();
  const failing = withFileLock(join(folder, 'a.lock'), () => Promise.reject(new Error('no')));
  await expect(failing).rejects.toThrow('no');
  expect(readdirSync(folder)).toEqual([]);
});

test('leaves no empty lock where the disk is full', async () => {
  const folder = temporaryFolder();
  const full = Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
  vi.mocked(writeSync).mockImplementationOnce(() => {
    throw full;
  });
  await expect(withFileLock(join(folder, 'a.lock'), () => 'in')).rejects.toBe(full);
  expect(readdirSync(folder)).toEqual([]);
});

test('lets one process in at a time, also when all find the lock of a dead one', async () => {
  const folder = temporaryFolder();
  const [lock, log] = [join(folder, 'a.lock'), join(folder, 'log')];
  writeFileSync(lock, JSON.stringify({ ...(await ownLock()), pid: 4_194_304 }));
  const codes = await Promise.all(Array.from({ length: 4 }, () => contend(lock, log, 10)));
  expect(codes).toEqual([0, 0, 0, 0]);
  expect(readFileSync(log, 'utf8').trim().split('\n')).toHaveLength(80);
  expect(overlaps(log)).toBe(0);
  expect(readdirSync(folder)).toEqual(['log']);
});

/** What this process writes into its lock. */
async function ownLock(): Promise<Record<string, unknown>> {
  const lock = join(temporaryFolder(), 'own.lock');
  return withFileLock(lock, () => JSON.parse(readFileSync(lock, 'utf8')));
}

test('tells who holds the lock, and gives up after the time given', async () => {
  const lock = join(temporaryFolder(), 'a.lock');
  const waits: number[] = [];
  await withFileLock(lock, async () => {
    const second = withFileLock(lock, () => 'in', { timeoutMs: 200, onWait: (pid) => waits.push(pid) });
    await expect(second).rejects.toMatchObject({
      code: 'LOCK_TIMEOUT',
      message: expect.stringContaining(lock),
    });
  });
  expect(waits).toEqual([process.pid]);
});

test('heals the lock of a process whose number another process has now', async () => {
  const lock = join(temporaryFolder(), 'a.lock');
  writeFileSync(lock, JSON.stringify({ ...(await ownLock()), started: 'long ago' }));
  expect(await withFileLock(lock, () => 'in', { timeoutMs: 5_000 })).toBe('in');
});

test.each([
  ['an empty lock', ''],
  ['a lock of another machine', JSON.stringify({ pid: 1, started: '1', place: 'elsewhere', id: 'x' })],
])('heals %s only after it was silent for long', async (_name, content) => {
  const lock = join(temporaryFolder(), 'a.lock');
  writeFileSync(lock, content);
  await expect(withFileLock(lock, () => 'in', { timeoutMs: 100 })).rejects.toThrow(lock);
  const past = new Date(Date.now() - 60_000);
  utimesSync(lock, past, past);
  expect(await withFileLock(lock, () => 'in', { timeoutMs: 5_000 })).toBe('in');
});

test('knows when a process started, and that one is gone', async () => {
  expect(processStart(process.pid)).toBe(processStart(process.pid));
  expect(processStart(process.pid)).toMatch(/\d/);
  expect(processStart(4_194_304)).toBeUndefined();
});
