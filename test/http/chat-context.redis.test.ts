import { beforeAll, expect, test } from 'vitest';
import { contextAnswer } from '../../src/http/schemas/search.ts';
import type { Stacklore } from '../../src/stacklore.ts';
import { expectFits } from '../support/fits.ts';
import { openTestLore } from '../support/lore.ts';
import { usePrivateRedis } from '../support/redis.ts';
import { useApi } from '../support/serve.ts';

const redis = usePrivateRedis();
let lore: Stacklore;
beforeAll(async () => {
  lore = openTestLore(redis);
  await lore.ingestTexts([{ source: 'loans.md', text: '# Loans\n\nA loan lasts twenty one days.' }], {
    collection: 'library',
  });
  await lore.systemPrompts.save('helper', { content: 'You help {{name}}.' });
  await lore.systemPrompts.save('strict', { content: 'Use this alone:\n{{context}}\nAnswer {{name}}.' });
  await lore.templates.save('letter', { template: '{{ context }} -- {{ question }}' });
});
const { ask } = useApi(() => lore);
const question = { query: 'how long is a loan?', collection: 'library' };
const context = (body: object) => ask('POST', '/v1/context', { body: { ...question, ...body } });

test('a conversation stands between the system prompt and the question, which is appended where asked for', async () => {
  const { body: begun } = await ask('POST', '/v1/conversations', {
    body: {
      messages: [
        { role: 'user', content: 'An old question', tokens: 900 },
        { role: 'user', content: 'Hello', tokens: 5 },
        { role: 'assistant', content: 'Hi', tokens: 5 },
      ],
    },
  });
  const { conversationId } = begun;
  const chat = { conversationId, historyTokens: 100, systemPrompt: 'helper', variables: { name: 'Ada' } };
  const { status, body } = await context({ ...chat, append: true });
  expect(status).toBe(200);
  expectFits(contextAnswer, body);
  expect(body).toMatchObject({
    messages: [
      { role: 'system', content: expect.stringMatching(/^You help Ada\.\n\n.*cite/) },
      { role: 'user', content: 'Hello' },
      { role: 'assistant', content: 'Hi' },
      {
        role: 'user',
        content: expect.stringMatching(/twenty one days[\s\S]*Question: how long is a loan\?$/),
      },
    ],
    history: { messages: 2, tokens: 10, isWhole: false },
    messageCount: 4,
  });
  const { items } = await lore.conversations.list(String(conversationId));
  expect(items.at(-1)).toMatchObject({ role: 'user', content: question.query });
  expect((await context(chat)).body.messageCount).toBeUndefined();
});

test('a prompt that says where the passages stand gets them, and the question stands alone', async () => {
  for (const prompt of [{ systemPrompt: 'strict', variables: { name: 'Ada' } }, { template: 'letter' }]) {
    const { body } = await context(prompt);
    expect(body.messages).toMatchObject([
      { role: 'system', content: expect.stringContaining('twenty one days') },
      { role: 'user', content: question.query },
    ]);
  }
});

test('a conversation of another user is not there for the library either', async () => {
  await lore.conversations.append('theirs', { role: 'user', content: 'A secret' });
  const request = { ...question, conversationId: 'theirs' };
  await expect(lore.context(request, { ownedBy: 'ada' })).rejects.toMatchObject({ code: 'not_found' });
  await lore.conversationUsers.link('theirs', 'ada');
  expect((await lore.context(request, { ownedBy: 'ada' })).history?.messages).toBe(1);
});

test.each([
  [{ systemPrompt: 'helper', template: 'letter' }, 400, 'template'],
  [{ append: true }, 400, 'conversationId'],
  [{ historyTokens: 10 }, 400, 'conversationId'],
  [{ variables: {} }, 400, 'variables'],
  [{ systemPrompt: 'helper' }, 400, 'name'],
  [{ systemPrompt: 'helper', variables: { context: 'x' } }, 400, 'context'],
  [{ systemPrompt: 'nobody' }, 404, 'nobody'],
  [{ conversationId: '' }, 400, 'conversationId'],
])('what makes no chat is refused: %j', async (body, status, named) => {
  const answer = await context(body);
  expect([answer.status, answer.body.detail]).toEqual([status, expect.stringContaining(named)]);
});
