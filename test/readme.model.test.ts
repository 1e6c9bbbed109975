import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readSnippets } from './support/readme.ts';
import { usePrivateRedis } from './support/redis.ts';
import { makeSnippetPlace, type SnippetPlace } from './support/snippet-place.ts';

const README = readFileSync(join(resolve(import.meta.dirname, '..'), 'README.md'), 'utf8');
const SNIPPETS = readSnippets(README).filter(({ reason }) => reason === undefined);

const redis = usePrivateRedis();
let place: SnippetPlace;

beforeAll(() => {
  place = makeSnippetPlace(redis.url, { inRoot: true });
});
afterAll(() => place.remove());

test('the command lines of the README run as they stand and find the handbook', async () => {
  const scripts = SNIPPETS.filter(({ language }) => language === 'sh');
  let output = '';
  for (const { code } of scripts) {
    output += await place.runShell(code);
  }
  expect(output).toMatch(/handbook: \d+ created/);
  expect(output).toContain('Loans, renewals and reservations › Renewing');
  expect(output).toContain('Emergencies: fire, first aid, evacuation');
  expect(output).toContain('[1] ');
}, 180_000);

test('the programs of the README run as they stand, one after the other', async () => {
  const outputs: string[] = [];
  for (const { code } of SNIPPETS.filter(({ language }) => language === 'js'))
    outputs.push(await place.runProgram(code));
  expect(outputs.length).toBe(3);
  const [library, vectors, llamaIndex] = outputs;
  expect(library).toContain('created: 6');
  expect(library).toContain('[1] Loans, renewals and reservations');
  expect(vectors).toContain("[ 'a boat', 0.99");
  expect(llamaIndex).toContain('Loans, renewals and reservations');
}, 180_000);

test('the programs leave no device id and no usage reports of ONNX Runtime behind', () => {
  expect(readdirSync(place.folder)).not.toContain('.cache');
});

test('the README lists every command of the program', async () => {
  const stdout = await place.runShell('stacklore --help');
  const commands = [...stdout.slice(stdout.indexOf('Commands:')).matchAll(/^ {2}(\w+) /gm)].map(
    ([, name]) => name,
  );
  const missing = commands.filter((name) => name !== 'help' && !README.includes(`\`stacklore ${name}`));
  expect(commands.length).toBeGreaterThan(8);
  expect(missing).toEqual([]);
});
