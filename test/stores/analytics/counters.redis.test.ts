import { beforeAll, expect, it } from 'vitest';
import type { Database } from '../../../src/redis/databases.ts';
import { openStacklore } from '../../../src/stacklore.ts';
import type { Counters } from '../../../src/stores/analytics/counters.ts';
import { openTestLore } from '../../support/lore.ts';
import { usePrivateRedis } from '../../support/redis.ts';

const redis = usePrivateRedis();
let database: Database;
let counters: Counters;

beforeAll(() => {
  const lore = openTestLore(redis);
  database = lore.databases.analytics;
  counters = lore.counters;
});

it('counts in windows of a minute, an hour and a day', async () => {
  expect(await counters.increment('logins')).toEqual({ '1min': 1, '1hour': 1, '1day': 1 });
  expect(await counters.increment('logins', { by: 4, windows: ['1hour'] })).toEqual({ '1hour': 5 });
  expect(await counters.read(['logins', 'nothing'])).toEqual([
    { metric: 'logins', window: '1min', count: 1, resetSeconds: expect.closeTo(60, -1) },
    { metric: 'logins', window: '1hour', count: 5, resetSeconds: expect.closeTo(3_600, -2) },
    { metric: 'logins', window: '1day', count: 1, resetSeconds: expect.closeTo(86_400, -2) },
    { metric: 'nothing', window: '1min', count: 0, resetSeconds: 0 },
    { metric: 'nothing', window: '1hour', count: 0, resetSeconds: 0 },
    { metric: 'nothing', window: '1day', count: 0, resetSeconds: 0 },
  ]);
});

it('never extends a window, and gives one to a counter without', async () => {
  await database.send(['SET', 'counter:open:1hour', '5', 'EX', '100']);
  await database.send(['SET', 'counter:open:1day', '7']);
  expect(await counters.increment('open')).toEqual({ '1min': 1, '1hour': 6, '1day': 8 });
  expect(await database.send(['TTL', 'counter:open:1hour'])).toBeLessThanOrEqual(100);
  expect(await database.send(['TTL', 'counter:open:1day'])).toBeGreaterThan(86_000);
});

it('counts exactly what 64 clients count at once', async () => {
  const clients = Array.from({ length: 64 }, () => openStacklore(redis.config(), { env: {} }));
  await Promise.all(
    clients.map(async (lore) => {
      for (let n = 0; n < 20; n += 1) await lore.counters.increment('shared', { by: 3 });
    }),
  );
  await Promise.all(clients.map((lore) => lore.close()));
  const counts = await counters.read('shared');
  expect(counts.map(({ count }) => count)).toEqual([3_840, 3_840, 3_840]);
});

it('counts several metrics in one step, or none of them', async () => {
  expect(
    await counters.incrementMany([
      { metric: 'a', windows: ['1min'] },
      { metric: 'b:c', by: 2 },
    ]),
  ).toEqual([{ '1min': 1 }, { '1min': 2, '1hour': 2, '1day': 2 }]);
  await database.send(['SET', 'counter:broken:1hour', 'many']);
  await expect(counters.incrementMany([{ metric: 'a' }, { metric: 'broken' }])).rejects.toMatchObject({
    code: 'record_invalid',
    key: 'counter:broken:1hour',
  });
  await expect(counters.read('broken')).rejects.toMatchObject({ code: 'record_invalid' });
  expect((await counters.read('a')).map(({ count }) => count)).toEqual([1, 0, 0]);
});

it('names a key of another type', async () => {
  await database.send(['HSET', 'counter:typed:1min', 'a', '1']);
  const expected = { code: 'record_invalid', key: 'counter:typed:1min' };
  await expect(counters.increment('typed')).rejects.toMatchObject(expected);
  await expect(counters.read('typed')).rejects.toMatchObject(expected);
});

it('lists open counters and ends them', async () => {
  await counters.increment('listed', { windows: ['1day'] });
  expect(await counters.list()).toContainEqual(
    expect.objectContaining({ metric: 'listed', window: '1day', count: 1 }),
  );
  expect(await counters.reset('listed')).toBe(1);
  expect((await counters.list()).some(({ metric }) => metric === 'listed')).toBe(false);
});

it.each([{ by: 0 }, { by: 1.5 }, { windows: [] }, { windows: ['1week'] }, { window: '1min' }])(
  'refuses the option %o',
  async (option) => {
    const increment = counters.increment('refused', option as Parameters<Counters['increment']>[1]);
    await expect(increment).rejects.toMatchObject({ code: 'invalid_input' });
  },
);

it('refuses an id that no key can carry', async () => {
  await expect(counters.increment('')).rejects.toMatchObject({ code: 'invalid_input' });
});
