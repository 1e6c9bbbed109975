import { execFile } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { countTests } from '../../scripts/run-tests.mjs';
import { temporaryFolder } from '../support/temporary-folder.ts';

const ROOT = join(import.meta.dirname, '../..');

/**
 * What stands in for the TypeScript compiler, which is too slow to be started by every test here: it takes sources that
 * are JavaScript already, and finds fault with "fault".
 */
const FAKE_COMPILER = `
const fs = require('node:fs'), path = require('node:path');
const out = process.argv[process.argv.indexOf('--outDir') + 1];
for (const name of fs.readdirSync('src', { recursive: true }).filter((file) => file.endsWith('.ts'))) {
  const source = fs.readFileSync(path.join('src', name), 'utf8');
  if (source.includes('fault')) process.exit(console.log('src/' + name + '(1,7): error TS2322: fault') ?? 2);
  fs.mkdirSync(path.join(out, path.dirname(name)), { recursive: true });
  fs.writeFileSync(path.join(out, name.replace(/ts$/, 'js')), source);
}
`;

/** What stands in for npm: `npm ci` notes its calls and installs the compiler. It fails where the lock file says so. */
const FAKE_NPM = `
const fs = require('node:fs');
fs.appendFileSync('npm-calls', process.argv.slice(2).join(' ') + ' ' + process.env.ONNXRUNTIME_NODE_INSTALL + '\\n');
if (fs.readFileSync('package-lock.json', 'utf8').includes('broken')) {
  console.error('npm error code E404\\nnpm error 404 no such package');
  process.exit(1);
}
fs.rmSync('node_modules', { recursive: true, force: true });
fs.mkdirSync('node_modules/typescript/bin', { recursive: true });
fs.writeFileSync('node_modules/typescript/package.json', '{"type":"commonjs"}');
fs.writeFileSync('node_modules/typescript/bin/tsc', ${JSON.stringify(FAKE_COMPILER)});
`;

/** A fresh checkout of a program of two lines, with this repository's own bootstrap. */
function freshCheckout(): string {
  const root = temporaryFolder();
  for (const path of [
    'scripts',
    'tsconfig.json',
    'tsconfig.build.json',
    'src/provision/file-lock.mjs',
    'src/provision/make-folder.mjs',
  ]) {
    cpSync(join(ROOT, path), join(root, path), { recursive: true });
  }
  writeFileSync(join(root, 'package.json'), '{"type":"module"}');
  writeFileSync(join(root, 'package-lock.json'), '{"packages":{"node_modules/a":{}}}');
  mkdirSync(join(root, 'fake'));
  writeFileSync(join(root, 'fake/package.json'), '{"type":"commonjs"}');
  writeFileSync(join(root, 'fake/npm-cli.js'), FAKE_NPM);
  mkdirSync(join(root, 'src/cli'));
  mkdirSync(join(root, 'src/web'));
  writeFileSync(join(root, 'src/web/index.html'), '<!doctype html>');
  writeFileSync(join(root, 'src/cli/main.ts'), MAIN);
  return root;
}

const MAIN = `console.log(process.argv.slice(2).join(' '));\n`;

interface Run {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function bootstrap(root: string, ...args: string[]): Promise<Run> {
  const env = { ...process.env, npm_execpath: join(root, 'fake/npm-cli.js'), INIT_CWD: root };
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      ['scripts/bootstrap.mjs', ...args],
      { cwd: root, env },
      (error, stdout, stderr) => {
        resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr });
      },
    );
  });
}

function npmCalls(root: string): string[] {
  return readFileSync(join(root, 'npm-calls'), 'utf8').trim().split('\n');
}

test('installs and builds on a fresh checkout, and neither the second time', async () => {
  const root = freshCheckout();
  const first = await bootstrap(root, 'cli', 'ingest', '--json', 'a b');
  expect(first.stdout).toBe('ingest --json a b\n');
  expect(first.stderr).toContain('Installing 1 packages with npm ci');
  expect(first.stderr).toContain('Building dist');
  expect(existsSync(join(root, 'dist/web/index.html'))).toBe(true);
  expect(npmCalls(root)).toEqual([
    'ci --include=dev --include=optional --ignore-scripts --no-audit --no-fund skip',
  ]);
  const second = await bootstrap(root, 'cli', 'again');
  expect(second).toEqual({ code: 0, stdout: 'again\n', stderr: '' });
  expect(npmCalls(root)).toHaveLength(1);
  expect(readdirSync(root)).not.toContain('.bootstrap.lock');
  expect(readdirSync(join(root, 'node_modules/.cache'))).toEqual([]);
});

test('builds again when a source changed, installs again when the lock file changed', async () => {
  const root = freshCheckout();
  await bootstrap(root, 'cli');
  writeFileSync(join(root, 'src/cli/main.ts'), `console.log('changed');\n`);
  const rebuilt = await bootstrap(root, 'cli');
  expect(rebuilt.stdout).toBe('changed\n');
  expect(rebuilt.stderr).not.toContain('Installing');
  writeFileSync(join(root, 'package-lock.json'), '{"packages":{}}');
  const reinstalled = await bootstrap(root, 'cli');
  expect(reinstalled.stderr).toContain('Installing 0 packages');
  expect(npmCalls(root)).toHaveLength(2);
});

test('removes compiled files whose source is gone', async () => {
  const root = freshCheckout();
  writeFileSync(join(root, 'src/old.ts'), 'export const old = 1;\n');
  await bootstrap(root, 'cli');
  expect(existsSync(join(root, 'dist/old.js'))).toBe(true);
  rmSync(join(root, 'src/old.ts'));
  await bootstrap(root, 'cli');
  expect(existsSync(join(root, 'dist/old.js'))).toBe(false);
});

