import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, onTestFinished, test, vi } from 'vitest';
import { makeTestFolder, removeTestFolder } from '../../scripts/test-folder.mjs';
import { processStart } from '../../src/provision/file-lock.mjs';
import { temporaryFolder } from '../support/temporary-folder.ts';

const RUN_TESTS = pathToFileURL(join(import.meta.dirname, '../../scripts/run-tests.mjs')).href;
const FILE_LOCK = pathToFileURL(join(import.meta.dirname, '../../src/provision/file-lock.mjs')).href;

/** What stands in for vitest: starts a detached server in a data home, as a test would, and a worker that outlives it. */
const FAKE_VITEST = `
import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { processStart } from '${FILE_LOCK}';
const server = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { detached: true, stdio: 'ignore' });
server.unref();
const redis = process.env.TMPDIR + '/stacklore-test-1/home/redis';
mkdirSync(redis, { recursive: true });
writeFileSync(redis + '/server.json', JSON.stringify({ pid: server.pid, processStart: processStart(server.pid) }));
const worker = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
worker.unref();
const pids = [server.pid, worker.pid];
writeFileSync('started.json', JSON.stringify({ pids, folder: process.env.TMPDIR }));
if (process.env.LINGER) setInterval(() => {}, 1000);
`;

interface Started {
  readonly pids: readonly number[];
  readonly folder: string;
}

/** Runs the tests of a project whose tools are fakes; the type checker and the linter find nothing wrong. */
function startRun(root: string, env: Record<string, string> = {}): ChildProcess {
  const tools = {
    'typescript/bin/tsc': '',
    '@biomejs/biome/bin/biome': '',
    'vitest/vitest.mjs': FAKE_VITEST,
  };
  for (const [name, program] of Object.entries(tools)) {
    const path = join(root, 'node_modules', name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, program);
  }
  const program = `
    import { runTests } from '${RUN_TESTS}';
    process.exitCode = await runTests({ root: process.cwd(), env: process.env, vitestArguments: [], say: console.log });`;
  return spawn(process.execPath, ['--input-type=module', '-e', program], {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

function readStarted(root: string): Started {
  return JSON.parse(readFileSync(join(root, 'started.json'), 'utf8'));
}

test('leaves no process and no folder behind', async () => {
  const root = temporaryFolder();
  await once(startRun(root), 'close');
  const { pids, folder } = readStarted(root);
  await vi.waitFor(() => expect(pids.map(processStart)).toEqual([undefined, undefined]));
  expect(existsSync(folder)).toBe(false);
});

test.each(['SIGINT', 'SIGTERM'] as const)(
  'leaves no process and no folder behind after %s',
  async (signal) => {
    const root = temporaryFolder();
    const run = startRun(root, { LINGER: '1' });
    let output = '';
    run.stdout?.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    const { pids, folder } = await vi.waitFor(() => readStarted(root), { timeout: 20_000 });
    run.kill(signal);
    const [code] = await once(run, 'close');
    expect(code).toBe(1);
    expect(output.trimEnd().split('\n').at(-1)).toBe('2 passed, 1 failed');
    await vi.waitFor(() => expect(pids.map(processStart)).toEqual([undefined, undefined]));
    expect(existsSync(folder)).toBe(false);
  },
);

test('ends no process that only has the number of a server', async () => {
  const folder = makeTestFolder();
  const bystander = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
  onTestFinished(() => {
    bystander.kill('SIGKILL');
  });
  mkdirSync(join(folder, 'home/redis'), { recursive: true });
  const record = { pid: bystander.pid, processStart: 'long ago' };
  writeFileSync(join(folder, 'home/redis/server.json'), JSON.stringify(record));
  mkdirSync(join(folder, 'broken/redis'), { recursive: true });
  writeFileSync(join(folder, 'broken/redis/server.json'), 'not JSON');
  removeTestFolder(folder);
  expect(existsSync(folder)).toBe(false);
  expect(processStart(bystander.pid ?? 0)).toMatch(/\d/);
});

test('keeps socket paths short where TMPDIR is long', () => {
  vi.stubEnv('TMPDIR', temporaryFolder().padEnd(60, 'x'));
  onTestFinished(() => {
    vi.unstubAllEnvs();
  });
  const folder = makeTestFolder();
  expect(folder).toMatch(/^\/tmp\/slt-\w{6}$/);
  expect(readdirSync(folder)).toEqual([]);
  removeTestFolder(folder);
});
