import { execFile } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { modelConfig } from './support/provisioned.ts';
import { readSnippets } from './support/readme.ts';
import { usePrivateRedis } from './support/redis.ts';

const run = promisify(execFile);
const ROOT = resolve(import.meta.dirname, '..');
const HOOKS = pathToFileURL(join(ROOT, 'test/support/typescript-hooks.mjs')).href;
const README = readFileSync(join(ROOT, 'README.md'), 'utf8');
const SNIPPETS = readSnippets(README).filter(({ reason }) => reason === undefined);

const redis = usePrivateRedis();
const folder = mkdtempSync(join(tmpdir(), 'stacklore-readme-'));

/** Nothing of the user's own settings, and `stacklore` on PATH as the README has it. */
function environment(): NodeJS.ProcessEnv {
  return {
    PATH: `${join(folder, 'bin')}:${process.env.PATH}`,
    HOME: folder,
    STACKLORE_HOME: join(folder, 'home'),
    STACKLORE_MODEL_DIR: modelConfig().dir,
    REDIS_URL: redis.url,
  };
}

beforeAll(() => {
  const program = join(folder, 'bin/stacklore');
  mkdirSync(join(folder, 'bin'));
  writeFileSync(
    program,
    `#!/bin/sh\nexec "${process.execPath}" --import "${HOOKS}" "${join(ROOT, 'src/cli/main.ts')}" "$@"\n`,
  );
  chmodSync(program, 0o755);
  // Where a program finds llamaindex, as it would beside its own package.json.
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('the command lines of the README run as they stand and find the handbook', async () => {
  const scripts = SNIPPETS.filter(({ language }) => language === 'sh');
  let output = '';
  for (const { code } of scripts) {
    output += (await run('sh', ['-euc', code], { cwd: ROOT, env: environment() })).stdout;
  }
  expect(output).toMatch(/handbook: \d+ created/);
  expect(output).toContain('Loans, renewals and reservations › Renewing');
  expect(output).toContain('Emergencies: fire, first aid, evacuation');
  expect(output).toContain('[1] ');
}, 180_000);

test('the programs of the README run as they stand, one after the other', async () => {
  const outputs: string[] = [];
  for (const { code } of SNIPPETS.filter(({ language }) => language === 'js'))
    outputs.push(await runProgram(code));
  expect(outputs.length).toBe(2);
  const [library, llamaIndex] = outputs;
  expect(library).toContain('created: 6');
  expect(library).toContain('[1] Loans, renewals and reservations');
  expect(llamaIndex).toContain('Loans, renewals and reservations');
}, 180_000);

test('the programs leave no device id and no usage reports of ONNX Runtime behind', () => {
  expect(readdirSync(folder)).not.toContain('.cache');
});

test('the README lists every command of the program', async () => {
  const { stdout } = await run(join(folder, 'bin/stacklore'), ['--help'], { env: environment() });
  const commands = [...stdout.slice(stdout.indexOf('Commands:')).matchAll(/^ {2}(\w+) /gm)].map(
    ([, name]) => name,
  );
  const missing = commands.filter((name) => name !== 'help' && !README.includes(`\`stacklore ${name}`));
  expect(commands.length).toBeGreaterThan(8);
  expect(missing).toEqual([]);
});

/** Runs a program against the sources instead of the compiled package. */
async function runProgram(code: string): Promise<string> {
  const source = (path: string) => `'${pathToFileURL(join(ROOT, 'src', path)).href}'`;
  const program = code
    .replaceAll(`'stacklore'`, source('index.ts'))
    .replaceAll(`'stacklore/llamaindex'`, source('llamaindex/index.ts'));
  const path = join(folder, 'program.mjs');
  writeFileSync(path, program);
  return (await run(process.execPath, ['--import', HOOKS, path], { cwd: ROOT, env: environment() })).stdout;
}