test('installs and builds once when two start at the same time', async () => {
  const root = freshCheckout();
  const runs = await Promise.all([bootstrap(root, 'cli', 'one'), bootstrap(root, 'cli', 'two')]);
  expect(runs.map(({ code, stdout }) => [code, stdout])).toEqual([
    [0, 'one\n'],
    [0, 'two\n'],
  ]);
  expect(npmCalls(root)).toHaveLength(1);
});

test('starts over where a killed installation left its folder', async () => {
  const root = freshCheckout();
  mkdirSync(join(root, 'node_modules/half'), { recursive: true });
  expect((await bootstrap(root, 'cli', 'whole')).stdout).toBe('whole\n');
  expect(existsSync(join(root, 'node_modules/half'))).toBe(false);
});

test('says in plain words that npm ci failed, and tries again the next time', async () => {
  const root = freshCheckout();
  writeFileSync(join(root, 'package-lock.json'), '{"broken":true}');
  const failed = await bootstrap(root, 'cli');
  expect(failed.code).toBe(1);
  expect(failed.stderr).toContain('npm ci failed (exit code 1)');
  expect(failed.stderr).toContain('404 no such package');
  expect(failed.stderr).not.toMatch(/^\s+at /m);
  writeFileSync(join(root, 'package-lock.json'), '{"packages":{}}');
  expect((await bootstrap(root, 'cli', 'well')).stdout).toBe('well\n');
});

test('shows the compiler errors of a build that fails, and keeps the dist of before', async () => {
  const root = freshCheckout();
  await bootstrap(root, 'cli');
  writeFileSync(join(root, 'src/cli/main.ts'), 'fault\n');
  const failed = await bootstrap(root, 'cli');
  expect(failed.code).toBe(1);
  expect(failed.stderr).toContain('src/cli/main.ts(1,7): error TS2322');
  expect(failed.stderr).not.toMatch(/^\s+at /m);
  expect(existsSync(join(root, 'dist/cli/main.js'))).toBe(true);
});

test('gives the exit code of the command', async () => {
  const root = freshCheckout();
  writeFileSync(join(root, 'src/cli/main.ts'), 'process.exitCode = 7;\n');
  expect((await bootstrap(root, 'cli')).code).toBe(7);
});

test.each(['tset', 'toString'])('names the tasks there are when asked for %s', async (task) => {
  const { code, stderr } = await bootstrap(ROOT, task);
  expect(code).toBe(1);
  expect(stderr).toContain(`There is no task "${task}". Tasks: setup, demo, test`);
});

test('says without a stack that the checkout cannot be written', async () => {
  const root = freshCheckout();
  const past = new Date(Date.now() - 60_000);
  // A folder where the lock has to be: it holds for every user.
  mkdirSync(join(root, '.bootstrap.lock'));
  utimesSync(join(root, '.bootstrap.lock'), past, past);
  const { code, stderr } = await bootstrap(root, 'cli');
  expect(code).toBe(1);
  expect(stderr).toContain('.bootstrap.lock');
  expect(stderr).toContain('Correct its permissions or disk');
  expect(stderr).not.toMatch(/^\s+at /m);
});

test('runs the demo where it finds the provisioned files and nothing of the user', async () => {
  const root = freshCheckout();
  mkdirSync(join(root, 'src/provision'), { recursive: true });
  writeFileSync(
    join(root, 'src/config.ts'),
    `export const loadConfig = ({ env }) => env; export const provisionDir = () => 'provisioned';`,
  );
  for (const name of ['redis-pair', 'model-files', 'report']) {
    const program = `export const provisionServer = () => {}, provisionModel = () => {}, printReport = () => {};`;
    writeFileSync(join(root, `src/provision/${name}.ts`), program);
  }
  writeFileSync(join(root, 'stacklore.json'), '{"redisUrl":"redis://mine"}');
  writeFileSync(
    join(root, 'src/cli/main.ts'),
    `import { existsSync } from 'node:fs';
     const own = Object.entries(process.env).filter(([name]) => /^(STACKLORE_|REDIS_URL)/.test(name));
     console.log(JSON.stringify([process.argv[2], existsSync('stacklore.json'), Object.fromEntries(own)]));`,
  );
  vi.stubEnv('REDIS_URL', 'redis://mine');
  vi.stubEnv('STACKLORE_MODEL', 'mine');
  vi.stubEnv('STACKLORE_TEST_SERVER', '/server');
  onTestFinished(() => {
    vi.unstubAllEnvs();
  });
  const { stdout } = await bootstrap(root, 'demo');
  expect(JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '')).toEqual([
    'demo',
    false,
    { STACKLORE_PROVISION_DIR: join(root, 'provisioned'), STACKLORE_SERVER: '/server' },
  ]);
});

test('counts tests, files that do not load, and runs that end badly without a failure', () => {
  const file = (status: string, ...tests: string[]) => ({
    status,
    assertionResults: tests.map((test) => ({ status: test })),
  });
  const report = (passed: number, failed: number, ...testResults: object[]) => ({
    numPassedTests: passed,
    numFailedTests: failed,
    testResults,
  });
  expect(countTests(report(2, 0, file('passed', 'passed', 'passed')), 0)).toEqual({ passed: 2, failed: 0 });
  expect(countTests(report(1, 1, file('failed', 'passed', 'failed')), 1)).toEqual({ passed: 1, failed: 1 });
  expect(countTests(report(0, 0, file('failed')), 1)).toEqual({ passed: 0, failed: 1 });
  expect(countTests(report(2, 0, file('passed', 'passed', 'passed')), 1)).toEqual({ passed: 2, failed: 1 });
  expect(countTests(undefined, 0)).toEqual({ passed: 0, failed: 1 });
});
