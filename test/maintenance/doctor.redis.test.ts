import { beforeAll, describe, expect, it } from 'vitest';
import type { Stacklore } from '../../src/stacklore.ts';
import { openTestLore } from '../support/lore.ts';
import { usePrivateRedis } from '../support/redis.ts';
import { cliOn, jsonOf } from '../support/run-cli.ts';

const redis = usePrivateRedis();
let lore: Stacklore;

const knowledge = () => lore.databases.knowledge;
const LAMP = 'llama_index/vector_store/docs/lamp_chunk_0';
const PIER = 'llama_index/vector_store/docs/pier_chunk_0';

/** What a check finds. */
async function find(check: string, options: { fix?: boolean } = {}) {
  const { findings } = await lore.maintenance.diagnose(options);
  return findings.filter((one) => one.check === check);
}

/** Expects one finding that says so, has it fixed, and expects none on the next run. */
async function expectFixed(check: string, says: RegExp) {
  const found = await find(check);
  expect(found).toMatchObject([{ what: expect.stringMatching(says), isFixable: true }]);
  expect(found[0]?.isFixed).toBeUndefined();
  expect(await find(check, { fix: true })).toMatchObject([{ isFixed: true }]);
  expect(await find(check)).toEqual([]);
}

beforeAll(async () => {
  lore = openTestLore(redis);
  await lore.ingestTexts(
    ['lamp', 'pier'].map((docId) => ({ text: `All about ${docId}.`, source: `${docId}.md`, docId })),
    { collection: 'docs' },
  );
});

describe('a healthy knowledge base', () => {
  it('gives no finding', async () => {
    expect(await lore.maintenance.diagnose()).toEqual({ findings: [], errors: 0, warnings: 0 });
  });
});

describe('servers', () => {
  it.each([
    ['maxmemory-policy', 'allkeys-lru', /may evict keys/],
    ['appendonly', 'no', /writes nothing to disk/],
    ['aof-use-rdb-preamble', 'no', /without the RDB preamble/],
  ])('whose %s is %s are set right', async (name, value, says) => {
    await knowledge().send(['CONFIG', 'SET', name, value]);
    await expectFixed('server settings', says);
  });

  it('that give no answer are reported, and the others are looked at', async () => {
    const settings = {
      connectTimeoutMs: 5_000,
      databases: { analytics: { url: 'redis://127.0.0.1:1/0' } },
    };
    const partly = openTestLore(redis, settings);
    await lore.databases.main.send(['HSET', 'session:stays', 'user_id', 'ada']);
    const { findings, errors } = await partly.maintenance.diagnose();
    expect(errors).toBe(1);
    expect(findings).toMatchObject([
      { check: 'databases', severity: 'error', what: 'The analytics database gives no answer.' },
      { check: 'time to live' },
    ]);
    const away = openTestLore(redis, { connectTimeoutMs: 200, redisUrl: 'redis://127.0.0.1:1' });
    expect(await away.maintenance.diagnose()).toMatchObject({ errors: 4 });
    await lore.databases.main.send(['UNLINK', 'session:stays']);
  });
});

