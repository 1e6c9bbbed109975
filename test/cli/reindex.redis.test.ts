import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { openTestLore } from '../support/lore.ts';
import { usePrivateRedis } from '../support/redis.ts';
import { cliOn, jsonOf } from '../support/run-cli.ts';

const redis = usePrivateRedis();
const { run } = cliOn(redis, 'reindex');

beforeAll(async () => {
  const lore = openTestLore(redis);
  for (const name of ['a lamp in the harbour', 'a boat on the river']) {
    await lore.ingestTexts([{ text: `It is ${name}.`, source: name, title: name }], { collection: 'docs' });
  }
});

it('tells what it takes and does nothing with --dry-run', async () => {
  const { exitCode, stdout } = await run('docs', '--vector-type', 'float16', '--dry-run');
  expect(exitCode).toBe(0);
  expect(stdout).toMatch(/Chunks 2, to embed 0\.\nMemory until it is finished about .* more .*\nDisk: /);
  expect(stdout).toContain('Nothing was done.');
});

it('builds, switches and rolls back, and says how to go on', async () => {
  const built = await run('docs', '--language', 'french', '--m', '24', '--build-only');
  expect(built.stdout).toContain('Switch to it: stacklore reindex docs;');
  expect(built.stderr).toContain('Chunks 2, to embed 0.');
  expect((await run('docs')).stdout).toContain('go back: stacklore reindex docs --rollback');
  const back = await run('docs', '--rollback', '--json');
  expect(jsonOf(back)).toMatchObject({ collection: 'docs', state: 'rolled-back' });
});

it('refuses what cannot be done with a word on what to do', async () => {
  const queries = join(redis.dir, 'queries.jsonl');
  await writeFile(queries, '{"query": "lamp"}\n{"id": 2}\n');
  const refusals: [string[], RegExp][] = [
    [['docs', '--chunk-size', 'small'], /whole number/],
    [['docs', '--chunk-size', '64', '--language', 'german'], /two reindexes/],
    [['docs', '--m', 'many'], /whole number/],
    [['docs', '--vector-type', 'int8'], /float16/],
    [['docs', '--finish', '--language', 'german'], /three calls/],
    [['docs', '--language', 'german', '--queries', queries], /Line 2 of .* holds no query/],
    [['docs', '--language', 'klingon'], /german/],
    [['nowhere', '--language', 'german'], /There is no collection "nowhere"/],
    [['docs'], /Nothing of collection "docs" would change/],
  ];
  for (const [args, says] of refusals) {
    const { exitCode, stderr } = await run(...args);
    expect([exitCode === 0, stderr]).toEqual([false, expect.stringMatching(says)]);
  }
});
