import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { CachedSearchOptions } from '../../src/search/cached-search.ts';
import type { SearchInput } from '../../src/search/request.ts';
import type { Stacklore } from '../../src/stacklore.ts';
import { FakeEmbedder } from '../support/fake-embedder.ts';
import { allKeys, openTestLore } from '../support/lore.ts';
import { usePrivateRedis } from '../support/redis.ts';
import { cliOn } from '../support/run-cli.ts';

const redis = usePrivateRedis();
const QUESTIONS = 'stacklore:cached-question:*';
/** The fake embedder does not see the order of words, so that these two are the same to it. */
const FIRST = 'where is the old lamp of the north hall kept';
const REORDERED = 'where is the north hall lamp of the old kept';
/** One word of nine is another. */
const NEAR = 'where is the old lamp of the south hall kept';

let lore: Stacklore;
let embedder: FakeEmbedder;

const store = (docId: string, text: string) =>
  lore.ingestTexts([{ text, source: `${docId}.md`, docId }], { collection: 'docs' });
const ask = (query: string, options: CachedSearchOptions = {}, more: Partial<SearchInput> = {}, by = lore) =>
  by.cachedSearch({ query, collection: 'docs', ...more }, { semantic: true, ...options });

beforeAll(() => {
  embedder = new FakeEmbedder();
  lore = openTestLore(redis, {}, { embedder });
});

beforeEach(async () => {
  if (await lore.collections.find('docs')) await lore.dropCollection('docs');
  await lore.maintenance.cleanup({ cache: true });
  await store('one', 'The lamp is lit.');
});

describe('a semantic cached search', () => {
  it('gives the answer of an earlier question that means the same, and says so', async () => {
    const first = await ask(FIRST);
    const second = await ask(REORDERED);
    expect(first).toMatchObject({ cached: false, hits: [{ docId: 'one' }] });
    expect(first).not.toHaveProperty('earlier');
    expect(second).toEqual({
      ...first,
      cached: true,
      earlier: { query: FIRST, similarity: expect.any(Number) },
    });
    expect(second.earlier?.similarity).toBeCloseTo(1, 5);
  });

  it('gives the answer of an equal question without a vector', async () => {
    await ask(FIRST);
    const embedded = embedder.embedded.length;
    const again = await ask(FIRST);
    expect(again.cached).toBe(true);
    expect(again).not.toHaveProperty('earlier');
    expect(embedder.embedded).toHaveLength(embedded);
  });

  it('embeds a question once for the look-up and the search', async () => {
    const before = embedder.embedded.length;
    await ask(FIRST);
    expect(embedder.embedded.length - before).toBe(1);
  });

  it('keeps to the threshold', async () => {
    await ask(FIRST);
    expect((await ask(NEAR)).cached).toBe(false);
    await lore.maintenance.cleanup({ cache: true });
    await ask(FIRST);
    const { cached, earlier } = await ask(NEAR, { semantic: { threshold: 0.8 } });
    expect(cached).toBe(true);
    expect(earlier?.query).toBe(FIRST);
    expect(earlier?.similarity).toBeGreaterThan(0.8);
    expect(earlier?.similarity).toBeLessThan(0.97);
  });

  it('gives the nearest of several', async () => {
    await ask(FIRST);
    await ask(NEAR);
    expect((await ask(REORDERED, { semantic: { threshold: 0.5 } })).earlier?.query).toBe(FIRST);
  });

  it('never takes a question with other numbers for the same', async () => {
    const options = { semantic: { threshold: 0.5 } };
    await ask('where is the lamp of hall L-11 kept', options);
    expect((await ask('where is the lamp of hall L-12 kept', options)).cached).toBe(false);
    expect((await ask('where is the lamp kept of hall l-11?', options)).cached).toBe(true);
  });

  it('is not asked by a plain cached search', async () => {
    await ask(FIRST);
    expect((await ask(REORDERED, { semantic: false })).cached).toBe(false);
    expect((await ask(FIRST, { semantic: false })).cached).toBe(true);
  });

  it('does not keep the answer of another question as that of this one', async () => {
    await ask(FIRST);
    await ask(REORDERED);
    expect((await ask(REORDERED, { semantic: false })).cached).toBe(false);
  });

  it('is shared by searches with the same options only', async () => {
    await ask(FIRST);
    expect((await ask(REORDERED, {}, { topK: 3 })).cached).toBe(false);
    expect((await ask(REORDERED, {}, { mode: 'vector' })).cached).toBe(false);
    expect((await ask(REORDERED, {}, { filter: { docId: 'one' } })).cached).toBe(false);
  });

  it('is shared between programs', async () => {
    await ask(FIRST);
    const another = openTestLore(redis, {}, { embedder: new FakeEmbedder() });
    expect((await ask(REORDERED, {}, {}, another)).cached).toBe(true);
  });

  it('answers many at once while the index of questions is made', async () => {
    await lore.databases.knowledge.send(['FT.DROPINDEX', 'stacklore:cached-questions:64']);
    const answers = await Promise.all(Array.from({ length: 16 }, () => ask(FIRST)));
    expect(answers.filter(({ cached }) => !cached)).toHaveLength(1);
    expect((await ask(REORDERED)).earlier?.query).toBe(FIRST);
  });
});

