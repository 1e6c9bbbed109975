import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { makeCrossEncoder } from '../support/make-cross-encoder.ts';
import { modelConfig } from '../support/provisioned.ts';
import { usePrivateRedis } from '../support/redis.ts';
import { jsonOf, runCli } from '../support/run-cli.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const redis = usePrivateRedis();

const environment = () => ({
  STACKLORE_HOME: `${redis.dir}/home`,
  STACKLORE_MODEL_DIR: modelConfig().dir,
  REDIS_URL: redis.url,
  HOME: redis.dir,
});
const run = (args: readonly string[], more: Record<string, string> = {}) =>
  runCli(args, { env: { ...environment(), ...more } });

beforeAll(async () => {
  const folder = join(redis.dir, 'documents');
  mkdirSync(folder);
  writeFileSync(join(folder, 'lamp.md'), 'The lamp burns oil. Keepers clean it on Sundays.');
  writeFileSync(join(folder, 'pier.md'), 'The pier is wet. Keepers, keepers, keepers walk on it.');
  expect((await run(['ingest', folder])).exitCode).toBe(0);
});

describe('search --highlight', () => {
  it('marks words for people, and gives offsets with --json', async () => {
    const args = ['search', 'cleaning the lamps', '--top-k', '1', '--highlight'];
    const { stdout } = await run(args);
    expect(stdout).toContain('The **lamp** burns oil. Keepers **clean** it on Sundays.');
    expect(stdout).toContain('nearest: ');
    const json = await run([...args, '--json']);
    expect(json.stdout).not.toContain('**');
    expect(jsonOf(json)).toMatchObject({
      hits: [
        {
          highlights: {
            matchedWords: [
              { start: 4, end: 8, terms: ['lamp'] },
              { start: 28, end: 33 },
            ],
          },
        },
      ],
    });
  });
});

describe('search --collapse', () => {
  const find = (...more: string[]) => run(['search', 'keepers', '--json', ...more]);

  it('leaves out what is as like a better hit as the number says', async () => {
    expect(jsonOf(await find('--collapse'))).toMatchObject({ hits: [{}, {}] });
    expect(jsonOf(await find('--collapse', '0'))).toMatchObject({ hits: [expect.anything()] });
    expect(jsonOf(await find('--collapse', '1'))).toMatchObject({ hits: [{}, {}] });
  });

  it.each(['nine', '2'])('refuses a likeness of %s', async (likeness) => {
    const { exitCode, stdout } = await find('--collapse', likeness);
    expect(stdout).toContain('--collapse: must be a number from 0 to 1');
    expect(exitCode).toBe(2);
  });
});

describe('search --rerank', () => {
  it('reorders by the cross-encoder of a folder, and says how long it took', async () => {
    const model = { STACKLORE_RERANKER_DIR: makeCrossEncoder(temporaryFolder()) };
    const args = ['search', 'keepers who clean', '--mode', 'text', '--rerank'];
    expect((await run(['search', 'keepers who clean', '--mode', 'text'])).stdout).toMatch(/^1\. .*lamp/);
    const { stdout, stderr, exitCode } = await run(args, model);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^1\. .*\(reranked \d.*pier/);
    expect(stderr).toMatch(/^Reranking added \d+ ms\.$/m);
    const json = await run([...args, '--json'], model);
    expect(json.stderr).toBe('');
    expect(jsonOf(json)).toMatchObject({ rerankLatencyMs: expect.any(Number) });
  });

  it('is refused without a model and with a depth that is none', async () => {
    const { exitCode, stderr } = await run(['search', 'keepers', '--rerank']);
    expect(exitCode).toBe(3);
    expect(stderr).toContain('STACKLORE_RERANKER_DIR');
    expect((await run(['search', 'keepers', '--rerank=none'])).exitCode).toBe(2);
  });
});

describe('search --semantic-cache', () => {
  it('says which question the answer was given to', async () => {
    const ask = (question: string, ...more: string[]) => run(['search', question, ...more]);
    expect((await ask('Who cleans the lamp on Sundays?', '--semantic-cache')).stderr).toContain(
      'Not in the cache',
    );
    const similar = 'Who cleans the lamp on Sunday?';
    expect((await ask(similar, '--semantic-cache', '0.9', '--cache-scope', 'ada')).stderr).toContain(
      'Not in the cache',
    );
    const answer = await ask(similar, '--semantic-cache', '0.9');
    expect(answer.stderr).toContain('the answer to "Who cleans the lamp on Sundays?" (similarity 0.9');
    expect(answer.stdout).toContain('The lamp burns oil.');
  });
});
