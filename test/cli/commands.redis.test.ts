import { beforeAll, describe, expect, it } from 'vitest';
import type { Stacklore } from '../../src/stacklore.ts';
import { openTestLore } from '../support/lore.ts';
import { usePrivateRedis } from '../support/redis.ts';
import { cliOn, jsonOf, runCli } from '../support/run-cli.ts';

const redis = usePrivateRedis();
let lore: Stacklore;

const { run, json } = cliOn(redis);
const store = (docId: string, collection: string) =>
  lore.ingestTexts([{ text: `# ${docId}\n\nAll about ${docId}.`, source: `${docId}.md`, docId }], {
    collection,
  });

beforeAll(async () => {
  lore = openTestLore(redis);
  await store('lamp', 'docs');
  await store('pier', 'docs');
});

describe('collections', () => {
  it('are created with fields, shown, extended, listed and dropped', async () => {
    const created = await json(
      'collections',
      'create',
      'made',
      '--dimensions',
      '4',
      '--fields',
      'lang,year:number',
    );
    expect(created).toMatchObject({
      name: 'made',
      manifest: {
        dimensions: 4,
        fields: [
          { name: 'lang', type: 'tag' },
          { name: 'year', type: 'number' },
        ],
      },
    });
    expect(await json('collections', 'add-field', 'made', 'owner:tag')).toMatchObject({
      manifest: { fields: [{ name: 'lang' }, { name: 'year' }, { name: 'owner', type: 'tag' }] },
    });
    expect(await json('collections', 'info', 'made')).toMatchObject({
      name: 'made',
      status: { documents: 0, indexState: 'ready' },
    });
    expect(await json('collections', 'list')).toMatchObject({
      collections: expect.arrayContaining([expect.objectContaining({ name: 'made', dimensions: 4 })]),
    });
    expect(await json('collections', 'drop', 'made', '--yes')).toEqual({ collection: 'made', deleted: 0 });
    expect((await run('collections', 'info', 'made')).exitCode).toBe(1);
  });

  it('are not dropped without --yes, which says what would go', async () => {
    const { exitCode, stderr } = await run('collections', 'drop', 'docs');
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(/Nothing was deleted\. Dropping "docs" deletes 2 documents.*--yes/);
    expect(await lore.documents.count('docs')).toBe(2);
  });

  it('are not created twice', async () => {
    const { exitCode, stderr } = await run('collections', 'create', 'docs', '--dimensions', '4');
    expect(exitCode).toBe(1);
    expect(stderr).toContain('exists already');
  });

  it.each([
    ['no/name', '1 to 64 letters'],
    ['other --chunk-size 16 --overlap 16', 'overlap (16) must be smaller'],
    ['other --m 1', 'm: '],
    ['other --dimensions 0', 'dimensions: '],
  ])('are refused as "%s"', async (args, says) => {
    const given = args.includes('--dimensions') ? [] : ['--dimensions', '4'];
    const { exitCode, stderr } = await run('collections', 'create', ...args.split(' '), ...given);
    expect(stderr).toContain(says);
    expect(exitCode).toBe(2);
    expect(await lore.collections.find('other')).toBeUndefined();
  });

  it.each([
    ['collections info nowhere'],
    ['collections drop nowhere --yes'],
    ['collections add-field nowhere lang:tag'],
    ['docs list --collection nowhere'],
    ['search lamp --collection nowhere'],
    ['context lamp --collection docs --collection nowhere'],
  ])('that do not exist end "%s" with exit code 1', async (line) => {
    const text = await run(...line.split(' '));
    expect(text).toMatchObject({ exitCode: 1, stdout: '' });
    expect(text.stderr).toMatch(
      /^stacklore: There is no collection "nowhere"\. See stacklore collections list/,
    );
    const asJson = await run(...line.split(' '), '--json');
    expect(jsonOf(asJson)).toMatchObject({ error: { code: 'not_found' } });
  });
});

