import { beforeAll, describe, expect, test } from 'vitest';
import type { Stacklore } from '../../src/stacklore.ts';
import { openTestLore } from '../support/lore.ts';
import { usePrivateRedis } from '../support/redis.ts';
import { type ApiAnswer, makeKey, type Narrowing, useApi } from '../support/serve.ts';

const redis = usePrivateRedis();
let lore: Stacklore;
/** Tokens: two keys of a user each, two of a collection each, and one that opens everything. */
const keys = { ada: '', bob: '', north: '', south: '', whole: '' };
/** What Ada has, and ids that nobody has. */
const ids = { fact: '', session: '', conversation: '' };
const nobody = '6f1c1f0e-8f6a-4a61-9f5c-1e0b7a0f5d11';
beforeAll(async () => {
  lore = openTestLore(redis);
  for (const collection of ['north', 'south']) {
    const text = `The secret of ${collection} is a word.`;
    await lore.ingestTexts([{ source: `${collection}.md`, text }], { collection });
  }
  const make = (name: string, narrowing: Narrowing) => makeKey(lore, name, narrowing);
  keys.ada = await make('ada', { userId: 'ada' });
  keys.bob = await make('bob', { userId: 'bob' });
  keys.north = await make('north', { collections: ['north'] });
  keys.south = await make('south', { collections: ['south'] });
  keys.whole = await make('whole', {});
});
const { ask } = useApi(() => lore, { rateLimit: 0 });
beforeAll(async () => {
  const post = async (path: string, body: object) => (await ask('POST', path, { key: keys.ada, body })).body;
  ids.fact = String((await post('/v1/facts', { content: 'Ada likes tea.', verified: true })).factId);
  ids.session = String((await post('/v1/sessions', { metadata: { secret: true } })).sessionId);
  const messages = [{ role: 'user', content: 'a secret' }];
  ids.conversation = String((await post('/v1/conversations', { messages })).conversationId);
  await lore.systemPrompts.save('helper', { content: 'Help.' });
  await lore.templates.save('letter', { template: 'Dear' });
  await ask('PUT', '/v1/prompts/users/ada/tone', { key: keys.ada, body: { content: 'Be brief.' } });
  await lore.usage.add({ userId: 'ada', date: '2025-01-15', requests: 7 });
});
/** What is the same in answers to requests that differ. */
function comparable({ status, body, headers }: ApiAnswer): unknown {
  const { 'x-request-id': _id, date: _date, 'content-length': _length, ...rest } = headers;
  return { status, headers: rest, body: { ...body, requestId: '' } };
}

const withIds = (path: string) =>
  path
    .replace(':factId', ids.fact)
    .replace(':sessionId', ids.session)
    .replace(':conversationId', ids.conversation);
const unknown = (path: string) => path.replace(/:(factId|sessionId|conversationId)/, nobody);
const message = { messages: [{ role: 'user', content: 'x' }] };

