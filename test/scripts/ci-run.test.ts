import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { writeFakeProgram } from '../support/fake-program.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

/** Runs `.ci/run` with an npm whose demo and tests print and end as said; gives its last line and exit code. */
function runCi(demoCode: number, testOutput: string, testCode: number): [string | undefined, number | null] {
  const root = temporaryFolder();
  cpSync(join(import.meta.dirname, '../../.ci/run'), join(root, '.ci/run'));
  mkdirSync(join(root, 'bin'));
  writeFakeProgram(
    join(root, 'bin'),
    'npm',
    `const isTest = process.argv[2] === 'test';
     if (isTest) console.log(${JSON.stringify(testOutput)});
     process.exitCode = isTest ? ${testCode} : ${demoCode};`,
  );
  const env = { ...process.env, PATH: `${join(root, 'bin')}:${process.env.PATH}` };
  const { stdout, status } = spawnSync('bash', ['.ci/run'], { cwd: root, env, encoding: 'utf8' });
  return [stdout.trimEnd().split('\n').at(-1), status];
}

test.each<[string, number, string, number, string, number]>([
  ['counts a demo that works as one', 0, 'Tests\n10 passed, 0 failed', 0, '11 passed, 0 failed', 0],
  ['counts a demo that fails as one', 1, '10 passed, 0 failed', 0, '10 passed, 1 failed', 1],
  ['fails with the tests', 0, '8 passed, 2 failed', 1, '9 passed, 2 failed', 1],
  ['takes a run that ends badly for a failure', 0, '8 passed, 0 failed', 1, '9 passed, 1 failed', 1],
  ['takes a run that counts nothing for a failure', 0, 'hello', 0, '1 passed, 1 failed', 1],
])('%s', (_name, demoCode, testOutput, testCode, lastLine, exitCode) => {
  expect(runCi(demoCode, testOutput, testCode)).toEqual([lastLine, exitCode]);
});

test('is a valid script for bash', () => {
  execFileSync('bash', ['-n', join(import.meta.dirname, '../../.ci/run')]);
});