describe('indexes', () => {
  it('that are lost are rebuilt', async () => {
    await knowledge().send(['FT.DROPINDEX', 'stacklore:index:docs:1']);
    await expectFixed('collection index', /Collection docs has no index/);
  });

  it('of another shape are rebuilt, and every chunk stays', async () => {
    const vector = [
      'embedding',
      'VECTOR',
      'FLAT',
      '6',
      'TYPE',
      'FLOAT32',
      'DIM',
      '8',
      'DISTANCE_METRIC',
      'L2',
    ];
    await knowledge().pipeline([
      ['FT.DROPINDEX', 'stacklore:index:docs:1'],
      [
        'FT.CREATE',
        'stacklore:index:docs:1',
        'PREFIX',
        '1',
        'llama_index/vector_store/docs/',
        'SCHEMA',
        ...vector,
      ],
      ['FT.ALIASADD', 'stacklore:live:docs', 'stacklore:index:docs:1'],
    ]);
    await expectFixed('collection index', /dim is 8, not 64.*distance_metric is L2/);
    expect((await lore.search({ query: 'lamp', collection: 'docs' })).hits).toHaveLength(2);
  });

  it('that lack the words of the chunks get them', async () => {
    const { manifest, index } = await lore.collections.get('docs');
    const dimensions = String(manifest.dimensions);
    const settings = ['TYPE', 'FLOAT32', 'DIM', dimensions, 'DISTANCE_METRIC', 'COSINE'];
    await knowledge().pipeline([
      ['FT.DROPINDEX', index],
      [
        ...['FT.CREATE', index, 'PREFIX', '1', 'llama_index/vector_store/docs/', 'STOPWORDS', '0', 'SCHEMA'],
        ...['embedding', 'VECTOR', 'FLAT', '6', ...settings],
      ],
      ['FT.ALIASADD', 'stacklore:live:docs', index],
    ]);
    await expectFixed('collection index', /docs lacks the words/);
    expect((await lore.search({ query: 'lamp', collection: 'docs', mode: 'text' })).hits).not.toEqual([]);
    // The other attributes were not there either: the next search makes all of it anew.
    await knowledge().send(['FT.DROPINDEX', index]);
    await lore.search({ query: 'lamp', collection: 'docs' });
  });

  it('of another program are left alone, and no longer searched by', async () => {
    await knowledge().pipeline([
      ['FT.CREATE', 'theirs', 'PREFIX', '1', 'llama_index/vector', 'SCHEMA', 'doc_id', 'TAG'],
      ['FT.ALIASUPDATE', 'stacklore:live:docs', 'theirs'],
    ]);
    await expectFixed('collection index', /it is theirs, not stacklore:index:docs:1/);
    expect(await find('foreign index')).toMatchObject([
      { severity: 'warning', what: expect.stringContaining('"llama_index/vector"'), isFixable: false },
    ]);
    await knowledge().send(['FT.DROPINDEX', 'theirs']);
  });

  it('of collections that are gone are dropped, those of records that cannot be read stay', async () => {
    const left = ['stacklore:index:gone:1', 'stacklore:index:unread:1'];
    for (const index of left) {
      await knowledge().send(['FT.CREATE', index, 'PREFIX', '1', 'left:', 'SCHEMA', 'doc_id', 'TAG']);
    }
    await knowledge().send(['HSET', 'stacklore:collection:unread', 'manifest', '{']);
    await expectFixed('leftover index', /Index stacklore:index:gone:1 is of a collection that is gone/);
    expect(await knowledge().send(['FT._LIST'])).toContain('stacklore:index:unread:1');
    await knowledge().pipeline([
      ['UNLINK', 'stacklore:collection:unread'],
      ['FT.DROPINDEX', 'stacklore:index:unread:1'],
    ]);
  });

  it('hold no ghosts of another database number, which --fix takes out', async () => {
    const other = openTestLore(redis, { databases: { prompts: { number: 1 } } }).databases.prompts;
    const embedding = await knowledge().send<Buffer>(['HGET', LAMP, 'embedding'], { buffers: true });
    const ghost = 'llama_index/vector_store/docs/ghost_chunk_0';
    await other.send(['HSET', ghost, 'doc_id', 'ghost', 'embedding', embedding]);
    await expectFixed('ghosts', /holds 1 keys.*ghost_chunk_0.*Numbers with keys: 0, 1/);
    expect(await other.send(['EXISTS', ghost])).toBe(1);
    await lore.addFact({ content: 'Piers are swept at dawn.', category: 'piers', source: 'pier.md' });
    await other.send(['HSET', 'fact:ghost', 'content', 'boo', 'category', 'piers']);
    await expectFixed('ghosts', /The index of facts holds 1 keys.*fact:ghost/);
    await other.send(['UNLINK', 'fact:ghost']);
    expect(await knowledge().send(['EXISTS', ghost])).toBe(0);
    await other.send(['UNLINK', ghost]);
  });

  it('get back the chunks that another database number took from them', async () => {
    const other = openTestLore(redis, { databases: { prompts: { number: 1 } } }).databases.prompts;
    await other.send(['HSET', PIER, 'doc_id', 'pier']);
    await other.send(['UNLINK', PIER]);
    await expectFixed('chunks', /1 chunks of collection docs are not in its index: .*pier_chunk_0/);
    expect((await lore.search({ query: 'pier', collection: 'docs' })).hits[0]?.docId).toBe('pier');
  });

  it('tell why they refuse a chunk, which a person corrects', async () => {
    await knowledge().send(['HSET', PIER, 'updated_at', 'soon']);
    expect(await find('chunks', { fix: true })).toMatchObject([
      { severity: 'error', what: expect.stringContaining("Invalid numeric value: 'soon'"), isFixed: false },
    ]);
    await knowledge().send(['HSET', PIER, 'updated_at', '1']);
    expect(await find('chunks')).toEqual([]);
  });
});