describe('what is of another user', () => {
  test.each<[string, string, object?]>([
    ['GET', '/v1/facts/:factId'],
    ['PATCH', '/v1/facts/:factId', { content: 'Bob was here.' }],
    ['PATCH', '/v1/facts/:factId', { verified: false }],
    ['DELETE', '/v1/facts/:factId'],
    ['GET', '/v1/sessions/:sessionId'],
    ['PATCH', '/v1/sessions/:sessionId', { metadata: {} }],
    ['POST', '/v1/sessions/:sessionId/touch'],
    ['DELETE', '/v1/sessions/:sessionId'],
    ['GET', '/v1/conversations/:conversationId'],
    ['GET', '/v1/conversations/:conversationId/messages'],
    ['POST', '/v1/conversations/:conversationId/messages', message],
    ['DELETE', '/v1/conversations/:conversationId'],
  ])('is as if it were not there: %s %s %j', async (method, path, body) => {
    const foreign = await ask(method, withIds(path), { key: keys.bob, body });
    expect(foreign.status).toBe(404);
    expect(comparable(foreign)).toEqual(
      comparable(await ask(method, unknown(path), { key: keys.bob, body })),
    );
  });

  test.each<[string, string, string, object?]>([
    ['GET', '/v1/facts?ownedBy=ada', '/v1/facts?ownedBy=none'],
    ['GET', '/v1/sessions?userId=ada', '/v1/sessions?userId=none'],
    ['GET', '/v1/conversations?userId=ada', '/v1/conversations?userId=none'],
    [
      'GET',
      '/v1/analytics/usage?userId=ada&from=2025-01-15',
      '/v1/analytics/usage?userId=none&from=2025-01-15',
    ],
    ['GET', '/v1/prompts/users/ada/tone', '/v1/prompts/users/none/tone'],
    ['GET', '/v1/prompts/users/ada/tone', '/v1/prompts/users/ada/none'],
    ['PUT', '/v1/prompts/users/ada/tone', '/v1/prompts/users/none/tone', { content: 'x' }],
    ['DELETE', '/v1/prompts/users/ada/tone', '/v1/prompts/users/none/tone'],
  ])('cannot be named: %s %s', async (method, foreign, absent, body) => {
    const answer = await ask(method, foreign, { key: keys.bob, body });
    expect(answer.status).toBe(404);
    expect(comparable(answer)).toEqual(comparable(await ask(method, absent, { key: keys.bob, body })));
  });

  test.each<[string, object]>([
    ['/v1/sessions', { userId: 'ada' }],
    ['/v1/conversations', { userId: 'ada' }],
    ['/v1/facts', { content: 'x', userId: 'ada' }],
    ['/v1/facts/search', { query: 'tea', ownedBy: 'ada' }],
    ['/v1/facts/search', { query: 'tea', userId: 'ada' }],
    ['/v1/context', { query: 'tea', collection: 'north', userId: 'ada' }],
    ['/v1/search', { query: 'tea', collection: 'north', userId: 'ada' }],
    ['/v1/context', { query: 'tea', collection: 'north', facts: { ownedBy: 'ada' } }],
  ])('cannot be written or asked for in the name of the other: %s %j', async (path, body) => {
    expect((await ask('POST', path, { key: keys.bob, body })).status).toBe(404);
  });

  test('is told by no refusal of an id that is taken', async () => {
    for (const sessionId of [ids.session, nobody]) {
      const answer = await ask('POST', '/v1/sessions', { key: keys.bob, body: { sessionId } });
      expect([answer.status, answer.body.code]).toEqual([400, 'invalid_input']);
    }
    for (const factId of [ids.fact, nobody]) {
      const answer = await ask('POST', '/v1/facts', { key: keys.bob, body: { content: 'x', factId } });
      expect([answer.status, answer.body.code]).toEqual([400, 'invalid_input']);
    }
  });

  test('is in no list, count, search or duplicate', async () => {
    for (const path of ['/v1/facts', '/v1/sessions', '/v1/conversations', '/v1/prompts/users/ada']) {
      const { body } = await ask('GET', path, { key: keys.bob });
      expect([path, body]).toEqual([path, expect.objectContaining({ items: [], total: 0 })]);
    }
    const { body: usage } = await ask('GET', '/v1/analytics/usage?from=2025-01-15&to=2025-01-15', {
      key: keys.bob,
    });
    expect(usage.days).toEqual([]);
    const search = await ask('POST', '/v1/facts/search', {
      key: keys.bob,
      body: { query: 'Ada likes tea.' },
    });
    expect(search.body.hits).toEqual([]);
    const { body: added } = await ask('POST', '/v1/facts', {
      key: keys.bob,
      body: { content: 'Ada likes tea.', duplicateThreshold: 0 },
    });
    expect(added).toMatchObject({ userId: 'bob', duplicates: [] });
    const { body: changed } = await ask('PATCH', `/v1/facts/${added.factId}`, {
      key: keys.bob,
      body: { content: 'Ada likes tea. ', duplicateThreshold: 0 },
    });
    expect(changed.duplicates).toEqual([]);
    await ask('DELETE', `/v1/facts/${added.factId}`, { key: keys.bob });
  });

  test('is not in a context: neither facts nor conversation', async () => {
    const question = { query: 'Ada likes tea.', collection: 'north' };
    const context = (key: string, body: object) =>
      ask('POST', '/v1/context', { key, body: { ...question, ...body } });
    expect((await context(keys.bob, { facts: true })).body.text).not.toContain('tea');
    expect((await context(keys.ada, { facts: true })).body.text).toContain('tea');
    for (const append of [true, false]) {
      const answers = [ids.conversation, nobody].map((conversationId) =>
        context(keys.bob, { conversationId, append }),
      );
      const [foreign, absent] = (await Promise.all(answers)).map(comparable);
      expect(foreign).toMatchObject({ status: 404 });
      expect(foreign).toEqual(absent);
    }
    expect((await context(keys.ada, { conversationId: ids.conversation })).status).toBe(200);
  });

  test('cannot be taken over by a session that is linked to it', async () => {
    const body = { conversationId: ids.conversation };
    expect((await ask('POST', '/v1/sessions', { key: keys.bob, body })).status).toBe(404);
    const { body: session } = await ask('POST', '/v1/sessions', { key: keys.bob, body: {} });
    const path = `/v1/sessions/${session.sessionId}`;
    expect((await ask('PATCH', path, { key: keys.bob, body })).status).toBe(404);
    expect((await ask('GET', `/v1/conversations/${ids.conversation}`, { key: keys.bob })).status).toBe(404);
    await ask('DELETE', path, { key: keys.bob });
  });

  test('stays as it is for its owner', async () => {
    const mine = (path: string) => ask('GET', path, { key: keys.ada });
    expect((await mine(`/v1/facts/${ids.fact}`)).body).toMatchObject({
      content: 'Ada likes tea.',
      verified: true,
    });
    expect((await mine(`/v1/sessions/${ids.session}`)).body.metadata).toEqual({ secret: true });
    expect((await mine(`/v1/conversations/${ids.conversation}`)).body.messageCount).toBe(1);
    expect((await mine('/v1/prompts/users/ada/tone')).body.content).toBe('Be brief.');
    for (const path of ['/v1/facts', '/v1/sessions', '/v1/conversations', '/v1/prompts/users/ada']) {
      expect([path, (await mine(path)).body.total]).toEqual([path, 1]);
    }
    const usage = await mine('/v1/analytics/usage?from=2025-01-15&to=2025-01-15');
    expect(usage.body.total).toMatchObject({ requests: 7 });
  });
});

