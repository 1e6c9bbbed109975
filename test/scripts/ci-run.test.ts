import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { writeFakeProgram } from '../support/fake-program.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

interface Outcome {
  readonly output: string;
  readonly code: number;
}

interface CiRun {
  readonly demoCode?: number;
  readonly pythonCode?: number;
  readonly tests?: Outcome;
  readonly browser?: Outcome;
  readonly hasChromium?: boolean;
}

const FINE: Outcome = { output: 'Tests\n10 passed, 0 failed', code: 0 };

/** Runs `.ci/run` with an npm whose steps and tests print and end as said; gives its last line, exit code and output. */
function runCi({ demoCode = 0, pythonCode = 0, tests = FINE, browser = FINE, hasChromium = true }: CiRun) {
  const root = temporaryFolder();
  cpSync(join(import.meta.dirname, '../../.ci/run'), join(root, '.ci/run'));
  const bin = join(root, 'bin');
  mkdirSync(bin);
  const outcomes = {
    test: tests,
    'run demo': { output: '', code: demoCode },
    'run test:python': { output: '', code: pythonCode },
    'run test:browser': browser,
  };
  writeFakeProgram(
    bin,
    'npm',
    `const { output, code } = (${JSON.stringify(outcomes)})[process.argv.slice(2).join(' ')];
     console.log(output);
     process.exitCode = code;`,
  );
  writeFakeProgram(bin, 'id', 'console.log(0);');
  writeFakeProgram(bin, 'apt-get', `console.log('E: no network'); process.exitCode = 100;`);
  const CHROMIUM_PATH = hasChromium ? join(bin, 'npm') : join(root, 'nowhere');
  const env = { ...process.env, CHROMIUM_PATH, PATH: `${bin}:${process.env.PATH}` };
  const { stdout, status } = spawnSync('bash', ['.ci/run'], { cwd: root, env, encoding: 'utf8' });
  return { lastLine: stdout.trimEnd().split('\n').at(-1), code: status, stdout };
}

test.each<[string, CiRun, string, number]>([
  ['counts demo and recipes that work as one each', {}, '22 passed, 0 failed', 0],
  ['counts a demo that fails as one', { demoCode: 1 }, '21 passed, 1 failed', 1],
  ['counts recipes that fail as one', { pythonCode: 1 }, '21 passed, 1 failed', 1],
  ['fails with the tests', { tests: { output: '8 passed, 2 failed', code: 1 } }, '20 passed, 2 failed', 1],
  [
    'fails with the tests of the page',
    { browser: { output: '8 passed, 2 failed', code: 1 } },
    '20 passed, 2 failed',
    1,
  ],
  [
    'takes a run that ends badly for a failure',
    { tests: { output: '8 passed, 0 failed', code: 1 } },
    '20 passed, 1 failed',
    1,
  ],
  [
    'takes a run that counts nothing for a failure',
    { browser: { output: 'hello', code: 0 } },
    '12 passed, 1 failed',
    1,
  ],
])('%s', (_name, run, lastLine, code) => {
  expect(runCi(run)).toMatchObject({ lastLine, code });
});

test('says that the page is not tested, and fails, where no Chromium can be installed', () => {
  const { lastLine, code, stdout } = runCi({ hasChromium: false });
  expect([lastLine, code]).toEqual(['12 passed, 1 failed', 1]);
  expect(stdout).toContain('E: no network');
  expect(stdout).toContain('The search page is not tested: there is no Chromium.');
});

test('is a valid script for bash', () => {
  execFileSync('bash', ['-n', join(import.meta.dirname, '../../.ci/run')]);
});