describe('documents', () => {
  it('are listed by title, source and type, and from where a page ended', async () => {
    const list = (...flags: string[]) => json('docs', 'list', '--collection', 'docs', ...flags);
    const all = (await list()) as { items: { docId: string; title: string; contentType: string }[] };
    const [first, second] = all.items;
    expect(await list('--title', `${first?.title}`.toUpperCase(), '--limit', '1')).toMatchObject({
      items: [{ docId: first?.docId }],
    });
    expect(await list('--source', 'no such source')).toMatchObject({ items: [], isTotalExact: true });
    expect(await list('--content-type', `${first?.contentType}`)).toMatchObject({ total: all.items.length });
    const page = (await list('--limit', '1')) as { next?: string };
    expect(await list('--after', page.next ?? '')).toMatchObject({ items: [{ docId: second?.docId }] });
    const refused = await run('docs', 'list', '--collection', 'docs', '--after', 'nowhere');
    expect(refused).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('Leave it out') });
  });

  it('are listed page by page', async () => {
    expect(await json('docs', 'list', '--collection', 'docs', '--limit', '1')).toMatchObject({
      total: 2,
      items: [{ docId: expect.stringMatching(/lamp|pier/), chunkCount: 1 }],
    });
    expect(await json('docs', 'list', '--collection', 'docs', '--offset', '2')).toMatchObject({ items: [] });
  });

  it('are shown with their chunks', async () => {
    expect(await json('docs', 'show', 'lamp')).toMatchObject({
      ...{ docId: 'lamp', source: 'lamp.md', collection: 'docs' },
      chunks: [{ chunkId: 'lamp_chunk_0', text: expect.stringContaining('All about lamp.') }],
    });
    expect((await run('docs', 'show', 'lamp')).stdout).toContain('--- lamp_chunk_0\n');
  });

  it.each([
    ['show', 'nobody', 1, 'no document "nobody"'],
    ['show', '', 2, 'is empty'],
    ['show', 'x\u0000y', 2, 'control character'],
    ['show', 'x'.repeat(600), 2, 'longer than 512 bytes'],
    ['delete', 'nobody', 1, 'no document "nobody"'],
  ])('that do not exist or cannot: %s %j', async (command, docId, exitCode, says) => {
    const result = await run('docs', command, docId);
    expect(result).toMatchObject({ exitCode, stdout: '' });
    expect(result.stderr).toContain(says);
  });

  it('of another collection are not shown and not deleted where one is named', async () => {
    await store('mine', 'own');
    expect(await json('docs', 'show', 'mine', '--collection', 'own')).toMatchObject({ docId: 'mine' });
    for (const command of ['show', 'delete']) {
      expect(await run('docs', command, 'mine', '--collection', 'docs')).toMatchObject({
        exitCode: 1,
        stderr: expect.stringContaining('no document "mine" in collection "docs", but one in "own"'),
      });
    }
    expect(await json('docs', 'delete', 'mine', '--collection', 'own')).toEqual({ deleted: ['mine'] });
  });

  it('are deleted all or not at all', async () => {
    await store('first', 'deleting');
    await store('second', 'deleting');
    expect((await run('docs', 'delete', 'first', 'nobody')).exitCode).toBe(1);
    expect(await lore.documents.count('deleting')).toBe(2);
    expect(await json('docs', 'delete', 'first', 'second', 'first')).toEqual({
      deleted: ['first', 'second'],
    });
    expect(await lore.documents.count('deleting')).toBe(0);
  });
});

it('says how the server is', async () => {
  expect(await json('status')).toMatchObject({
    server: { version: expect.stringMatching(/^\d+\./), embedded: false },
    databases: { knowledge: { keys: expect.any(Number) } },
    collections: expect.arrayContaining([expect.objectContaining({ name: 'docs', documents: 2 })]),
  });
  expect((await run('status')).stdout).toMatch(/^docs +2 +2 +ready/m);
});

it('names and deletes a document whose record has a wrong type, or cannot be read', async () => {
  const { knowledge } = lore.databases;
  await store('stringy', 'spoilt');
  await store('numberless', 'spoilt');
  await store('sound', 'spoilt');
  await knowledge.send(['SET', 'doc:stringy:metadata', 'text']);
  await knowledge.send(['HSET', 'doc:numberless:metadata', 'word_count', 'many']);
  for (const docId of ['stringy', 'numberless']) {
    expect(await run('docs', 'show', docId)).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining(`The record at "doc:${docId}:metadata" cannot be used`),
    });
  }
  const listed = await run('docs', 'list', '--collection', 'spoilt');
  expect(listed).toMatchObject({
    exitCode: 0,
    stdout: expect.stringMatching(/^sound .*1 of 3 documents$/ms),
  });
  expect(listed.stderr).toContain('Note: stringy cannot be read: ');
  expect(listed.stderr).toContain('Note: numberless cannot be read: ');
  expect(await json('docs', 'list', '--collection', 'spoilt')).toMatchObject({
    ...{ total: 3, items: [{ docId: 'sound' }] },
    unreadable: expect.arrayContaining([
      { docId: 'stringy', key: 'doc:stringy:metadata', problem: expect.stringContaining('not a hash') },
    ]),
  });
  const named = await run('docs', 'delete', 'stringy', '--collection', 'spoilt');
  expect(named).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('cannot be used') });
  expect(await json('docs', 'delete', 'stringy', 'numberless')).toEqual({
    deleted: ['stringy', 'numberless'],
  });
  expect((await lore.documents.list('spoilt')).items).toMatchObject([{ docId: 'sound' }]);
  expect((await run('docs', 'show', 'stringy')).stderr).toContain('There is no document "stringy"');
});

