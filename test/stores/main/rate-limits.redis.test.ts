import { beforeEach, describe, expect, it } from 'vitest';
import { loadConfig } from '../../../src/config.ts';
import { connectDatabases, type Database } from '../../../src/redis/databases.ts';
import type { Stacklore } from '../../../src/stacklore.ts';
import { RateLimits } from '../../../src/stores/main/rate-limits.ts';
import { allKeys, openTestLore } from '../../support/lore.ts';
import { usePrivateRedis } from '../../support/redis.ts';

const redis = usePrivateRedis();
let lore: Stacklore;
let main: Database;
let limits: RateLimits;

beforeEach(async () => {
  lore ??= openTestLore(redis, {
    rateLimits: { limit: 5, endpoints: { slow: { limit: 1, windowSeconds: 600 }, wide: { limit: 9 } } },
  });
  main = lore.databases.main;
  limits = lore.rateLimits;
  const keys = await allKeys(main, '*');
  if (keys.length > 0) await main.send(['UNLINK', ...keys]);
});

const ttlOf = async (key: string) => Number(await main.send(['PTTL', key]));

describe('a request', () => {
  it('is counted under the documented key, in a window that the first one opens', async () => {
    const decision = await limits.hit('client_42', 'search');
    expect(decision).toEqual({
      ...{ allowed: true, limit: 5, remaining: 4, resetSeconds: 60, isDegraded: false },
      resetAt: expect.any(Date),
    });
    expect(await main.send(['GET', 'ratelimit:client_42:search'])).toBe('1');
    expect(await ttlOf('ratelimit:client_42:search')).toBeGreaterThan(50_000);
    const [seconds] = await main.send<string[]>(['TIME']);
    expect(Math.abs(decision.resetAt.getTime() / 1_000 - Number(seconds) - 60)).toBeLessThan(5);
  });

  it('beyond the limit is refused, not counted, and does not lengthen the window', async () => {
    await main.send(['SET', 'ratelimit:c:search', '5', 'PX', '20000']);
    const decision = await limits.hit('c', 'search');
    expect(decision).toMatchObject({ allowed: false, remaining: 0 });
    expect(decision.resetSeconds).toBeLessThanOrEqual(20);
    expect(await main.send(['GET', 'ratelimit:c:search'])).toBe('5');
    expect(await ttlOf('ratelimit:c:search')).toBeLessThanOrEqual(20_000);
  });

  it('of one client leaves other clients and endpoints alone', async () => {
    for (let n = 0; n < 5; n += 1) await limits.hit('a', 'search');
    expect((await limits.hit('a', 'search')).allowed).toBe(false);
    expect((await limits.hit('b', 'search')).allowed).toBe(true);
    expect((await limits.hit('a', 'context')).allowed).toBe(true);
  });

  it('may count for several, and is refused whole when that is too many', async () => {
    expect(await limits.hit('c', 'search', { cost: 4 })).toMatchObject({ allowed: true, remaining: 1 });
    expect(await limits.hit('c', 'search', { cost: 2 })).toMatchObject({ allowed: false, remaining: 1 });
    expect(await limits.hit('c', 'search')).toMatchObject({ allowed: true, remaining: 0 });
  });

  it('is allowed again in the next window', async () => {
    for (let n = 0; n < 6; n += 1) await limits.hit('c', 'search');
    await main.send(['PEXPIRE', 'ratelimit:c:search', '1']);
    while ((await main.send(['EXISTS', 'ratelimit:c:search'])) === 1);
    expect(await limits.hit('c', 'search')).toMatchObject({ allowed: true, remaining: 4, resetSeconds: 60 });
  });

  it('of 64 clients at once is counted exactly', async () => {
    const clients = Array.from({ length: 64 }, () =>
      connectDatabases(loadConfig({ settings: redis.config(), env: {} })),
    );
    try {
      const decisions = await Promise.all(
        clients.flatMap(({ main: own }) => {
          const shared = new RateLimits(own, { limit: 100 });
          return [1, 2, 3].map(() => shared.hit('all', 'search'));
        }),
      );
      expect(decisions.filter(({ allowed }) => allowed)).toHaveLength(100);
      expect(await main.send(['GET', 'ratelimit:all:search'])).toBe('100');
      const remaining = decisions.filter(({ allowed }) => allowed).map((one) => one.remaining);
      expect(remaining.sort((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, at) => at));
    } finally {
      await Promise.all(clients.map((client) => client.close()));
    }
  });
});

describe('limits', () => {
  it('come from the call, then the endpoint, then the program', async () => {
    expect(await limits.peek('c', 'slow')).toMatchObject({ limit: 1 });
    expect(await limits.peek('c', 'wide')).toMatchObject({ limit: 9 });
    expect(await limits.peek('c', 'constructor')).toMatchObject({ limit: 5 });
    expect(await limits.hit('c', 'slow', { limit: 3 })).toMatchObject({
      limit: 3,
      remaining: 2,
      resetSeconds: 600,
    });
    expect(await limits.hit('c', 'wide', { windowSeconds: 7 })).toMatchObject({ limit: 9, resetSeconds: 7 });
  });

  it('of nothing refuse everything', async () => {
    expect(await limits.hit('c', 'search', { limit: 0 })).toMatchObject({ allowed: false, remaining: 0 });
    expect(await allKeys(main, '*')).toEqual([]);
  });
});

