import { beforeAll, describe, expect, it } from 'vitest';
import type { Stacklore } from '../../../src/stacklore.ts';
import { deniedSince, openAs } from '../../support/acl-users.ts';
import { openTestLore } from '../../support/lore.ts';
import { usePrivateRedis } from '../../support/redis.ts';

const redis = usePrivateRedis();
let admin: Stacklore;
let lore: Stacklore;

beforeAll(async () => {
  admin = openTestLore(redis);
  const texts = ['tide', 'moon'].map((word) => ({
    ...{ text: `All about the ${word} and the sea.`, source: `${word}.md`, docId: word },
  }));
  await admin.ingestTexts(texts, { collection: 'docs' });
  await admin.addFact({ factId: 'turns', content: 'The tide turns twice a day.' });
  await admin.systemPrompts.save('helper', { content: 'Help.' });
  await admin.systemPrompts.save('helper', { content: 'Help more.' });
  await admin.templates.save('letter', { template: 'Dear {{ name }}' });
  await admin.userPrompts.save('ann', 'mine', { content: 'Briefly.' });
  await admin.sessions.create({ sessionId: 'one', userId: 'ann' });
  await admin.conversations.append('talk', [{ role: 'user', content: 'Hello' }]);
  await admin.queues.enqueue('mails', { taskType: 'mail' });
  await admin.usage.add({ userId: 'ann', requests: 1 });
  await admin.metrics.record({ service: 'search', metricName: 'latency_ms', value: 1 });
  await admin.errorLog.record({ errorType: 'timeout', message: 'Too slow' });
  await admin.counters.increment('logins');
  lore = await openAs('reader', { redis, admin });
});

const denied = () => deniedSince(admin.databases.main);

describe('a reader', () => {
  it('finds, explains, maps and packs what is stored, page by page', async () => {
    const query = 'the moon';
    const asked = { query, collection: 'docs' };
    // Its searches cannot be counted.
    const silent = await openAs('reader', { redis, admin, settings: { recording: false } });
    const { hits, cursor } = await silent.search({ ...asked, topK: 1, cursor: true });
    expect(hits[0]?.docId).toBe('moon');
    expect((await silent.search({ ...asked, topK: 1, ...(cursor && { cursor }) })).hits).toHaveLength(1);
    expect(await silent.explain({ ...asked, docId: 'tide' })).toMatchObject({ docId: 'tide' });
    expect((await silent.context({ ...asked, systemPrompt: 'helper' })).messages).toBeDefined();
    expect((await silent.searchFacts({ query: 'tide' })).hits).toHaveLength(1);
    expect(await denied()).toEqual([]);
  });

  it('lists and shows records of all databases', async () => {
    expect(await lore.documents.list('docs')).toMatchObject({ total: 2 });
    expect(await lore.documents.chunkPage(await lore.documents.get('moon'))).toMatchObject({ total: 1 });
    expect(await lore.facts.list()).toMatchObject({ total: 1 });
    expect(await lore.sessions.get('one')).toMatchObject({ userId: 'ann' });
    expect(await lore.conversations.list('talk')).toMatchObject({ total: 1 });
    expect(await lore.queues.peek('mails')).toMatchObject({ total: 1 });
    expect(await lore.systemPrompts.history('helper')).toBeDefined();
    expect(await lore.templates.render('letter', { name: 'Ann' })).toBe('Dear Ann');
    expect(await lore.userPrompts.list('ann')).toMatchObject({ total: 1 });
    expect((await lore.metrics.list()).length).toBeGreaterThan(0);
    expect((await lore.usage.listDay()).items.map(({ userId }) => userId)).toContain('ann');
    expect(await lore.errorLog.list('timeout')).toMatchObject({ total: 1 });
    expect((await lore.counters.list()).map(({ metric }) => metric)).toContain('logins');
    expect((await lore.status()).collections).toHaveLength(1);
    expect(await denied()).toEqual([]);
  });

  it.each<[string, () => Promise<unknown>, RegExp]>([
    ['ingest', () => lore.createCollection('mine'), /\+ft\.create|ACL SETUSER|stacklore acl rules/],
    [
      'delete',
      () => lore.documents.delete('moon'),
      /User reader-knowledge .*ACL SETUSER reader-knowledge \+/,
    ],
    ['create sessions', () => lore.sessions.create({ userId: 'bob' }), /ACL SETUSER reader-main \+/],
    ['save prompts', () => lore.systemPrompts.save('other', { content: 'x' }), /SETUSER reader-prompts \+/],
    ['count', () => lore.counters.increment('logins'), /SETUSER reader-analytics \+eval/],
  ])('may not %s, and is told what to grant', async (_what, act, advice) => {
    const failure = expect(act()).rejects;
    await failure.toMatchObject({ code: 'database_auth' });
    await failure.toThrow(advice);
    expect(await denied()).not.toEqual([]);
  });

  it('cannot reach what is not of its database, nor the server itself', async () => {
    const { prompts, knowledge, analytics } = lore.databases;
    for (const act of [
      () => prompts.send(['HGETALL', 'session:one']),
      () => analytics.send(['HGETALL', 'doc:moon:metadata']),
      () => knowledge.send(['SET', 'doc:moon:metadata', 'x']),
      () => knowledge.send(['GET', 'other:program']),
      () => knowledge.send(['CONFIG', 'GET', 'requirepass']),
      () => knowledge.send(['FT.DROPINDEX', 'stacklore:index:docs:1']),
      () => knowledge.send(['FLUSHALL']),
      () => knowledge.send(['KEYS', '*']),
      () => knowledge.send(['ACL', 'LIST']),
      () => knowledge.send(['EVAL', 'return 1', '0']),
    ]) {
      await expect(act()).rejects.toMatchObject({ code: 'database_auth' });
    }
  });

  it('is told which keys to grant when a key is denied', async () => {
    const { knowledge } = lore.databases;
    await expect(knowledge.send(['SET', 'doc:moon:metadata', 'x'])).rejects.toThrow(
      /ACL SETUSER <user> ~doc:\*:metadata/,
    );
    await expect(knowledge.send(['GET', 'other:program'])).rejects.toThrow(/~<its keys>/);
  });
});
