import { beforeAll, describe, expect, it } from 'vitest';
import { RecordError } from '../../../src/errors.ts';
import type { Database } from '../../../src/redis/databases.ts';
import {
  conversationUsersRecord,
  userConversationsRecord,
  userSessionsRecord,
} from '../../../src/schema/main.ts';
import type { Stacklore } from '../../../src/stacklore.ts';
import { USER_INDEX } from '../../../src/stores/main/scripts/user-index.ts';
import { Sessions } from '../../../src/stores/main/sessions.ts';
import { allKeys, openTestLore } from '../../support/lore.ts';
import { isOnCluster, usePrivateRedis } from '../../support/redis.ts';

const redis = usePrivateRedis();
let lore: Stacklore;
let main: Database;
let sessions: Sessions;

beforeAll(() => {
  lore = openTestLore(redis);
  main = lore.databases.main;
  sessions = lore.sessions;
});

const hashAt = (key: string) => main.send<string[]>(['HGETALL', key]);
const indexOf = (userId: string) =>
  main.send<string[]>(['ZRANGE', userSessionsRecord.key.build({ userId }), '0', '-1']);
const foreign = (key: string, fields: Record<string, string> = {}) =>
  main.send([
    ...['HSET', key, 'user_id', 'user_f', 'created_at', '2025-01-15T10:30:00.123456+00:00'],
    ...[
      'last_activity',
      '2025-01-15 10:45:00',
      'metadata',
      '{"browser": "Chrome"}',
      ...Object.entries(fields).flat(),
    ],
  ]);

describe('create', () => {
  it('stores the documented hash and its TTL, and enters it in the index of its user', async () => {
    const at = new Sessions(main, { now: () => Date.parse('2025-01-15T10:30:00Z') });
    const created = await at.create({
      userId: 'user_001',
      sessionId: 'abc123-def456',
      conversationId: 'conv_789',
      metadata: { browser: 'Chrome', ip: '192.168.1.1' },
    });
    expect(await hashAt('session:abc123-def456')).toEqual([
      ...[
        'user_id',
        'user_001',
        'created_at',
        '2025-01-15T10:30:00Z',
        'last_activity',
        '2025-01-15T10:30:00Z',
      ],
      ...['conversation_id', 'conv_789', 'metadata', '{"browser":"Chrome","ip":"192.168.1.1"}'],
    ]);
    expect(await main.send(['TTL', 'session:abc123-def456'])).toBe(86_400);
    expect(await indexOf('user_001')).toEqual(['abc123-def456']);
    expect(await main.send(['TTL', userSessionsRecord.key.build({ userId: 'user_001' })])).toBe(86_400);
    expect(await sessions.get('abc123-def456')).toEqual(created);
  });

  it('makes up an id that is not guessed', async () => {
    const [one, other] = [await sessions.create({ userId: 'u' }), await sessions.create({ userId: 'u' })];
    expect(one.sessionId).toMatch(/^[0-9a-f-]{36}$/);
    expect(one.sessionId).not.toBe(other.sessionId);
  });

  it('lets one of 64 creators of an id win', async () => {
    const made = await Promise.allSettled(
      Array.from({ length: 64 }, (_, n) => sessions.create({ userId: `racer_${n}`, sessionId: 'race' })),
    );
    const won = made.flatMap((one) => (one.status === 'fulfilled' ? [one.value.userId] : []));
    expect(won).toHaveLength(1);
    expect((await sessions.get('race')).userId).toBe(won[0]);
    expect(made.filter((one) => one.status === 'rejected').map((one) => one.reason.code)).toEqual(
      Array.from({ length: 63 }, () => 'already_exists'),
    );
    const indexed = await allKeys(main, 'stacklore:user-sessions:racer_*');
    expect(indexed).toEqual([userSessionsRecord.key.build({ userId: won[0] ?? '' })]);
  });

  it.each([
    ['an empty user', { userId: '' }, /userId is empty/],
    ['a control character', { userId: 'a\nb' }, /control character/],
    ['a long id', { userId: 'u', sessionId: 'x'.repeat(513) }, /longer than 512 bytes/],
    ['half a character', { userId: 'u', conversationId: '\ud800' }, /surrogate/],
    ['metadata that is a list', { userId: 'u', metadata: [] }, /metadata must be an object/],
    [
      'metadata that JSON cannot hold',
      { userId: 'u', metadata: { big: 1n } },
      /Give metadata that JSON can hold/,
    ],
    ['a key it does not know', { userId: 'u', userid: 'u' }, /The session has no "userid"/],
    ['nothing', undefined, /session must be an object/],
  ])('refuses %s', async (_, session, message) => {
    // Callers without types get this far.
    await expect(sessions.create(session as never)).rejects.toMatchObject({
      code: 'invalid_input',
      message: expect.stringMatching(message),
    });
  });
});

