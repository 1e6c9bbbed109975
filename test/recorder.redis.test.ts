import { readdirSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { openStacklore, type Stacklore } from '../src/stacklore.ts';
import { FakeEmbedder } from './support/fake-embedder.ts';
import { allKeys } from './support/lore.ts';
import { usePrivateRedis } from './support/redis.ts';
import { temporaryFolder } from './support/temporary-folder.ts';

const redis = usePrivateRedis();
const DAY = /^\d{4}-\d{2}-\d{2}$/;

/** Does its work with a Stacklore of its own, closed before what it recorded is looked at. */
async function withLore(work: (lore: Stacklore) => Promise<unknown>, settings = {}): Promise<void> {
  const lore = openStacklore(redis.config(settings), { env: {}, embedder: new FakeEmbedder() });
  await work(lore).finally(() => lore.close());
}

/** Today's total of a metric. */
async function measured(lore: Stacklore, service: string, metricName: string) {
  const from = new Date(Date.now() - 86_400_000);
  return (await lore.metrics.range(service, metricName, { from, resolution: 'day' })).total;
}

async function usedBy(lore: Stacklore, userId: string) {
  return (await lore.usage.rangeOfUser(userId, { from: new Date(Date.now() - 86_400_000) })).total;
}

beforeAll(async () => {
  await withLore(async (lore) => {
    await lore.ingestTexts([{ text: '# Lamp\n\nAll about lamps.', source: 'lamp.md' }], { userId: 'writer' });
    await lore.search({ query: 'lamps' });
    await lore.search({ query: 'lamps', userId: 'ada' });
    await lore.context({ query: 'lamps', userId: 'ada' });
    await lore.cachedSearch({ query: 'lamps', userId: 'ada' });
    await lore.cachedSearch({ query: 'lamps', userId: 'bob' });
  });
});

describe('the recorder', () => {
  it('counts and times searches of facts, found or refused, by user', async () => {
    await withLore(async (lore) => {
      await lore.addFact({ content: 'Lamps are lit at dusk.' });
      await lore.searchFacts({ query: 'when are lamps lit?', userId: 'fay' });
      await lore.searchFacts({ query: '', userId: 'fay' }).catch(() => undefined);
    });
    await withLore(async (lore) => {
      expect(await usedBy(lore, 'fay')).toMatchObject({ requests: 2, kbQueries: 2 });
      expect(await measured(lore, 'search_facts', 'latency_ms')).toMatchObject({ count: 1 });
      expect(await measured(lore, 'search_facts', 'hits')).toMatchObject({ count: 1, sum: 1 });
    });
  });

  it('counts queries by user', async () => {
    await withLore(async (lore) => {
      expect(await usedBy(lore, 'ada')).toMatchObject({ requests: 3, kbQueries: 3, llmCalls: 0 });
      expect(await usedBy(lore, 'bob')).toMatchObject({ requests: 1, kbQueries: 1 });
      expect(await usedBy(lore, 'anonymous')).toMatchObject({ requests: 1, kbQueries: 1 });
      expect(await usedBy(lore, 'writer')).toMatchObject({ requests: 1, kbQueries: 0 });
    });
  });

  it('times searches, contexts and ingests', async () => {
    await withLore(async (lore) => {
      expect(await measured(lore, 'search', 'latency_ms')).toMatchObject({ count: 2 });
      expect(await measured(lore, 'search', 'hits')).toMatchObject({ count: 2, sum: 2 });
      expect(await measured(lore, 'cached_search', 'latency_ms')).toMatchObject({ count: 2 });
      expect(await measured(lore, 'context', 'tokens')).toMatchObject({ count: 1 });
      expect(await measured(lore, 'ingest', 'documents')).toMatchObject({ count: 1, sum: 1 });
    });
  });

  it('gives equal searches of different users one cached answer', async () => {
    await withLore(async (lore) => {
      const { cached } = await lore.cachedSearch({ query: 'lamps', userId: 'eve' });
      expect(cached).toBe(true);
    });
  });

  it('logs errors of the flow, and no mistakes of callers', async () => {
    await withLore(async (lore) => {
      await expect(lore.search({ query: '' })).rejects.toMatchObject({ code: 'invalid_input' });
      const failing = openStacklore(redis.config(), {
        env: {},
        embedder: new FakeEmbedder({
          onText: () => {
            throw new Error('no memory, token=hunter2');
          },
        }),
      });
      await expect(failing.search({ query: 'lamps', collection: 'default' })).rejects.toThrow('no memory');
      await failing.close();
      const types = await lore.errorLog.types();
      expect(types).toEqual([{ date: expect.stringMatching(DAY), errorType: 'internal', count: 1 }]);
      const { items } = await lore.errorLog.list('internal', { date: types[0]?.date ?? '' });
      expect(items[0]).toMatchObject({
        message: 'no memory, token=[redacted]',
        context: { service: 'search', collections: ['default'] },
      });
    });
  });

  it.each(['', 'a\nb', 'x'.repeat(513), 5])('refuses the user id %j', async (userId) => {
    await withLore(async (lore) => {
      const request = { query: 'lamps', userId: userId as string };
      await expect(lore.search(request)).rejects.toMatchObject({ code: 'invalid_input' });
      await expect(lore.ingestTexts([], { userId: userId as string })).rejects.toMatchObject({
        code: 'invalid_input',
      });
    });
  });

  it('can be switched off', async () => {
    await withLore((lore) => lore.search({ query: 'lamps', userId: 'silent' }), { recording: false });
    await withLore(async (lore) => expect(await usedBy(lore, 'silent')).toMatchObject({ requests: 0 }));
  });

  it('does not hinder a search when the analytics database is away', async () => {
    const databases = { analytics: { url: 'redis://127.0.0.1:1' } };
    await withLore(async (lore) => expect((await lore.search({ query: 'lamps' })).hits).toHaveLength(1), {
      databases,
    });
  });

  it('starts no embedded server to log that a request was refused', async () => {
    const home = temporaryFolder();
    const lore = openStacklore({ home }, { env: {}, embedder: new FakeEmbedder() });
    await expect(lore.search({ query: 'x', userId: '' })).rejects.toMatchObject({ code: 'invalid_input' });
    await lore.close();
    expect(readdirSync(home)).toEqual([]);
  });

  it('opens no analytics connection before the answer is given', async () => {
    await withLore(async (lore) => {
      await lore.search({ query: 'lamps' });
      const clients = await lore.databases.knowledge.send<string>(['CLIENT', 'LIST']);
      expect(clients).not.toContain('stacklore-analytics');
    });
  });

  it('writes keys of the analytics database only', async () => {
    await withLore(async (lore) => {
      expect(await allKeys(lore.databases.main, 'usage:*')).toEqual([]);
      expect(await allKeys(lore.databases.analytics, 'usage:*')).not.toEqual([]);
    });
  });
});
