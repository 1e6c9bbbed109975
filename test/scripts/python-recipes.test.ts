import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { installPackages, problemOf } from '../../scripts/python-recipes.mjs';
import { writeFakeProgram } from '../support/fake-program.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const ROOT = join(import.meta.dirname, '../..');

/** A checkout whose `python3` is this program; gives the install that it leads to. */
function installWith(source: string | undefined) {
  const root = temporaryFolder();
  cpSync(join(ROOT, 'examples/python'), join(root, 'examples/python'), { recursive: true });
  if (source !== undefined) writeFakeProgram(root, 'python3', source);
  const said: string[] = [];
  const env = { PATH: root };
  return { said, install: () => installPackages({ root, env, say: (text) => said.push(text) }) };
}

test('says what to install where there is no Python, or no pip', async () => {
  await expect(installWith(undefined).install()).rejects.toThrow(/need python3 .*with pip: python3: spawn/);
  const { install } = installWith(`console.error('No module named pip'); process.exitCode = 1;`);
  await expect(install()).rejects.toThrow(/with pip: No module named pip\nInstall both/);
});

test('says what pip says when it cannot install', async () => {
  const source = `if (process.argv.includes('install')) { console.error('no route to host'); process.exitCode = 1; }`;
  await expect(installWith(source).install()).rejects.toThrow(/no route to host\n\nCheck that pip reaches/);
});

test('installs once for one Python and one list of packages', async () => {
  const { said, install } = installWith(
    `const at = process.argv.indexOf('--target');
     if (at > 0) require('node:fs').mkdirSync(process.argv[at + 1], { recursive: true });`,
  );
  expect(await install()).toBe(await install());
  expect(said).toHaveLength(1);
});

const HIT =
  '0.384  docs/loans-and-renewals.md  (document 0123456789abcdef0123456789abcdef)\n       Loans › Periods\n';
const BEST = HIT.replace('Periods', 'Renewing');

test('takes a recipe for good only when it printed what answers the question', () => {
  expect(problemOf(0, BEST + HIT + HIT)).toBeUndefined();
  expect(problemOf(1, BEST + HIT + HIT)).toBe('failed (exit code 1)');
  expect(problemOf(0, BEST)).toBe('printed 1 hits, not 3');
  expect(problemOf(0, HIT + HIT + HIT)).toBe('did not print the passage that answers the question');
});
