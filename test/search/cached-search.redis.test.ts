import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ConfigInput } from '../../src/config.ts';
import type { SearchInput } from '../../src/search/request.ts';
import type { Stacklore } from '../../src/stacklore.ts';
import { FakeEmbedder } from '../support/fake-embedder.ts';
import { allKeys, openTestLore } from '../support/lore.ts';
import { usePrivateRedis } from '../support/redis.ts';
import { cliOn } from '../support/run-cli.ts';

const redis = usePrivateRedis();
const mainServer = usePrivateRedis();
let lore: Stacklore;
let embedder: FakeEmbedder;

/** Main and knowledge on servers of their own. */
const apart = (): ConfigInput => ({ databases: { main: { url: mainServer.url } } });
const store = (docId: string, text: string, collection = 'docs', by = lore) =>
  by.ingestTexts([{ text, source: `${docId}.md`, docId }], { collection });
const ask = (more: Partial<SearchInput> = {}, by = lore) =>
  by.cachedSearch({ query: 'lamp', collection: 'docs', ...more });
const texts = ({ hits }: { hits: readonly { text: string }[] }) => hits.map(({ text }) => text).sort();

beforeAll(() => {
  embedder = new FakeEmbedder();
  lore = openTestLore(redis, apart(), { embedder });
});

beforeEach(async () => {
  if (await lore.collections.find('docs')) await lore.dropCollection('docs');
  await lore.responseCache.clear();
  await store('one', 'The lamp is lit.');
});

describe('a cached search', () => {
  it('gives the same answer again without searching, on the main server only', async () => {
    const first = await ask();
    const embedded = embedder.embedded.length;
    const second = await ask();
    expect(first).toMatchObject({ cached: false, hits: [{ docId: 'one', text: 'The lamp is lit.' }] });
    expect(second).toEqual({ ...first, cached: true });
    expect(embedder.embedded).toHaveLength(embedded);
    expect(await allKeys(lore.databases.knowledge, 'cache:*')).toEqual([]);
    expect(await allKeys(lore.databases.main, 'cache:*')).toEqual([
      expect.stringMatching(/^cache:api:search:[0-9a-f]{32}$/),
    ]);
  });

  it('gives what an uncached one gives', async () => {
    const { cached: _, ...answer } = await ask();
    expect(answer).toEqual(await lore.search({ query: 'lamp', collection: 'docs' }));
  });

  it('is shared by equal requests only', async () => {
    await ask();
    expect((await ask({ topK: 10, collection: 'docs' })).cached).toBe(true);
    expect((await ask({ topK: 3 })).cached).toBe(false);
    expect((await ask({ query: 'lamps' })).cached).toBe(false);
    const vector = new FakeEmbedder().dimensions;
    const near = { query: undefined, vector: new Float32Array(vector).fill(1) };
    const far = { query: undefined, vector: new Float32Array(vector).fill(1).fill(2, 0, 1) };
    expect((await ask(near as Partial<SearchInput>)).cached).toBe(false);
    expect((await ask({ ...near, vector: Array(vector).fill(1) } as Partial<SearchInput>)).cached).toBe(true);
    expect((await ask(far as Partial<SearchInput>)).cached).toBe(false);
  });

  it('is not taken from a program with another model', async () => {
    await ask();
    const other = openTestLore(redis, apart(), {
      embedder: new FakeEmbedder({ model: { name: 'fake/other' } }),
    });
    await expect(ask({}, other)).rejects.toMatchObject({ code: 'manifest_mismatch' });
  });

  it('is carried out once for many at once, of several programs', async () => {
    const before = embedder.embedded.length;
    const another = openTestLore(redis, apart(), { embedder });
    const answers = await Promise.all(
      Array.from({ length: 64 }, (_, at) => ask({}, at % 2 ? lore : another)),
    );
    expect(answers.filter(({ cached }) => !cached)).toHaveLength(1);
    expect(embedder.embedded.length - before).toBe(1);
  });

  it('is kept as long as asked for', async () => {
    await lore.cachedSearch({ query: 'lamp', collection: 'docs' }, { ttlSeconds: 20 });
    const [key = ''] = await allKeys(lore.databases.main, 'cache:*');
    expect(Number(await lore.databases.main.send(['TTL', key]))).toBeLessThanOrEqual(20);
  });

  it('refuses what a search refuses, and keeps no error', async () => {
    await expect(ask({ collection: 'nowhere' })).rejects.toMatchObject({ code: 'not_found' });
    await expect(ask({ topK: 0 })).rejects.toMatchObject({ code: 'invalid_input' });
    await expect(ask({ filter: { unknown: 1 } })).rejects.toMatchObject({ code: 'invalid_filter' });
    expect(await allKeys(lore.databases.main, '*cache*:api:search*')).toEqual([]);
  });
});