describe('a scope', () => {
  it('keeps answers apart, equal questions and similar ones', async () => {
    await ask(FIRST, { scope: 'ada' });
    expect((await ask(FIRST, { scope: 'bob' })).cached).toBe(false);
    await lore.maintenance.cleanup({ cache: true });
    await ask(FIRST, { scope: 'ada' });
    expect((await ask(REORDERED, { scope: 'bob' })).cached).toBe(false);
    expect((await ask(REORDERED, { scope: 'ada' })).cached).toBe(true);
  });

  it('keeps answers apart without semantic too, and from those without a scope', async () => {
    const plain = (scope?: string) => ask(FIRST, { semantic: false, ...(scope !== undefined && { scope }) });
    await plain('');
    expect((await plain()).cached).toBe(false);
    expect((await plain('ada')).cached).toBe(false);
    expect((await plain('')).cached).toBe(true);
  });
});

describe('an answer is out of reach', () => {
  it('after a publish and after a delete', async () => {
    await ask(FIRST);
    await store('two', 'Another lamp.');
    const published = await ask(REORDERED);
    expect(published.cached).toBe(false);
    expect(published.hits.map(({ docId }) => docId).sort()).toEqual(['one', 'two']);
    await lore.documents.delete('two');
    expect((await ask(FIRST)).cached).toBe(false);
  });

  it('once the cache is cleared, although the question is still there', async () => {
    await ask(FIRST);
    await lore.responseCache.clear();
    expect(await allKeys(lore.databases.knowledge, QUESTIONS)).toHaveLength(1);
    expect((await ask(REORDERED)).cached).toBe(false);
  });

  it('when its time is over', async () => {
    await ask(FIRST, { ttlSeconds: 1 });
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    expect((await ask(REORDERED)).cached).toBe(false);
  });
});