test('a record of another writer that cannot be read is not told of to another user', async () => {
  const { main, knowledge } = lore.databases;
  await main.send(['HSET', 'session:broken', 'user_id', 'ada']);
  await main.send(['SET', 'session:wrong', 'x']);
  await knowledge.send(['HSET', 'fact:broken', 'content', 'x', 'user_id', 'ada']);
  for (const path of ['/v1/sessions/broken', '/v1/sessions/wrong', '/v1/facts/broken']) {
    expect([path, (await ask('GET', path, { key: keys.bob })).status]).toEqual([path, 404]);
  }
  expect((await ask('GET', '/v1/facts/broken', { key: keys.ada })).status).toBe(422);
  await Promise.all([
    main.send(['DEL', 'session:broken', 'session:wrong']),
    knowledge.send(['DEL', 'fact:broken']),
  ]);
});

describe('facts that are nobody’s', () => {
  test('are not for a key that is bound to a user', async () => {
    const { factId } = await lore.addFact({ content: 'A loan lasts 21 days.' });
    expect((await ask('GET', `/v1/facts/${factId}`, { key: keys.bob })).status).toBe(404);
    expect((await ask('GET', `/v1/facts/${factId}`, { key: keys.whole })).status).toBe(200);
  });
});

describe('what is of another collection', () => {
  test.each(['/v1/search', '/v1/context'])('is as if it were not there: %s', async (path) => {
    const look = (key: string, body: object) =>
      ask('POST', path, { key, body: { query: 'The secret', ...body } });
    for (const body of [{ collection: 'south' }, { collections: ['north', 'south'] }]) {
      const foreign = await look(keys.north, body);
      expect(foreign.status).toBe(404);
      const absent = JSON.parse(JSON.stringify(body).replaceAll('south', 'none')) as object;
      expect(comparable(foreign)).toEqual(comparable(await look(keys.north, absent)));
    }
    expect((await look(keys.north, { collection: 'north' })).status).toBe(200);
  });

  test('has its usage of users read by no key that is narrowed', async () => {
    const path = '/v1/analytics/usage?userId=ada&from=2025-01-15';
    expect((await ask('GET', path, { key: keys.north })).status).toBe(404);
    expect((await ask('GET', path, { key: keys.whole })).status).toBe(200);
  });
});

test('the cache keeps an answer for those who see the same, and tells nobody else that it has one', async () => {
  const look = async (key: string) => {
    const body = { query: 'a question that only north asked', collection: 'north' };
    return (await ask('POST', '/v1/search', { key, body })).headers['cache-status'];
  };
  expect(await look(keys.north)).toBe('stacklore; fwd=miss');
  expect(await look(keys.north)).toBe('stacklore; hit');
  for (const key of [keys.ada, keys.bob, keys.whole]) expect(await look(key)).toBe('stacklore; fwd=miss');
});

test('families beside documents are needed for what a context takes from them', async () => {
  const { token: key } = await lore.apiKeys.create({
    name: 'documents',
    scopes: ['read'],
    families: ['documents'],
  });
  const conversationId = ids.conversation;
  for (const more of [
    { facts: true },
    { conversationId },
    { systemPrompt: 'helper' },
    { template: 'letter' },
  ]) {
    const body = { query: 'tea', collection: 'north', ...more };
    expect((await ask('POST', '/v1/context', { key, body })).status).toBe(404);
  }
});
