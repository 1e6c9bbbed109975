import { beforeAll, describe, expect, it } from 'vitest';
import type { Database } from '../../../src/redis/databases.ts';
import { conversationUsersRecord, userConversationsRecord } from '../../../src/schema/main.ts';
import type { Stacklore } from '../../../src/stacklore.ts';
import { Conversations } from '../../../src/stores/main/conversations.ts';
import type { NewMessage } from '../../../src/stores/main/message.ts';
import { allKeys, openTestLore } from '../../support/lore.ts';
import { passThrough } from '../../support/pass-through.ts';
import { usePrivateRedis } from '../../support/redis.ts';

const redis = usePrivateRedis();
let lore: Stacklore;
let main: Database;
let conversations: Conversations;

beforeAll(() => {
  lore = openTestLore(redis);
  main = lore.databases.main;
  conversations = lore.conversations;
});

const keyOf = (conversationId: string) => `conversation:${conversationId}:messages`;
const elements = (conversationId: string) =>
  main.send<string[]>(['LRANGE', keyOf(conversationId), '0', '-1']);
const numbered = (count: number, tokens?: number): NewMessage[] =>
  Array.from({ length: count }, (_, n) => ({
    role: 'user',
    content: `message ${n}`,
    ...(tokens !== undefined && { tokens }),
  }));
const contents = (messages: readonly { content: string }[]) => messages.map(({ content }) => content);

describe('append', () => {
  it('stores the documented elements, oldest first, and renews the TTL', async () => {
    const clocked = new Conversations(main, { now: () => Date.parse('2025-01-15T10:30:00Z') });
    expect(await clocked.append('conv_789', { role: 'user', content: 'Hello “you”', tokens: 3 })).toBe(1);
    await main.send(['EXPIRE', keyOf('conv_789'), '10']);
    const more: NewMessage[] = [
      { role: 'assistant', content: 'Um 17 Uhr. 📚', timestamp: new Date('2025-01-15T10:30:07.250Z') },
      { role: 'system', content: '', timestamp: '2025-01-15T12:30:00+02:00' },
    ];
    expect(await clocked.append('conv_789', more)).toBe(3);
    expect(await elements('conv_789')).toEqual([
      '{"role":"user","content":"Hello “you”","timestamp":"2025-01-15T10:30:00Z","tokens":3}',
      '{"role":"assistant","content":"Um 17 Uhr. 📚","timestamp":"2025-01-15T10:30:07.250Z"}',
      '{"role":"system","content":"","timestamp":"2025-01-15T10:30:00Z"}',
    ]);
    expect(await main.send(['TTL', keyOf('conv_789')])).toBe(604_800);
  });

  it('of 64 writers at once keeps every message, those of one call together', async () => {
    await Promise.all(
      Array.from({ length: 64 }, (_, n) =>
        conversations.append('busy', [
          { role: 'user', content: `${n}` },
          { role: 'assistant', content: `${n}` },
        ]),
      ),
    );
    const { items, total } = await conversations.list('busy', { limit: 1_000 });
    expect(total).toBe(128);
    const pairs = Array.from({ length: 64 }, (_, n) => contents(items.slice(2 * n, 2 * n + 2)));
    expect(pairs.every(([one, other]) => one === other)).toBe(true);
    expect(new Set(pairs.map(([one]) => one)).size).toBe(64);
  });

  it.each([
    ['a role that is none', { role: 'tool', content: 'x' }, /role is user, assistant or system, not "tool"/],
    ['no role', { content: 'x' }, /role is user/],
    ['content that is no text', { role: 'user', content: 7 }, /content is not text/],
    ['half a character', { role: 'user', content: '\ud800' }, /surrogate/],
    ['half a token', { role: 'user', content: 'x', tokens: 0.5 }, /whole number of at least 0, not 0.5/],
    [
      'a time that is none',
      { role: 'user', content: 'x', timestamp: 'noon' },
      /timestamp cannot be used: "noon"/,
    ],
    ['a date that is none', { role: 'user', content: 'x', timestamp: new Date('x') }, /not a valid date/],
    ['a key it does not know', { role: 'user', content: 'x', name: 'y' }, /The message has no "name"/],
    ['no message', [], /from 1 to 10000/],
    ['nothing', null, /message must be an object/],
  ])('refuses %s, and appends nothing of the call', async (_, message, text) => {
    const good = { role: 'user', content: 'good' };
    const call = Array.isArray(message) ? message : [good, message];
    // Callers without types get this far.
    await expect(conversations.append('refused', call as never)).rejects.toMatchObject({
      code: 'invalid_input',
      message: expect.stringMatching(text),
    });
    expect(await conversations.find('refused')).toBeUndefined();
  });

  it('goes on with the conversation of another program, under its raw key', async () => {
    const raw = 'conversation:web:42:messages';
    const theirs =
      '{"role": "user", "content": "hi", "timestamp": "2025-01-15T10:30:00.123456", "tokens": null, "channel": "web"}';
    await main.send(['RPUSH', raw, theirs]);
    expect(await conversations.append('web:42', { role: 'assistant', content: 'hello' })).toBe(2);
    expect(contents((await conversations.list('web:42')).items)).toEqual(['hi', 'hello']);
    expect(await allKeys(main, 'conversation:web*')).toEqual([raw]);
    expect(await conversations.delete('web:42')).toBe(2);
  });

  it.each(['a:b', 'a:messages', 'a*', '[x]', '日本', '%3A'])(
    'keeps the id "%s" apart from others',
    async (id) => {
      await conversations.append(id, { role: 'user', content: 'mine' });
      await conversations.append(`${id}x`, { role: 'user', content: 'other' });
      expect(contents((await conversations.list(id)).items)).toEqual(['mine']);
      expect(await conversations.delete(id)).toBe(1);
      expect((await conversations.get(`${id}x`)).messageCount).toBe(1);
    },
  );
});