it('says that an index was lost', async () => {
  await store('wreck', 'wrecks');
  await lore.databases.knowledge.send(['FT.DROPINDEX', 'stacklore:index:wrecks:1']);
  expect((await run('status')).stdout).toMatch(/^wrecks +1 +unknown +lost/m);
  expect((await run('collections', 'list')).stdout).toMatch(/^wrecks +1 +unknown +lost/m);
  expect((await run('collections', 'info', 'wrecks')).stdout).toContain('chunks unknown, index lost');
});

it('says what of the databases cannot be reached, and how the rest is', async () => {
  const env = {
    STACKLORE_HOME: `${redis.dir}/home`,
    REDIS_URL: redis.url,
    STACKLORE_ANALYTICS_URL: `unix:${redis.dir}/nobody.sock`,
    STACKLORE_CONNECT_TIMEOUT_MS: '2000',
  };
  const status = await runCli(['status', '--json'], { env });
  expect(status.exitCode).toBe(3);
  expect(jsonOf(status)).toMatchObject({
    databases: {
      knowledge: { keys: expect.any(Number) },
      analytics: { error: { code: 'database_unreachable', message: expect.any(String) } },
    },
  });
  expect((await runCli(['status'], { env })).stdout).toMatch(/analytics not reached: /);
});

it.each(['list', 'info docs'])('asks the knowledge database only for "collections %s"', async (line) => {
  const env = {
    STACKLORE_HOME: `${redis.dir}/home`,
    STACKLORE_KNOWLEDGE_URL: redis.url,
    REDIS_URL: `unix:${redis.dir}/nobody.sock`,
    // Longer than the test may take: any other database that is asked shows.
    STACKLORE_CONNECT_TIMEOUT_MS: '60000',
  };
  expect(await runCli(['collections', ...line.split(' ')], { env })).toMatchObject({ exitCode: 0 });
});

it('lists what can be read beside a collection that cannot, and names that with the reason', async () => {
  await store('odd', 'odd');
  const key = 'stacklore:collection:odd';
  const manifest = JSON.parse(await lore.databases.knowledge.send<string>(['HGET', key, 'manifest']));
  const newer = JSON.stringify({ ...manifest, quantisation: 'int4' });
  await lore.databases.knowledge.send(['HSET', key, 'manifest', newer]);
  const unreadable = [{ name: 'odd', key, problem: expect.stringContaining('newer version') }];
  const docs = expect.objectContaining({ name: 'docs', documents: 2 });
  for (const line of ['collections list', 'status']) {
    const { exitCode, stdout } = await run(...line.split(' '));
    expect([exitCode, stdout]).toEqual([0, expect.stringMatching(/^docs +2 /m)]);
    expect(stdout).toMatch(/^unreadable odd: .*written by a newer version of stacklore/m);
  }
  expect(await json('collections', 'list')).toEqual({
    collections: expect.arrayContaining([docs]),
    unreadable,
  });
  expect(await json('status')).toMatchObject({
    collections: expect.arrayContaining([docs]),
    unreadableCollections: unreadable,
  });
  expect((await run('keys')).exitCode).toBe(0);
  const info = await run('collections', 'info', 'odd');
  expect([info.exitCode, info.stderr]).toEqual([1, expect.stringContaining('newer version')]);
  await lore.databases.knowledge.send(['HSET', key, 'manifest', JSON.stringify(manifest)]);
});

it('says which stored values a new field leaves out', async () => {
  await lore.ingestTexts([{ text: 'old', source: 'old.md', docId: 'old', metadata: { year: 'abc' } }], {
    collection: 'dated',
  });
  const { exitCode, stderr } = await run('collections', 'add-field', 'dated', 'year:number');
  expect(exitCode).toBe(0);
  expect(stderr).toMatch(/^Note: .*"year"/);
});

it.each([
  ['prompts export', ['prompts', 'export', '/proc/stacklore']],
  ['backup', ['backup', 'main', '--to', '/proc/stacklore']],
])('%s says that a folder cannot be made, and ends', async (_verb, args) => {
  await lore.systemPrompts.save('somebody', { content: 'You answer.' });
  const { exitCode, stdout, stderr } = await run(...args);
  expect(exitCode).toBe(1);
  expect(stdout + stderr).toContain('there is no such file or folder: /proc/stacklore');
});