describe('an id that reads like structure', () => {
  it.each(['a:b', 'a*', '[a]', 'a%2Ab', 'ключ 🔑', 'session:x', '*'])(
    '"%s" reaches its own session only',
    async (sessionId) => {
      await sessions.create({ userId: 'odd', sessionId });
      await sessions.create({ userId: 'odd', sessionId: `${sessionId}x` });
      expect((await sessions.get(sessionId)).sessionId).toBe(sessionId);
      expect(await sessions.end(sessionId)).toBe(true);
      expect(await sessions.find(sessionId)).toBeUndefined();
      expect((await sessions.get(`${sessionId}x`)).sessionId).toBe(`${sessionId}x`);
    },
  );

  it('has its index where the key template says', async () => {
    const ids = ['user_001', 'a:b', 'a*b?[c]\\d%2Ae', 'ключ', '100%', '{x}', ' ', 'é'.repeat(256), '\u00a0'];
    const lua = `${USER_INDEX} return { user_sessions(ARGV[1]), user_conversations(ARGV[1]), conversation_users(ARGV[1]) }`;
    for (const id of ids) {
      expect(await main.send(['EVAL', lua, '0', id])).toEqual([
        userSessionsRecord.key.build({ userId: id }),
        userConversationsRecord.key.build({ userId: id }),
        conversationUsersRecord.key.build({ conversationId: id }),
      ]);
    }
    for (const id of ['', 'x'.repeat(513), 'a\nb', 'a\u0085b', '\u0000']) {
      expect(() => userSessionsRecord.key.build({ userId: id })).toThrow();
      expect(await main.send(['EVAL', lua, '0', id])).toEqual([]);
    }
  });
});