describe('records', () => {
  it('with a vector of the wrong length are named, for a person to ingest again', async () => {
    const embedding = await knowledge().send<Buffer>(['HGET', LAMP, 'embedding'], { buffers: true });
    await knowledge().send(['HSET', LAMP, 'embedding', 'abcd']);
    expect(await find('chunks', { fix: true })).toMatchObject([
      { what: expect.stringMatching(/no vector of 64 dimensions: .*lamp_chunk_0 \(1\)/), isFixable: false },
    ]);
    await knowledge().send(['HSET', LAMP, 'embedding', embedding]);
  });

  it('that do not belong together are told, and cleanup removes them', async () => {
    await knowledge().pipeline([
      ['COPY', LAMP, 'llama_index/vector_store/docs/gone_chunk_0'],
      ['HSET', 'llama_index/vector_store/docs/gone_chunk_0', 'doc_id', 'gone'],
      ['COPY', LAMP, 'llama_index/vector_store/docs/lamp_chunk_7'],
      ['COPY', LAMP, 'llama_index/vector_store/unknown/lamp_chunk_0'],
      ['HSET', 'doc:hollow:metadata', 'title', 'x', 'chunk_count', '1'],
      ['ZADD', 'index:documents', '1', 'hollow'],
    ]);
    expect((await find('chunks')).map(({ what }) => what)).toEqual([
      expect.stringMatching(/1 chunks belong to documents that are gone: .*gone_chunk_0/),
      expect.stringMatching(/2 chunks are not counted by their document/),
      expect.stringMatching(/1 chunks are in collections that stacklore does not know/),
    ]);
    expect(await find('empty documents')).toMatchObject([{ severity: 'warning', isFixable: false }]);
    await lore.maintenance.cleanup({ orphans: true, emptyDocuments: true });
    await knowledge().send([
      'UNLINK',
      'llama_index/vector_store/docs/lamp_chunk_7',
      'llama_index/vector_store/unknown/lamp_chunk_0',
    ]);
    expect(await lore.maintenance.diagnose()).toMatchObject({ findings: [] });
  });

  it('are entered in index:documents and taken from it', async () => {
    await knowledge().send(['ZREM', 'index:documents', 'lamp']);
    await expectFixed('document index', /1 documents are missing in index:documents: lamp/);
    const score = (await lore.documents.get('lamp')).updatedAt.getTime();
    expect(await knowledge().send(['ZSCORE', 'index:documents', 'lamp'])).toBe(
      String(Math.floor(score / 1_000)),
    );
    await knowledge().send(['ZREM', 'stacklore:documents:docs', 'pier']);
    await expectFixed('document index', /1 documents are missing in stacklore:documents:docs: pier/);
    await knowledge().send(['ZADD', 'index:documents', '1', 'gone']);
    await expectFixed(
      'document index',
      /1 entries of index:documents name documents that are gone or belong elsewhere: gone/,
    );
    expect(await knowledge().send(['ZRANGE', 'index:documents', '0', '-1'])).toEqual(
      expect.arrayContaining(['lamp', 'pier']),
    );
  });

  it('that have lost some of their chunks are named', async () => {
    await knowledge().send(['HSET', 'doc:lamp:metadata', 'chunk_count', '3']);
    expect(await find('missing chunks', { fix: true })).toMatchObject([
      { severity: 'error', what: '1 documents have lost chunks: lamp (1 of 3).', isFixable: false },
    ]);
    await knowledge().send(['HSET', 'doc:lamp:metadata', 'chunk_count', '1']);
    expect(await find('missing chunks')).toEqual([]);
  });

  it('of facts with a vector of the wrong length are named, and embedded again on demand', async () => {
    const { factId } = await lore.addFact({
      content: 'Lamps are lit at dusk.',
      category: 'lamps',
      source: 'lamp.md',
    });
    await knowledge().send(['HSET', `fact:${factId}`, 'embedding', 'abcdefgh']);
    expect(await find('facts')).toMatchObject([{ severity: 'error', what: expect.stringContaining('(2)') }]);
    await lore.embedFacts();
    expect(await find('facts')).toEqual([]);
  });

  it('without a time to live get the declared one', async () => {
    await lore.databases.main.send(['HSET', 'session:forever', 'user_id', 'ada']);
    await expectFixed('time to live', /1 keys of session have no time to live: session:forever/);
    const left = await lore.databases.main.send<number>(['TTL', 'session:forever']);
    expect(left).toBeGreaterThan(86_400 - 60);
    expect(left).toBeLessThanOrEqual(86_400);
    await lore.databases.analytics.send(['SET', 'counter:hits:1min', '1']);
    await expectFixed('time to live', /counter:hits:1min/);
  });

  it('of a wrong type are reported without a crash', async () => {
    await knowledge().pipeline([
      ['RENAME', 'index:documents', 'kept'],
      ['SET', 'index:documents', 'text'],
    ]);
    expect(await find('document index')).toMatchObject([
      { severity: 'error', what: expect.stringContaining('The check could not be made') },
    ]);
    expect(await find('time to live', { fix: true })).toMatchObject([
      {
        what: expect.stringContaining('hold another type than zset: index:documents (string)'),
        isFixable: false,
      },
    ]);
    await knowledge().send(['RENAME', 'kept', 'index:documents']);
    await knowledge().pipeline([
      ['ZADD', 'stacklore:collections', '1', 'broken'],
      ['HSET', 'stacklore:collection:broken', 'manifest', '{'],
    ]);
    expect(await lore.maintenance.diagnose()).toMatchObject({
      findings: [{ check: 'databases', what: expect.stringContaining('stacklore:collection:broken') }],
    });
    await knowledge().pipeline([
      ['ZREM', 'stacklore:collections', 'broken'],
      ['UNLINK', 'stacklore:collection:broken'],
    ]);
  });
});

describe('the verb', () => {
  const { run } = cliOn(redis);

  it('ends with 1 while an error remains, and with 0 when it is fixed or only warnings are left', async () => {
    await knowledge().send(['CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru']);
    const found = await run('doctor');
    expect(found.exitCode).toBe(1);
    expect(found.stdout).toMatch(
      /error: .*may evict keys.*\n {2}why: .*\n {2}fix: .*\(stacklore doctor --fix does it\)/,
    );
    const fixed = await run('doctor', '--fix', '--json');
    expect(fixed.exitCode).toBe(0);
    expect(jsonOf(fixed)).toMatchObject({
      errors: 0,
      findings: expect.arrayContaining([expect.objectContaining({ isFixed: true })]),
    });
    // The configured model is not the one these tests embed with.
    const rest = await run('doctor');
    expect(rest).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining('warning: Collection docs was made with model fake'),
    });
  });
});