describe('a window', () => {
  it('can be looked at without counting', async () => {
    expect(await limits.peek('c', 'search')).toMatchObject({ allowed: true, remaining: 5, resetSeconds: 0 });
    expect(await allKeys(main, '*')).toEqual([]);
    for (let n = 0; n < 5; n += 1) await limits.hit('c', 'search');
    expect(await limits.peek('c', 'search')).toMatchObject({ allowed: false, remaining: 0 });
  });

  it('can be forgotten', async () => {
    await limits.hit('c', 'search');
    expect(await limits.reset('c', 'search')).toBe(true);
    expect(await limits.reset('c', 'search')).toBe(false);
    expect(await limits.peek('c', 'search')).toMatchObject({ remaining: 5 });
  });

  it('without an end, as another writer left it, gets one', async () => {
    await main.send(['SET', 'ratelimit:c:search', '5']);
    expect(await limits.hit('c', 'search')).toMatchObject({ allowed: false, resetSeconds: 60 });
    expect(await ttlOf('ratelimit:c:search')).toBeGreaterThan(50_000);
  });

  it('longer than the limit says is cut', async () => {
    await main.send(['SET', 'ratelimit:c:search', '5', 'EX', '86400']);
    expect(await limits.hit('c', 'search')).toMatchObject({ allowed: false, resetSeconds: 60 });
  });

  it('that another program counts in by INCR is shared', async () => {
    await limits.hit('c', 'search');
    await main.send(['INCRBY', 'ratelimit:c:search', '10']);
    expect(await limits.hit('c', 'search')).toMatchObject({ allowed: false, remaining: 0 });
  });

  it('that another program keeps under a raw id is shared', async () => {
    await main.send(['SET', 'ratelimit:c:files/*', '4', 'EX', '30']);
    expect(await limits.hit('c', 'files/*')).toMatchObject({ allowed: true, remaining: 0 });
    expect(await limits.hit('c', 'files/*')).toMatchObject({ allowed: false });
    expect(await allKeys(main, '*')).toEqual(['ratelimit:c:files/*']);
  });
});

describe('wrong input', () => {
  it('cannot reach the counter of another client', async () => {
    await limits.hit('a:b', 'c');
    expect(await limits.hit('a', 'b:c')).toMatchObject({ remaining: 4 });
    expect(await limits.hit('a', 'b')).toMatchObject({ remaining: 4 });
    expect(await allKeys(main, '*')).toHaveLength(3);
  });

  it.each<[string, string, string, object]>([
    ['an empty client', '', 'search', {}],
    ['an empty endpoint', 'c', '', {}],
    ['a control character', 'c\u0000', 'search', {}],
    ['an endless client', 'c'.repeat(600), 'search', {}],
    ['a fractional cost', 'c', 'search', { cost: 0.5 }],
    ['no cost', 'c', 'search', { cost: 0 }],
    ['a negative limit', 'c', 'search', { limit: -1 }],
    ['no window', 'c', 'search', { windowSeconds: 0 }],
    ['a misspelt option', 'c', 'search', { limits: 1 }],
  ])('is refused: %s', async (_name, clientId, endpoint, options) => {
    await expect(limits.hit(clientId, endpoint, options)).rejects.toMatchObject({ code: 'invalid_input' });
    expect(await allKeys(main, '*')).toEqual([]);
  });

  it.each<[string, string[]]>([
    ['another type', ['RPUSH', 'ratelimit:c:search', '1']],
    ['no number', ['SET', 'ratelimit:c:search', 'many']],
    ['a fraction', ['SET', 'ratelimit:c:search', '1.5']],
  ])('in Redis is named: %s', async (_name, command) => {
    await main.send(command);
    const hit = limits.hit('c', 'search');
    await expect(hit).rejects.toMatchObject({ code: 'record_invalid', key: 'ratelimit:c:search' });
  });
});

describe('without the database', () => {
  const away = (whenAway: 'allow' | 'refuse') => {
    const settings = { connectTimeoutMs: 200, databases: { main: { url: 'redis://127.0.0.1:1' } } };
    const { main: gone } = connectDatabases(loadConfig({ settings: redis.config(settings), env: {} }));
    return new RateLimits(gone, { limit: 5, whenAway });
  };

  it('requests are allowed or refused as configured, and marked', async () => {
    const open = { allowed: true, limit: 5, remaining: 5, isDegraded: true };
    expect(await away('allow').hit('c', 'search')).toMatchObject(open);
    const closed = { allowed: false, limit: 5, remaining: 0, isDegraded: true };
    expect(await away('refuse').hit('c', 'search')).toMatchObject(closed);
  });
});
