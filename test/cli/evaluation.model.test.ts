import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { modelConfig } from '../support/provisioned.ts';
import { usePrivateRedis } from '../support/redis.ts';
import { jsonOf, runCli } from '../support/run-cli.ts';

const redis = usePrivateRedis();
const folder = mkdtempSync(join(tmpdir(), 'stacklore-evaluation-'));
afterAll(() => rmSync(folder, { recursive: true }));
const documents = resolve(import.meta.dirname, '../../fixtures/documents/public-services');
const [queries, qrels] = [join(folder, 'queries.jsonl'), join(folder, 'qrels.tsv')];

const run = (args: readonly string[], input = '') =>
  runCli(args, {
    env: {
      ...{ STACKLORE_HOME: `${redis.dir}/home`, STACKLORE_MODEL_DIR: modelConfig().dir },
      ...{ REDIS_URL: redis.url, HOME: redis.dir },
    },
    input,
  });

beforeAll(async () => {
  const { exitCode } = await run([
    'ingest',
    documents,
    '--base',
    documents,
    '--collection',
    'services',
    '--index',
    'hnsw',
  ]);
  expect(exitCode).toBe(0);
  writeFileSync(queries, '{"_id":"q1","text":"how do I renew a loan?"}\n');
});

describe('the evaluation on the command line', () => {
  it('collects judgements, measures by them, and explains a document', async () => {
    const files = ['--queries', queries, '--qrels', qrels, '--collection', 'services'];
    const judged = await run(
      ['eval', ...files, '--judge', '--k', '3'],
      '3\nwhat?\ns\n0\nopening hours\n2\nq\n',
    );
    expect(judged).toMatchObject({ exitCode: 0 });
    expect(judged.stdout).toBe(
      `3 judged, 1 skipped over 2 queries; kept in ${qrels}, 1 new queries in ${queries}\n`,
    );
    expect(judged.stderr).toContain('Query q1: how do I renew a loan?');
    const [, first = ''] = readFileSync(qrels, 'utf8').split('\n');
    expect(first).toMatch(/^q1\t[0-9a-f]{32}\t3$/);

    const measured = await run(['eval', ...files, '--compare', '{"mode":"text"}']);
    expect(measured).toMatchObject({ exitCode: 0 });
    expect(measured.stdout).toMatch(/^2 queries on services$/m);
    expect(measured.stdout).toMatch(/^MRR@10 +1\.0000 /m);
    expect(measured.stdout).toMatch(/^HNSW index of services against exact search, 2 queries:$/m);
    expect(jsonOf(await run(['eval', ...files, '--json', '--no-index-recall']))).toMatchObject({
      ...{ queries: 2, measures: { mrr: 1 }, indexRecall: [], warnings: [] },
    });

    const docId = first.split('\t')[1] ?? '';
    const question = ['how', 'do', 'I', 'renew', 'a', 'loan?', '--collection', 'services'];
    const explained = await run(['explain', ...question, '--doc', docId]);
    expect(explained.stdout).toMatch(/^Found: .+ \(found\)\n {2}It is hit 1: /);
    expect(explained.stdout).toMatch(/^Words looked up: renew loan$/m);
    const missing = await run(['explain', ...question, '--doc', 'nothing', '--json']);
    expect(jsonOf(missing)).toMatchObject({ outcome: 'not_stored', stopWords: ['how', 'do', 'i', 'a'] });
  });

  it('says what is wrong with a call', async () => {
    const call = async (...args: string[]) => {
      const { exitCode, stderr } = await run(args);
      return `${exitCode} ${stderr}`;
    };
    expect(await call('eval', '--qrels', qrels)).toMatch(/^2 .*--queries: is required/s);
    expect(await call('eval', '--queries', queries)).toMatch(/^2 .*--qrels: is required/s);
    expect(await call('explain', 'a', '--collection', 'services')).toMatch(/^2 .*--doc: is required/s);
    expect(await call('explain', 'a', '--doc', 'b', '--rerank')).toMatch(/^2 .*unknown option '--rerank'/s);
    const files = ['--queries', queries, '--qrels', queries, '--collection', 'services'];
    expect(await call('eval', ...files)).toMatch(/^1 .*cannot be used: line 1 has/s);
    expect(await call('eval', ...files, '--compare', 'vector')).toMatch(
      /^2 .*--compare: must be a JSON object/s,
    );
    expect(await call('eval', ...files, '--compare', '{"depth":3}')).toMatch(
      /^2 .*compare: Unrecognized key: "depth"/s,
    );
    const measuring = [
      '--compare',
      '{"mode":"text"}',
      '--run',
      join(folder, 'run.trec'),
      '--no-index-recall',
    ];
    expect(await call('eval', ...files, '--judge', ...measuring)).toMatch(
      /^2 .*takes no --compare, --run, --no-index-recall\. Judge first/s,
    );
    expect(await call('eval', ...files, '--judge', '--no-index-recall')).toMatch(
      /^2 .*takes no --no-index-recall\./s,
    );
    expect(await call('eval', ...files, '--k', '0')).toMatch(/^2 .*--k/s);
    expect(await call('eval', ...files, '--top-k', '3')).toMatch(/^2 .*unknown option '--top-k'/s);
  });
});