describe('the questions that are kept', () => {
  it('go when their answers go', async () => {
    await ask(FIRST, { ttlSeconds: 20 });
    const [key = ''] = await allKeys(lore.databases.knowledge, QUESTIONS);
    expect(Number(await lore.databases.knowledge.send(['TTL', key]))).toBeGreaterThan(10);
    expect(Number(await lore.databases.knowledge.send(['TTL', key]))).toBeLessThanOrEqual(20);
  });

  it('are a family of the key analysis, without a complaint of doctor', async () => {
    await ask(FIRST);
    const { findings } = await lore.maintenance.diagnose();
    expect(JSON.stringify(findings)).not.toContain('cached-question');
    const { families, unknown } = await lore.maintenance.analyseKeys({ databases: ['knowledge'] });
    expect(families).toContainEqual(expect.objectContaining({ family: 'cached question', keys: 1 }));
    expect(JSON.stringify(unknown)).not.toContain('cached-question');
  });

  it('are removed with the cache', async () => {
    await ask(FIRST);
    const { cache } = await lore.maintenance.cleanup({ cache: true, dryRun: true });
    expect(cache).toMatchObject({
      ...{
        count: 2,
        examples: [expect.any(String), expect.stringMatching(/^stacklore:cached-question:64:/)],
      },
    });
    expect(await lore.maintenance.cleanup({ cache: true })).toMatchObject({ total: 2 });
    expect(await allKeys(lore.databases.knowledge, QUESTIONS)).toEqual([]);
  });

  it('are in no backup', async () => {
    await ask(FIRST);
    const { archives } = await lore.maintenance.backup({ databases: ['knowledge'], folder: redis.dir });
    await lore.maintenance.cleanup({ cache: true });
    await lore.maintenance.restore({ file: archives[0]?.path ?? '', existing: 'replace' });
    expect(await allKeys(lore.databases.knowledge, QUESTIONS)).toEqual([]);
  });

  it('do not keep an answer from its caller when they cannot be written', async () => {
    await ask(FIRST);
    const [key = ''] = await allKeys(lore.databases.knowledge, QUESTIONS);
    await lore.maintenance.cleanup({ cache: true });
    await lore.databases.knowledge.send(['SET', key, 'of another program']);
    const { hits, warnings } = await ask(FIRST);
    await lore.databases.knowledge.send(['UNLINK', key]);
    expect(hits).toHaveLength(1);
    expect(warnings).toEqual([expect.stringContaining('will not get this answer')]);
  });

  it('are none for an answer that is not kept', async () => {
    const small = openTestLore(redis, { responseCache: { maxBodyBytes: 10 } }, { embedder });
    await ask(FIRST, {}, {}, small);
    expect((await ask(REORDERED, {}, {}, small)).cached).toBe(false);
  });
});

describe('without the main database', () => {
  it('the search still answers', async () => {
    const settings = { connectTimeoutMs: 300, databases: { main: { url: 'redis://127.0.0.1:1' } } };
    const alone = openTestLore(redis, settings, { embedder });
    expect(await ask(FIRST, {}, {}, alone)).toMatchObject({ cached: false, hits: [{ docId: 'one' }] });
    expect(await ask(REORDERED, {}, {}, alone)).toMatchObject({ cached: false, hits: [{ docId: 'one' }] });
  });
});

describe('what cannot be used is refused', () => {
  it.each([
    [{ query: FIRST, vector: new Float32Array(64).fill(1) }, { semantic: true }],
    [{ vector: new Float32Array(64).fill(1) }, { semantic: true }],
    [{ queries: [FIRST, NEAR] }, { semantic: true }],
    [{ query: FIRST, cursor: true }, { semantic: true }],
    [{ query: FIRST }, { semantic: { threshold: 1.1 } }],
    [{ query: FIRST }, { semantic: 0.9 }],
    [{ query: FIRST }, { scope: 3 }],
    [{ query: FIRST }, { ttlSeconds: '3' }],
    [{ query: FIRST }, { ttl: 3 }],
  ])('%o with %o', async (request, options) => {
    const call = lore.cachedSearch(
      { collection: 'docs', ...request } as SearchInput,
      options as CachedSearchOptions,
    );
    await expect(call).rejects.toMatchObject({ code: 'invalid_input' });
  });
});

describe('the flags', () => {
  const { run } = cliOn(redis);

  it('refuse a threshold that is none', async () => {
    for (const threshold of ['near', '2']) {
      const refused = await run('search', 'lamp', '--collection', 'docs', '--semantic-cache', threshold);
      expect(refused).toMatchObject({ exitCode: 2, stdout: '' });
    }
  });
});