describe('a stale answer is out of reach at once', () => {
  it('after a publish, also of another program', async () => {
    await ask();
    const another = openTestLore(redis, apart(), { embedder: new FakeEmbedder() });
    await store('two', 'Another lamp.', 'docs', another);
    const answer = await ask();
    expect(answer.cached).toBe(false);
    expect(texts(answer)).toEqual(['Another lamp.', 'The lamp is lit.']);
    expect((await ask()).cached).toBe(true);
  });

  it('after a document got another text', async () => {
    await ask();
    await store('one', 'The lamp is out.');
    expect(texts(await ask())).toEqual(['The lamp is out.']);
  });

  it('after a delete', async () => {
    await ask();
    await lore.documents.delete('one');
    expect(await ask()).toMatchObject({ cached: false, hits: [] });
  });

  it('after the collection was dropped, and made again', async () => {
    await ask();
    await lore.dropCollection('docs');
    await expect(ask()).rejects.toMatchObject({ code: 'not_found' });
    await store('one', 'A new lamp.');
    const answer = await ask();
    expect(answer.cached).toBe(false);
    expect(texts(answer)).toEqual(['A new lamp.']);
  });

  it('after a field became filterable', async () => {
    await lore.ingestTexts([{ text: 'A lamp.', source: 'f.md', docId: 'f', metadata: { lang: 'en' } }], {
      collection: 'docs',
    });
    const { version } = await lore.collections.get('docs');
    await lore.addFields('docs', [{ name: 'lang', type: 'tag' }]);
    expect((await lore.collections.get('docs')).version).toBeGreaterThan(version);
    expect(texts(await ask({ filter: { lang: 'en' } }))).toEqual(['A lamp.']);
  });

  it('when one of several collections changed', async () => {
    await store('three', 'A third lamp.', 'more');
    const both = { collection: undefined, collections: ['docs', 'more'] } as unknown as Partial<SearchInput>;
    await ask(both);
    expect((await ask(both)).cached).toBe(true);
    await store('four', 'A fourth lamp.', 'more');
    expect(texts(await ask(both))).toContain('A fourth lamp.');
    expect((await ask()).cached).toBe(false);
  });

  it('when a search began before the publish and ended after it', async () => {
    let open = () => {};
    const opened = new Promise<void>((resolve) => {
      open = resolve;
    });
    let isReached = () => {};
    const reached = new Promise<void>((resolve) => {
      isReached = resolve;
    });
    const slow = new FakeEmbedder({
      onText: async (text) => {
        if (text !== 'slow lamp') return;
        isReached();
        await opened;
      },
    });
    const slowLore = openTestLore(redis, apart(), { embedder: slow });
    const early = ask({ query: 'slow lamp' }, slowLore);
    await reached;
    await store('two', 'Another lamp.');
    const late = await ask({ query: 'slow lamp' });
    open();
    await early;
    expect(late.cached).toBe(false);
    expect(texts(await ask({ query: 'slow lamp' }))).toEqual(['Another lamp.', 'The lamp is lit.']);
  });
});

describe('without the main database', () => {
  const settings = (whenAway?: 'throw'): ConfigInput => ({
    ...{ connectTimeoutMs: 300, databases: { main: { url: 'redis://127.0.0.1:1' } } },
    ...(whenAway && { responseCache: { whenAway } }),
  });

  it('the search still answers', async () => {
    const alone = openTestLore(redis, settings());
    expect(await ask({}, alone)).toMatchObject({ cached: false, hits: [{ docId: 'one' }] });
    expect(await ask({}, alone)).toMatchObject({ cached: false, hits: [{ docId: 'one' }] });
  });

  it('it fails where that is wanted', async () => {
    const alone = openTestLore(redis, settings('throw'));
    await expect(ask({}, alone)).rejects.toMatchObject({ code: 'database_unreachable' });
  });
});

describe('the verbs', () => {
  const { run, json } = cliOn(mainServer);

  it('show, count and forget answers', async () => {
    await lore.responseCache.save({ endpointName: 'health' }, { status: 'ok' }, { ttlSeconds: 60 });
    await lore.responseCache.save({ endpoint: 'GET /x', params: { a: 1, b: 2 } }, [1]);
    expect(await json('cache', 'get', '--endpoint-name', 'health')).toMatchObject({
      ...{ key: 'cache:api:health:default', value: { status: 'ok' } },
    });
    expect(await json('cache', 'get', '--endpoint', 'GET /x', '--params', '{"b":2,"a":1}')).toMatchObject({
      value: [1],
    });
    expect(await json('cache', 'stats')).toMatchObject({ entries: 2 });
    expect((await run('cache', 'stats')).stdout).toMatch(/hits, .* 2 answers kept/);
    expect(await json('cache', 'invalidate', '--endpoint-name', 'health')).toEqual({ removed: 1 });
    expect(await run('cache', 'get', '--endpoint-name', 'health')).toMatchObject({ exitCode: 1 });
    const refused = await run('cache', 'clear');
    expect(refused).toMatchObject({ exitCode: 2 });
    expect(refused.stderr).toContain('Nothing was deleted. 1 cached answers');
    expect(await json('cache', 'clear', '--yes')).toEqual({ removed: 1 });
  });

  it.each([
    ['cache get'],
    ['cache get --endpoint a --endpoint-name b'],
    ['cache get --endpoint-name a --params {'],
    ['cache invalidate'],
    ['ratelimit hit c'],
    ['ratelimit hit c search --limit -1'],
    ['ratelimit hit c search --window 0'],
  ])('refuse "%s"', async (line) => {
    expect(await run(...line.split(' '))).toMatchObject({ exitCode: 2, stdout: '' });
  });

  it('count, show and reset requests of clients', async () => {
    const rate = ['--limit', '1', '--window', '30'];
    expect(await json('ratelimit', 'hit', 'c', 'search', ...rate)).toMatchObject({
      allowed: true,
      remaining: 0,
    });
    expect(await json('ratelimit', 'show', 'c', 'search', ...rate)).toMatchObject({
      allowed: false,
      resetSeconds: 30,
    });
    expect(await run('ratelimit', 'hit', 'c', 'search', ...rate)).toMatchObject({
      exitCode: 1,
      stdout: expect.stringContaining('refused: 0 of 1 left, the window ends in'),
    });
    expect(await json('ratelimit', 'reset', 'c', 'search')).toMatchObject({ removed: true });
    expect(await json('ratelimit', 'show', 'c', 'search', ...rate)).toMatchObject({
      allowed: true,
      remaining: 1,
    });
  });
});
