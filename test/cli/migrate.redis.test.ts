import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Stacklore } from '../../src/stacklore.ts';
import { openTestLore } from '../support/lore.ts';
import { usePrivateRedis } from '../support/redis.ts';
import { cliOn } from '../support/run-cli.ts';

const redis = usePrivateRedis();
const folder = mkdtempSync(join(tmpdir(), 'stacklore-migrate-'));
let lore: Stacklore;

const { run, json } = cliOn(redis);

beforeAll(async () => {
  lore = openTestLore(redis);
  await lore.createCollection('given', { dimensions: 2 });
  const source = lore.databases.knowledge.duplicate({ number: 1 });
  await source.send(['HSET', 'fact:f1', 'content', 'One fact.', 'category', 'x', 'confidence', '1']);
  await source.send(['ZADD', 'index:documents', '1736937000', 'd1']);
  const embedding = Buffer.from(new Float32Array([0.25, -1]).buffer);
  await lore.databases.knowledge.send([
    'HSET',
    'vl:1',
    'doc_id',
    'row',
    'text',
    'A row.',
    'embedding',
    embedding,
  ]);
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('stacklore migrate', () => {
  it('tells, copies, and with --move removes the records of another number', async () => {
    expect(await json('migrate', '--from-number', '1', '--dry-run')).toMatchObject({
      copied: 2,
      verified: 0,
    });
    const copied = await run('migrate', '--from-number', '1');
    expect(copied).toMatchObject({ exitCode: 0, stderr: '' });
    expect(copied.stdout).toMatch(/fact +1 +0 +1 +0/);
    expect(copied.stdout).toContain('Copied 2, 0 were there already; 2 keys compared and equal, 0 removed');
    expect(copied.stdout).toContain('Repeat with --move');
    expect(await json('migrate', '--from-number', '1', '--move')).toMatchObject({ copied: 0, removed: 2 });
  });

  it('takes over rows of another tool, and exits with 1 when some failed', async () => {
    const args = ['migrate', '--layout', 'redisvl', '--prefix', 'vl:', '--collection', 'given'];
    expect(await json(...args)).toMatchObject({ layout: 'redisvl', rows: 1, created: 1, failed: 0 });
    await lore.databases.knowledge.send(['HSET', 'vl:2', 'doc_id', 'bad', 'text', 'Bad.', 'embedding', 'xy']);

    const again = await run(...args);

    expect(again).toMatchObject({ exitCode: 1, stderr: '' });
    expect(again.stdout).toContain(
      '2 rows went into given: 0 documents created, 0 updated, 1 unchanged, 1 failed',
    );
    expect(again.stdout).toContain('bad: The row vl:2');
  });

  it('says that nothing was found, and exits with 1 where rows were meant', async () => {
    const rows = await run('migrate', '--layout', 'redisvl', '--prefix', 'typo:', '--collection', 'given');
    expect(rows).toMatchObject({ exitCode: 1, stdout: expect.stringContaining('No rows were found') });
    const records = await run('migrate', '--from-number', '7');
    expect(records).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining('No records of stacklore'),
    });
  });

  it('refuses flags that do not go together, and names what is missing', async () => {
    expect(await run('migrate')).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('--from-number, --from-url'),
    });
    expect(await run('migrate', '--layout', 'csv')).toMatchObject({ exitCode: 2 });
    expect(await run('migrate', '--from-number', 'one')).toMatchObject({ exitCode: 2 });
    expect(await run('migrate', '--from-number', '0')).toMatchObject({
      stderr: expect.stringContaining('nothing to move'),
    });
  });
});

describe('stacklore export', () => {
  it('writes a file and hashes of a collection', async () => {
    const file = join(folder, 'given.jsonl');

    expect(await json('export', 'given', '--file', file, '--embeddings', 'numbers')).toMatchObject({
      ...{ collection: 'given', to: file, documents: 1, chunks: 1 },
    });
    expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({ docId: 'row', embedding: [0.25, -1] });
    const hashes = await run('export', 'given', '--layout', 'langchain', '--prefix', 'lc:');
    expect(hashes).toMatchObject({ exitCode: 0, stdout: '1 chunk of 1 document went to lc:\n' });
    expect((await run('export', 'given', '--layout', 'langchain', '--prefix', 'lc:')).stdout).toContain(
      '1 keys were there',
    );
    expect(await json('migrate', '--layout', 'jsonl', '--file', file, '--collection', 'given')).toMatchObject(
      {
        rows: 1,
        failed: 0,
      },
    );
  });

  it('refuses a file that is there, and a collection that is not', async () => {
    const file = join(folder, 'given.jsonl');
    expect(await run('export', 'given', '--file', file)).toMatchObject({
      stderr: expect.stringContaining('exists already'),
    });
    expect(await run('export', 'none', '--file', join(folder, 'none'))).toMatchObject({
      stderr: expect.stringContaining('There is no collection "none"'),
    });
    expect(await run('export')).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('name the file to write (--file)'),
    });
  });
});
