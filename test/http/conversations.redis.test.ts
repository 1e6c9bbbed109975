import { beforeAll, describe, expect, test } from 'vitest';
import {
  conversationInfo,
  conversationList,
  deletedConversation,
  messageList,
  startedConversation,
} from '../../src/http/schemas/conversations.ts';
import { sessionAnswer, sessionList } from '../../src/http/schemas/sessions.ts';
import type { Stacklore } from '../../src/stacklore.ts';
import { expectFits } from '../support/fits.ts';
import { openTestLore } from '../support/lore.ts';
import { usePrivateRedis } from '../support/redis.ts';
import { useApi } from '../support/serve.ts';

const redis = usePrivateRedis();
let lore: Stacklore;
beforeAll(() => {
  lore = openTestLore(redis);
});
const { ask } = useApi(() => lore);

const hello = { role: 'user', content: 'Hello' };

describe('conversations', () => {
  test('begin with an id of the server, are appended to, read, and deleted', async () => {
    const begun = await ask('POST', '/v1/conversations', { body: { userId: 'ada', messages: [hello] } });
    expect(begun.status).toBe(201);
    expectFits(startedConversation, begun.body);
    const path = String(begun.headers.location);
    expect(path).toBe(`/v1/conversations/${begun.body.conversationId}`);
    const answer = { role: 'assistant', content: 'Hi', tokens: 2 };
    const appended = await ask('POST', `${path}/messages`, { body: { messages: [answer] } });
    expect([appended.status, appended.body.messageCount]).toEqual([201, 2]);
    const info = await ask('GET', path);
    expectFits(conversationInfo, info.body);
    expect(info.body.ttlSeconds).toBeGreaterThan(600_000);
    const page = await ask('GET', `${path}/messages?limit=1&from=end`);
    expectFits(messageList, page.body);
    expect(page.body).toMatchObject({ items: [answer], total: 2 });
    const list = await ask('GET', '/v1/conversations?userId=ada');
    expectFits(conversationList, list.body);
    expect(list.body).toMatchObject({ items: [{ messageCount: 2 }], total: 1 });
    const deleted = await ask('DELETE', path);
    expectFits(deletedConversation, deleted.body);
    expect(deleted.body.deleted).toBe(2);
    expect((await ask('GET', path)).status).toBe(404);
    expect((await ask('GET', `${path}/messages`)).status).toBe(404);
    expect((await ask('GET', '/v1/conversations?userId=ada')).body.total).toBe(0);
  });

  test('are found by the erasure of their user, also before a session knows them', async () => {
    await ask('POST', '/v1/conversations', { body: { userId: 'eve', messages: [hello] } });
    const { families } = await lore.maintenance.eraseUser('eve');
    expect(families).toMatchObject({ conversation: 1 });
    expect((await ask('GET', '/v1/conversations?userId=eve')).body.total).toBe(0);
  });

  test.each([
    ['POST', '/v1/conversations/a/messages', { messages: [{ role: 'robot', content: 'x' }] }],
    ['POST', '/v1/conversations/a/messages', { messages: [] }],
    ['POST', '/v1/conversations', { conversationId: 'mine' }],
    ['GET', '/v1/conversations', undefined],
    ['GET', '/v1/conversations/a/messages?from=middle', undefined],
  ])('refuse what makes none: %s %s %j', async (method, path, body) => {
    const answer = await ask(method, path, { body });
    expect([answer.status, answer.body.code]).toEqual([400, 'invalid_input']);
  });
});

describe('sessions', () => {
  test('are created, listed, changed, touched and ended', async () => {
    const body = { userId: 'bob', metadata: { theme: 'dark' } };
    const created = await ask('POST', '/v1/sessions', { body });
    expect(created.status).toBe(201);
    expectFits(sessionAnswer, created.body);
    const path = String(created.headers.location);
    const changed = await ask('PATCH', path, { body: { conversationId: 'talk' } });
    expect(changed.body).toMatchObject({ ...body, conversationId: 'talk' });
    expect(
      (await ask('PATCH', path, { body: { conversationId: null } })).body.conversationId,
    ).toBeUndefined();
    const touched = await ask('POST', `${path}/touch`);
    expectFits(sessionAnswer, touched.body);
    expect((await ask('GET', path)).body).toEqual(touched.body);
    const list = await ask('GET', '/v1/sessions?userId=bob');
    expectFits(sessionList, list.body);
    expect(list.body).toMatchObject({ items: [touched.body], total: 1 });
    expect((await ask('DELETE', path)).status).toBe(204);
    for (const method of ['GET', 'DELETE']) expect((await ask(method, path)).status).toBe(404);
  });

  test('keep an id that is given, once', async () => {
    const body = { userId: 'bob', sessionId: 'a/b' };
    expect((await ask('POST', '/v1/sessions', { body })).headers.location).toBe('/v1/sessions/a%2Fb');
    const again = await ask('POST', '/v1/sessions', { body });
    expect([again.status, again.body.code]).toEqual([409, 'already_exists']);
    expect((await ask('GET', '/v1/sessions/a%2Fb')).body.userId).toBe('bob');
  });
});