describe('list', () => {
  it('reads pages from either end, oldest first', async () => {
    await conversations.append('paged', numbered(10));
    const page = async (options: Parameters<Conversations['list']>[1]) => {
      const { items, total } = await conversations.list('paged', options);
      expect(total).toBe(10);
      return contents(items).map((content) => Number(content.slice(8)));
    };
    expect(await page({ limit: 3 })).toEqual([0, 1, 2]);
    expect(await page({ offset: 8, limit: 3 })).toEqual([8, 9]);
    expect(await page({ from: 'end', limit: 3 })).toEqual([7, 8, 9]);
    expect(await page({ from: 'end', offset: 3, limit: 3 })).toEqual([4, 5, 6]);
    expect(await page({ from: 'end', offset: 8, limit: 5 })).toEqual([0, 1]);
    expect(await page({ from: 'end', offset: 10, limit: 5 })).toEqual([]);
    expect(await page({ offset: 10 })).toEqual([]);
  });

  it('is empty for an absent conversation, which find and get tell', async () => {
    expect(await conversations.list('absent')).toEqual({ items: [], total: 0, unreadable: [] });
    expect(await conversations.find('absent')).toBeUndefined();
    await expect(conversations.get('absent')).rejects.toMatchObject({ code: 'not_found' });
    expect(await conversations.get('paged')).toEqual({
      ...{ conversationId: 'paged', messageCount: 10, ttlSeconds: expect.any(Number) },
    });
  });

  it('names the key and the message that cannot be read, and gives the others', async () => {
    await main.send(['RPUSH', keyOf('spoilt'), '{"role":"user","content":"a","timestamp":"t"}', 'not JSON']);
    expect(await conversations.list('spoilt')).toEqual({
      items: [expect.objectContaining({ content: 'a' })],
      total: 2,
      unreadable: [
        {
          position: 1,
          problem: expect.stringMatching(
            /"conversation:spoilt:messages" cannot be used \(message 1: "not JSON" is not JSON\)/,
          ),
        },
      ],
    });
    expect(await conversations.list('spoilt', { limit: 1 })).toMatchObject({ total: 2 });
    await main.send(['RPUSH', keyOf('robot'), '{"role":"robot","content":"a","timestamp":"t"}']);
    expect(await conversations.lastMessages('robot', { maxTokens: 9 })).toMatchObject({
      ...{ messages: [], tokens: 0, isWhole: true, unreadable: [{ position: 0 }] },
    });
    expect(await conversations.countTokens('spoilt')).toBe(1);
  });

  it('and all others name a key that holds something else, which stays as it is', async () => {
    await main.send(['SET', keyOf('text'), 'x']);
    const wrong = { code: 'record_invalid', key: keyOf('text') };
    await expect(conversations.list('text')).rejects.toMatchObject(wrong);
    await expect(conversations.find('text')).rejects.toMatchObject(wrong);
    await expect(conversations.append('text', numbered(1))).rejects.toMatchObject(wrong);
    await expect(conversations.countTokens('text')).rejects.toMatchObject(wrong);
    await expect(conversations.trim('text', { keepLast: 1 })).rejects.toMatchObject(wrong);
    await expect(conversations.delete('text')).rejects.toMatchObject(wrong);
    expect(await main.send(['GET', keyOf('text')])).toBe('x');
  });

  it('refuses pages that are none', async () => {
    for (const page of [{ offset: -1 }, { limit: 0 }, { limit: 20_000 }, { from: 'middle' as never }]) {
      await expect(conversations.list('paged', page)).rejects.toMatchObject({ code: 'invalid_input' });
    }
  });
});