describe('find and get', () => {
  it('do not renew a session', async () => {
    await sessions.create({ userId: 'u', sessionId: 'looked-at' });
    await main.send(['EXPIRE', 'session:looked-at', '50']);
    await sessions.get('looked-at');
    expect(await main.send<number>(['TTL', 'session:looked-at'])).toBeLessThanOrEqual(50);
  });

  it('tell an absent session', async () => {
    expect(await sessions.find('absent')).toBeUndefined();
    await expect(sessions.get('absent')).rejects.toMatchObject({ code: 'not_found' });
  });

  it('read what other programs wrote, under raw keys too', async () => {
    await foreign('session:web:42*', { locale: 'de' });
    expect(await sessions.get('web:42*')).toEqual({
      sessionId: 'web:42*',
      userId: 'user_f',
      createdAt: new Date('2025-01-15T10:30:00.123Z'),
      lastActivity: new Date('2025-01-15T10:45:00Z'),
      metadata: { browser: 'Chrome' },
    });
  });

  it('name a key that holds something else, or bad fields', async () => {
    await main.send(['SET', 'session:text', 'x']);
    await foreign('session:bad', { metadata: '{', created_at: 'yesterday' });
    for (const use of [sessions.get, sessions.touch, sessions.end].map((method) => method.bind(sessions))) {
      await expect(use('text')).rejects.toMatchObject({ code: 'record_invalid', key: 'session:text' });
    }
    await expect(sessions.get('bad')).rejects.toThrow(/"session:bad" cannot be used \(created_at.*metadata/);
    await expect(sessions.get('bad')).rejects.toBeInstanceOf(RecordError);
    await expect(sessions.create({ userId: 'u', sessionId: 'text' })).rejects.toMatchObject({
      code: 'already_exists',
    });
    expect(await main.send(['GET', 'session:text'])).toBe('x');
  });
});

describe('touch', () => {
  it('renews value, TTL and index together', async () => {
    let now = Date.parse('2025-01-15T10:30:00Z');
    const clocked = new Sessions(main, { now: () => now });
    await clocked.create({ userId: 'slider', sessionId: 'slide', metadata: { n: 1 } });
    await main.send(['EXPIRE', 'session:slide', '10']);
    await main.send(['EXPIRE', userSessionsRecord.key.build({ userId: 'slider' }), '10']);
    now += 60_000;
    expect(await clocked.touch('slide')).toMatchObject({
      createdAt: new Date('2025-01-15T10:30:00Z'),
      lastActivity: new Date('2025-01-15T10:31:00Z'),
      metadata: { n: 1 },
    });
    expect(await main.send(['TTL', 'session:slide'])).toBe(86_400);
    expect(await main.send(['TTL', userSessionsRecord.key.build({ userId: 'slider' })])).toBe(86_400);
  });

  it('and update never bring back a session that expired', async () => {
    await sessions.create({ userId: 'gone', sessionId: 'expired' });
    await main.send(['PEXPIRE', 'session:expired', '1']);
    await new Promise((resolve) => setTimeout(resolve, 5));
    await expect(sessions.touch('expired')).rejects.toMatchObject({ code: 'not_found' });
    await expect(sessions.update('expired', { metadata: {} })).rejects.toMatchObject({ code: 'not_found' });
    await expect(sessions.link('expired', 'c')).rejects.toMatchObject({ code: 'not_found' });
    expect(await main.send(['EXISTS', 'session:expired'])).toBe(0);
  });

  it('against end in parallel leaves no session half there', async () => {
    await Promise.all(
      Array.from({ length: 64 }, async (_, n) => {
        await sessions.create({ userId: 'race-end', sessionId: `race-${n}` });
        await Promise.all([
          sessions.end(`race-${n}`),
          sessions.touch(`race-${n}`).catch(() => undefined),
          sessions.update(`race-${n}`, { metadata: { n } }).catch(() => undefined),
        ]);
      }),
    );
    expect(await allKeys(main, 'session:race-*')).toEqual([]);
    // Where a use is several steps, its entry may come after the end; the next list removes it.
    const left = isOnCluster() ? (await sessions.listForUser('race-end')).items : await indexOf('race-end');
    expect(left).toEqual([]);
  });

  it('brings sessions of other programs into the index, with their conversation', async () => {
    await foreign('session:theirs', { conversation_id: 'conv_theirs', user_id: 'user_t' });
    expect((await sessions.listForUser('user_t')).items).toEqual([]);
    await sessions.touch('theirs');
    expect((await sessions.listForUser('user_t')).items).toMatchObject([{ sessionId: 'theirs' }]);
    expect(
      await main.send(['ZRANGE', userConversationsRecord.key.build({ userId: 'user_t' }), '0', '-1']),
    ).toEqual(['conv_theirs']);
  });

  it('leaves a record alone that names no user', async () => {
    await main.send(['HSET', 'session:nobody', 'created_at', '2025-01-15T10:30:00Z']);
    await expect(sessions.touch('nobody')).rejects.toThrow(/user_id: missing/);
    expect(await main.send(['TTL', 'session:nobody'])).toBe(-1);
  });

  // On a cluster a session is used before its index.
  it.skipIf(isOnCluster())(
    'writes nothing where a key of the index holds something else, and names it',
    async () => {
      await sessions.create({ userId: 'spoilt', sessionId: 'spoilt' });
      const key = userSessionsRecord.key.build({ userId: 'spoilt' });
      await main.send(['SET', key, 'x']);
      await main.send(['EXPIRE', 'session:spoilt', '50']);
      await expect(sessions.touch('spoilt')).rejects.toMatchObject({ code: 'record_invalid', key });
      await expect(sessions.create({ userId: 'spoilt', sessionId: 'no' })).rejects.toMatchObject({ key });
      await expect(sessions.listForUser('spoilt')).rejects.toMatchObject({ key });
      expect(await sessions.find('no')).toBeUndefined();
      expect(await main.send<number>(['TTL', 'session:spoilt'])).toBeLessThanOrEqual(50);
    },
  );
});

describe('update', () => {
  it('changes what is given and leaves the rest, fields of other programs too', async () => {
    await foreign('session:part', { locale: 'de', conversation_id: 'c1' });
    await sessions.update('part', { metadata: { theme: 'dark' } });
    expect(await sessions.get('part')).toMatchObject({ metadata: { theme: 'dark' }, conversationId: 'c1' });
    await sessions.update('part', { conversationId: null });
    expect(await sessions.get('part')).not.toHaveProperty('conversationId');
    expect(await sessions.link('part', 'c2')).toMatchObject({
      conversationId: 'c2',
      metadata: { theme: 'dark' },
    });
    expect(await main.send(['HGET', 'session:part', 'locale'])).toBe('de');
    expect(await main.send(['TTL', 'session:part'])).toBe(86_400);
  });

  it('refuses what a session does not have', async () => {
    await expect(sessions.update('part', { userId: 'x' } as never)).rejects.toThrow(/has no "userId"/);
    await expect(sessions.link('part', '')).rejects.toMatchObject({ code: 'invalid_input' });
    await expect(sessions.update('part', { conversationId: 5 } as never)).rejects.toThrow(/is not text/);
  });
});

describe('listForUser', () => {
  it('gives pages, last used first, without those that ended or expired', async () => {
    for (const sessionId of ['l1', 'l2', 'l3', 'l4', 'l5']) {
      await sessions.create({ userId: 'lister', sessionId });
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    await sessions.touch('l1');
    await sessions.end('l2');
    await main.send(['UNLINK', 'session:l3']); // by another program
    const ids = async (page = {}) => {
      const { items, total } = await sessions.listForUser('lister', page);
      return { ids: items.map(({ sessionId }) => sessionId), total };
    };
    expect(await ids()).toEqual({ ids: ['l1', 'l5', 'l4'], total: 3 });
    expect(await ids({ offset: 1, limit: 1 })).toEqual({ ids: ['l5'], total: 3 });
    expect(await indexOf('lister')).toEqual(['l4', 'l5', 'l1']);
  });

  it('drops entries whose time has come, and those of a session that is another user’s now', async () => {
    await sessions.create({ userId: 'first', sessionId: 'taken' });
    await main.send(['ZADD', userSessionsRecord.key.build({ userId: 'first' }), '1000', 'long-ago']);
    await main.send(['HSET', 'session:taken', 'user_id', 'second']);
    expect(await sessions.listForUser('first')).toEqual({ items: [], total: 0, unreadable: [] });
    expect(await indexOf('first')).toEqual([]);
  });

  it('tells which sessions cannot be read, and gives the others', async () => {
    for (const sessionId of ['whole', 'dated', 'typed', 'moved']) {
      await sessions.create({ userId: 'kind', sessionId });
    }
    await main.send(['HSET', 'session:dated', 'created_at', 'yesterday']);
    await main.send(['HSET', 'session:moved', 'created_at', 'yesterday', 'user_id', 'another']);
    await main.send(['SET', 'session:typed', 'text']);

    const { items, total, unreadable } = await sessions.listForUser('kind');
    expect(items.map(({ sessionId }) => sessionId)).toEqual(['whole']);
    expect(total).toBe(3);
    expect([...unreadable].sort((a, b) => (a.key < b.key ? -1 : 1))).toEqual([
      { sessionId: 'dated', key: 'session:dated', problem: expect.stringContaining('created_at') },
      { sessionId: 'typed', key: 'session:typed', problem: expect.stringContaining('it holds a string') },
    ]);
    expect((await indexOf('kind')).sort()).toEqual(['dated', 'typed', 'whole']);
    expect(await sessions.end('dated')).toBe(true);
  });

  it('keeps users apart whose ids contain one another', async () => {
    for (const userId of ['an', 'ann', 'ann*', 'a?n', 'ann:x'])
      await sessions.create({ userId, sessionId: `of ${userId}` });
    for (const userId of ['an', 'ann', 'ann*', 'a?n', 'ann:x']) {
      expect((await sessions.listForUser(userId)).items.map((one) => one.sessionId)).toEqual([
        `of ${userId}`,
      ]);
    }
  });

  it.each([{ offset: -1 }, { limit: 0 }, { limit: 1.5 }, { limit: 10_001 }, { offset: Number.NaN }])(
    'refuses the page %j',
    async (page) => {
      await expect(sessions.listForUser('u', page)).rejects.toMatchObject({ code: 'invalid_input' });
    },
  );
});
