import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { startIngestWorker } from '../../../src/jobs/start-ingest-worker.ts';
import { ACCESS_FAMILIES } from '../../../src/schema/main.ts';
import type { Stacklore } from '../../../src/stacklore.ts';
import { deniedSince, openAs } from '../../support/acl-users.ts';
import { openTestLore } from '../../support/lore.ts';
import { openTestClient } from '../../support/mcp-client.ts';
import { usePrivateRedis } from '../../support/redis.ts';
import { useApi } from '../../support/serve.ts';

const redis = usePrivateRedis();
let admin: Stacklore;
let lore: Stacklore;

beforeAll(async () => {
  admin = openTestLore(redis);
  lore = await openAs('writer', { redis, admin });
});

/** Also what no caller hears of, such as metrics that cannot be written. */
afterEach(async () => expect(await deniedSince(admin.databases.main)).toEqual([]));

const TEXTS = ['tide', 'moon', 'harbour'].map((word) => ({
  ...{
    text: `# ${word}\n\nThe ${word} and the sea. Boats wait for the ${word}.`,
    source: `${word}.md`,
    docId: word,
  },
}));

describe('a writer', () => {
  it('ingests, replaces, lists and deletes documents', async () => {
    const request = { collection: 'docs', settings: { fields: [{ name: 'lang', type: 'tag' as const }] } };
    expect((await lore.ingestTexts(TEXTS, request)).counts).toMatchObject({ created: 3, failed: 0 });
    const changed = [{ text: 'The tide is low.', source: 'tide.md', docId: 'tide' }];
    expect((await lore.ingestTexts(changed, request)).counts).toMatchObject({ updated: 1 });
    expect((await lore.ingestTexts(changed, request)).counts).toMatchObject({ unchanged: 1 });
    expect(await lore.documents.list('docs', { offset: 0, limit: 2 })).toMatchObject({ total: 3 });
    await lore.documents.delete('harbour');
    expect(await lore.documents.find('harbour')).toBeUndefined();
  });

  it('makes, extends and drops collections', async () => {
    await lore.createCollection('short', { index: 'flat' });
    await lore.ingestTexts([{ text: 'A text in German.', source: 'a.md', docId: 'short-a' }], {
      collection: 'short',
    });
    await lore.addFields('short', [{ name: 'year', type: 'number' }]);
    await lore.indexWords('short', { language: 'german' });
    expect((await lore.listCollections(['short'])).items[0]).toMatchObject({ documents: 1 });
    expect(await lore.dropCollection('short')).toBe(1);
  });

  it('searches, explains, maps and packs contexts', async () => {
    const query = 'the moon and the sea';
    const { hits, cursor } = await lore.search({ query, collection: 'docs', topK: 1, cursor: true });
    expect(hits[0]?.docId).toBe('moon');
    expect(
      (await lore.search({ query, collection: 'docs', topK: 1, ...(cursor && { cursor }) })).hits,
    ).toHaveLength(1);
    expect(
      (await lore.search({ query, collection: 'docs', mode: 'text', filter: { lang: { $exists: false } } }))
        .hits,
    ).not.toEqual([]);
    expect(await lore.explain({ query, collection: 'docs', docId: 'tide' })).toMatchObject({ docId: 'tide' });
    expect((await lore.map({ collection: 'docs', query })).points).not.toEqual([]);
    const conversationId = 'conversation-1';
    await lore.systemPrompts.save('helper', { content: 'Help.' });
    const chat = { query, collection: 'docs', conversationId, systemPrompt: 'helper', append: true };
    const { citations } = await lore.context(chat);
    expect(await lore.verifyCitation(citations[0] as never)).toMatchObject({ status: 'unchanged' });
  });

  it('gives answers from the cache, by their words and by meaning', async () => {
    const request = { query: 'boats that wait', collection: 'docs' };
    expect(await lore.cachedSearch(request, { semantic: true })).toMatchObject({ cached: false });
    expect(await lore.cachedSearch(request, { semantic: true })).toMatchObject({ cached: true });
    const again = { query: 'that wait, boats', collection: 'docs' };
    const near = { semantic: { threshold: 0.5 } };
    expect((await lore.cachedSearch(again, near)).earlier?.query).toBe('boats that wait');
    expect(await lore.responseCache.stats()).toMatchObject({ hits: expect.any(Number) });
    await lore.responseCache.clear();
  });

  it('keeps facts', async () => {
    const fact = await lore.addFact({ content: 'The tide turns twice a day.', userId: 'ann' });
    await lore.updateFact(fact.factId, { content: 'The tide turns four times a day.' });
    expect((await lore.searchFacts({ query: 'when does the tide turn' })).hits).toHaveLength(1);
    await lore.facts.verify(fact.factId);
    expect(await lore.facts.list()).toMatchObject({ total: 1 });
    await lore.embedFacts();
    await lore.facts.delete(fact.factId);
  });

  it('keeps sessions and conversations', async () => {
    const { sessionId } = await lore.sessions.create({ userId: 'ann', metadata: { theme: 'dark' } });
    await lore.sessions.link(sessionId, 'conversation-2');
    await lore.sessions.touch(sessionId);
    await lore.conversations.append('conversation-2', [
      { role: 'user', content: 'Hello' },
      { role: 'assistant', content: 'Hello!' },
    ]);
    expect(await lore.sessions.listForUser('ann')).toMatchObject({ total: 1 });
    expect(await lore.conversationUsers.conversationsOf('ann')).toMatchObject({ total: 1 });
    await lore.conversations.lastMessages('conversation-2', { maxTokens: 100 });
    expect(await lore.conversations.trim('conversation-2', { keepLast: 1 })).toBe(1);
    await lore.conversations.delete('conversation-2');
    expect(await lore.sessions.end(sessionId)).toBe(true);
  });

  it('queues tasks, waits for them and works on them', async () => {
    const waiting = lore.queues.dequeue('mails', { waitMs: 5_000 });
    await lore.queues.enqueueAll('mails', [{ taskType: 'mail' }, { taskType: 'mail' }]);
    const first = await waiting;
    if (!first) throw new Error('There is a task.');
    await lore.queues.renew('mails', [first]);
    await lore.queues.retry(first, { delayMs: 1 });
    await lore.queues.recover('mails');
    const done: unknown[] = [];
    const worker = lore.startWorker('mails', async (task) => void done.push(task));
    await expect.poll(() => done.length, { timeout: 5_000 }).toBe(2);
    await worker.stop();
    await lore.queues.enqueue('mails', { taskType: 'mail' });
    const last = await lore.queues.dequeue('mails');
    if (last) await lore.queues.bury(last, 'bounced');
    expect(await lore.deadLetters.retry('mails')).toMatchObject({ retried: 1 });
    await lore.queues.purge('mails');
    await lore.deadLetters.purge('mails');
    expect(await lore.queues.list()).toEqual([]);
  });

  it('counts requests, metrics, usage, errors and events', async () => {
    await lore.rateLimits.hit('ann', 'search');
    expect(await lore.rateLimits.peek('ann', 'search')).toMatchObject({ allowed: true });
    await lore.rateLimits.reset('ann', 'search');
    await lore.metrics.record({ service: 'search', metricName: 'latency_ms', value: 4 });
    expect(await lore.metrics.list()).not.toEqual([]);
    await lore.usage.add({ userId: 'ann', requests: 1 });
    expect(await lore.usage.listDay()).toMatchObject({ total: 1 });
    await lore.errorLog.record({ errorType: 'timeout', message: 'Too slow' } as never);
    expect(await lore.errorLog.types()).not.toEqual([]);
    await lore.counters.increment('logins');
    expect(await lore.counters.list()).not.toEqual([]);
    await lore.counters.reset('logins');
  });

  it('keeps prompts with their history', async () => {
    await lore.systemPrompts.save('greeter', { content: 'Hello {{name}}' });
    await lore.systemPrompts.save('greeter', { content: 'Good day {{name}}' });
    await lore.systemPrompts.rollback('greeter', '1.0.0');
    expect(await lore.systemPrompts.render('greeter', { name: 'Ann' })).toBe('Hello Ann');
    await lore.systemPrompts.delete('greeter');
    await lore.templates.save('letter', { template: 'Dear {{ name }}', category: 'mail' } as never);
    expect(await lore.templates.list()).toMatchObject({ total: 1 });
    await lore.templates.delete('letter');
    await lore.userPrompts.save('ann', 'mine', { content: 'Short answers', isPrivate: true } as never);
    expect(await lore.userPrompts.list('ann')).toMatchObject({ total: 1 });
    await lore.userPrompts.delete('ann', 'mine');
  });

  it('says how it is', async () => {
    expect((await lore.status()).collections.map(({ name }) => name)).toEqual(['docs']);
  });

  describe('that serves', () => {
    const { ask } = useApi(() => lore);

    it('answers requests with API keys and carries out jobs', async () => {
      const { token: key } = await lore.apiKeys.create({
        name: 'all',
        scopes: ['read', 'write'],
        families: [...ACCESS_FAMILIES],
      });
      const texts = [{ text: 'Sent to the API.', source: 'sent.md' }];
      const { status, body } = await ask('POST', '/v1/documents', {
        key,
        body: { collection: 'served', texts },
      });
      expect({ status, body }).toMatchObject({ status: 202 });
      const worker = startIngestWorker(lore, {});
      await expect.poll(() => lore.documents.count('served'), { timeout: 10_000 }).toBe(1);
      await worker.stop();
      const found = await ask('POST', '/v1/search', { key, body: { query: 'sent', collection: 'served' } });
      expect(found).toMatchObject({ status: 200, body: { hits: [{ source: 'sent.md' }] } });
      expect(await ask('GET', '/v1/jobs', { key })).toMatchObject({ status: 200 });
      expect(await ask('GET', '/healthz')).toMatchObject({ status: 200 });
      expect(await ask('GET', '/readyz')).toMatchObject({ status: 200 });
    });

    it('answers language models', async () => {
      const { call } = await openTestClient(lore);
      expect(await call('search', { query: 'moon' })).toMatchObject({
        isError: false,
        data: { hits: expect.anything() },
      });
    });
  });
});
