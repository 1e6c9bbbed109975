import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { writeFakeProgram } from '../support/fake-program.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

/** How the steps before the tests end. */
interface Steps {
  readonly demo: number;
  readonly python: number;
}

/** Runs `.ci/run` with an npm whose steps and tests print and end as said; gives its last line and exit code. */
function runCi(steps: Steps, testOutput: string, testCode: number): [string | undefined, number | null] {
  const root = temporaryFolder();
  cpSync(join(import.meta.dirname, '../../.ci/run'), join(root, '.ci/run'));
  mkdirSync(join(root, 'bin'));
  writeFakeProgram(
    join(root, 'bin'),
    'npm',
    `const [, , command, step] = process.argv;
     if (command === 'test') console.log(${JSON.stringify(testOutput)});
     const codes = { demo: ${steps.demo}, 'test:python': ${steps.python} };
     process.exitCode = command === 'test' ? ${testCode} : codes[step];`,
  );
  const env = { ...process.env, PATH: `${join(root, 'bin')}:${process.env.PATH}` };
  const { stdout, status } = spawnSync('bash', ['.ci/run'], { cwd: root, env, encoding: 'utf8' });
  return [stdout.trimEnd().split('\n').at(-1), status];
}

const FINE: Steps = { demo: 0, python: 0 };

test.each<[string, Steps, string, number, string, number]>([
  [
    'counts demo and recipes that work as one each',
    FINE,
    'Tests\n10 passed, 0 failed',
    0,
    '12 passed, 0 failed',
    0,
  ],
  [
    'counts a demo that fails as one',
    { ...FINE, demo: 1 },
    '10 passed, 0 failed',
    0,
    '11 passed, 1 failed',
    1,
  ],
  [
    'counts recipes that fail as one',
    { ...FINE, python: 1 },
    '10 passed, 0 failed',
    0,
    '11 passed, 1 failed',
    1,
  ],
  ['fails with the tests', FINE, '8 passed, 2 failed', 1, '10 passed, 2 failed', 1],
  ['takes a run that ends badly for a failure', FINE, '8 passed, 0 failed', 1, '10 passed, 1 failed', 1],
  ['takes a run that counts nothing for a failure', FINE, 'hello', 0, '2 passed, 1 failed', 1],
])('%s', (_name, steps, testOutput, testCode, lastLine, exitCode) => {
  expect(runCi(steps, testOutput, testCode)).toEqual([lastLine, exitCode]);
});

test('is a valid script for bash', () => {
  execFileSync('bash', ['-n', join(import.meta.dirname, '../../.ci/run')]);
});