describe('lastMessages', () => {
  it('gives the longest end that fits the budget', async () => {
    await conversations.append('budget', numbered(5, 10));
    const last = async (maxTokens: number) => {
      const { messages, ...rest } = await conversations.lastMessages('budget', { maxTokens });
      expect(rest.unreadable).toEqual([]);
      return { contents: contents(messages), tokens: rest.tokens, isWhole: rest.isWhole };
    };
    expect(await last(25)).toEqual({ contents: ['message 3', 'message 4'], tokens: 20, isWhole: false });
    expect(await last(50)).toMatchObject({ tokens: 50, isWhole: true });
    expect(await last(9)).toEqual({ contents: [], tokens: 0, isWhole: false });
    expect(await conversations.lastMessages('absent', { maxTokens: 5 })).toEqual({
      ...{ messages: [], tokens: 0, isWhole: true, unreadable: [] },
    });
  });

  it('counts what does not say its tokens by an estimate, or as it is told', async () => {
    await conversations.append('estimated', [
      { role: 'user', content: 'twelve chars' },
      { role: 'user', content: '日本語' },
      { role: 'user', content: 'x', tokens: 100 },
    ]);
    expect(await conversations.countTokens('estimated')).toBe(3 + 3 + 100);
    const countTokens = (text: string) => text.split(' ').length;
    expect(await conversations.countTokens('estimated', { countTokens })).toBe(2 + 1 + 100);
    expect(
      (await new Conversations(main, { countTokens }).lastMessages('estimated', { maxTokens: 102 })).tokens,
    ).toBe(101);
    await expect(
      conversations.countTokens('estimated', { countTokens: () => Number.NaN }),
    ).rejects.toMatchObject({
      code: 'invalid_input',
    });
    await expect(conversations.lastMessages('estimated', { maxTokens: 0 })).rejects.toMatchObject({
      code: 'invalid_input',
    });
  });

  it('goes on rightly when the conversation is appended to and trimmed while it is read', async () => {
    await conversations.append('moving', numbered(3_000, 1));
    let calls = 0;
    const original = main.send.bind(main);
    const watched = passThrough(main, {
      send: async (command, options) => {
        if (command[0] === 'LRANGE' && calls++ === 0) {
          await original(['RPUSH', keyOf('moving'), '{"role":"user","content":"late","timestamp":"t"}']);
          await original(['LTRIM', keyOf('moving'), '700', '-1']);
        }
        return original(command, options);
      },
    });
    const { messages } = await new Conversations(watched).lastMessages('moving', {
      ...{ maxTokens: 100_000, countTokens: () => 1 },
    });
    expect(contents(messages)).toEqual(contents(numbered(3_000).slice(700)));
    await original(['UNLINK', keyOf('moving')]);
  });
});

describe('100,000 messages', () => {
  it('are appended, paged, counted and trimmed without being read at once', async () => {
    for (let n = 0; n < 10; n += 1) await conversations.append('long', numbered(10_000, 2));
    await main.send(['CONFIG', 'RESETSTAT']);
    expect(await conversations.countTokens('long')).toBe(200_000);
    const recent = await conversations.lastMessages('long', { maxTokens: 5_000 });
    expect(recent.messages).toHaveLength(2_500);
    expect((await conversations.list('long', { from: 'end', limit: 1 })).items[0]?.content).toBe(
      'message 9999',
    );
    expect(await conversations.trim('long', { keepLast: 500 })).toBe(99_500);
    expect(await conversations.trim('long', { keepLast: 500 })).toBe(0);
    expect(await conversations.countTokens('long')).toBe(1_000);
    expect(await conversations.delete('long')).toBe(500);
  });

  it('are refused in one call', async () => {
    await expect(conversations.append('long', numbered(10_001))).rejects.toThrow(/from 1 to 10000/);
  });
});

describe('trim and delete', () => {
  it('tell an absent conversation', async () => {
    await expect(conversations.trim('absent', { keepLast: 1 })).rejects.toMatchObject({ code: 'not_found' });
    await expect(conversations.delete('absent')).rejects.toMatchObject({ code: 'not_found' });
    await expect(conversations.trim('paged', { keepLast: 0 })).rejects.toMatchObject({
      code: 'invalid_input',
    });
  });

  it('keep the TTL as it is', async () => {
    await main.send(['EXPIRE', keyOf('paged'), '100']);
    await conversations.trim('paged', { keepLast: 2 });
    expect(await main.send<number>(['TTL', keyOf('paged')])).toBeLessThanOrEqual(100);
  });
});

describe('the link to users', () => {
  it('outlives the session, is renewed by appends and goes with the conversation', async () => {
    const index = userConversationsRecord.key.build({ userId: 'linker' });
    const users = conversationUsersRecord.key.build({ conversationId: 'linked' });
    await lore.sessions.create({ userId: 'linker', sessionId: 'linking' });
    await lore.sessions.link('linking', 'linked');
    await lore.sessions.end('linking');
    await main.pipeline([
      ['EXPIRE', index, '10'],
      ['EXPIRE', users, '10'],
    ]);
    await conversations.append('linked', { role: 'user', content: 'hi' });
    expect(await main.send(['TTL', index])).toBe(604_800);
    expect(await main.send(['TTL', users])).toBe(604_800);
    await conversations.delete('linked');
    expect(await main.send(['EXISTS', index, users])).toBe(0);
  });
});
