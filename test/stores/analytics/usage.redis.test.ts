import { beforeAll, expect, it } from 'vitest';
import type { Database } from '../../../src/redis/databases.ts';
import { UsageLog } from '../../../src/stores/analytics/usage.ts';
import { openTestLore } from '../../support/lore.ts';
import { usePrivateRedis } from '../../support/redis.ts';

const redis = usePrivateRedis();
let database: Database;
let usage: UsageLog;

beforeAll(() => {
  database = openTestLore(redis).databases.analytics;
  usage = new UsageLog(database, { now: () => Date.parse('2025-01-15T10:30:00Z') });
});

const NONE = { requests: 0, tokensIn: 0, tokensOut: 0, llmCalls: 0, kbQueries: 0 };

it('adds to the day of a user and writes every field', async () => {
  await usage.add({ userId: 'ada', requests: 1, kbQueries: 2 });
  await usage.add({ userId: 'ada', tokensIn: 812, tokensOut: 95, llmCalls: 1 });
  expect(await usage.get('ada')).toEqual({
    ...{ userId: 'ada', date: '2025-01-15' },
    ...{ requests: 1, tokensIn: 812, tokensOut: 95, llmCalls: 1, kbQueries: 2 },
  });
  await usage.add({ userId: 'bob', requests: 1 });
  expect(await database.send(['HGETALL', 'usage:2025-01-15:bob'])).toEqual([
    ...['requests', '1', 'tokens_in', '0', 'tokens_out', '0', 'llm_calls', '0', 'kb_queries', '0'],
  ]);
});

it('loses nothing of 640 additions at once', async () => {
  const one = { userId: 'busy', requests: 1, tokensIn: 7 };
  await Promise.all(Array.from({ length: 64 }, () => usage.add(Array.from({ length: 10 }, () => one))));
  expect(await usage.get('busy')).toMatchObject({ requests: 640, tokensIn: 4_480 });
});

it('gives the days of a user and their sum', async () => {
  await usage.add([
    { userId: 'eve', date: '2025-01-10', requests: 1 },
    { userId: 'eve', date: '2025-01-12', requests: 2, kbQueries: 1 },
    { userId: 'eve:2', date: '2025-01-12', requests: 50 },
    { userId: 'eve', date: '2025-01-14', requests: 100 },
  ]);
  const { days, total } = await usage.rangeOfUser('eve', { from: '2025-01-09', to: '2025-01-13' });
  expect(days.map(({ date, requests }) => [date, requests])).toEqual([
    ['2025-01-10', 1],
    ['2025-01-12', 2],
  ]);
  expect(total).toEqual({ ...NONE, requests: 3, kbQueries: 1 });
});

it('lists the users of a day, page by page', async () => {
  await usage.add(['c', 'a', 'b*', 'd:e'].map((userId) => ({ userId, date: '2025-03-01', requests: 1 })));
  const { items, total } = await usage.listDay('2025-03-01', { offset: 1, limit: 2 });
  expect(total).toBe(4);
  expect(items.map(({ userId }) => userId)).toEqual(['b*', 'c']);
});

it('completes a record of another writer and refuses one with bad fields', async () => {
  await database.send(['HSET', 'usage:2025-01-15:half', 'requests', '4']);
  await expect(usage.find('half')).rejects.toMatchObject({ code: 'record_invalid' });
  await usage.add({ userId: 'half', requests: 1 });
  expect(await usage.get('half')).toEqual({ ...NONE, userId: 'half', date: '2025-01-15', requests: 5 });

  await database.send(['HSET', 'usage:2025-01-15:bad', 'requests', '4', 'llm_calls', 'many']);
  const adding = usage.add([
    { userId: 'good', requests: 1 },
    { userId: 'bad', requests: 1 },
  ]);
  await expect(adding).rejects.toMatchObject({ code: 'record_invalid', key: 'usage:2025-01-15:bad' });
  expect(await usage.find('good')).toBeUndefined();
  expect(await database.send(['HGET', 'usage:2025-01-15:bad', 'requests'])).toBe('4');

  await database.send(['SET', 'usage:2025-01-15:typed', '1']);
  await expect(usage.add({ userId: 'typed', requests: 1 })).rejects.toMatchObject({
    code: 'record_invalid',
    key: 'usage:2025-01-15:typed',
  });
});

it('tells which records of a day or a user cannot be read, and gives the others', async () => {
  for (const userId of ['fine', 'spoilt']) await usage.add({ userId, date: '2025-04-01', requests: 1 });
  await usage.add({ userId: 'spoilt', date: '2025-04-02', requests: 2 });
  await usage.add({ userId: 'spoilt', date: '2025-04-03', requests: 4 });
  await database.send(['HSET', 'usage:2025-04-01:spoilt', 'tokens_in', 'few']);
  await database.send(['SET', 'usage:2025-04-02:spoilt', 'text']);

  const day = await usage.listDay('2025-04-01');
  expect(day).toMatchObject({ items: [{ userId: 'fine' }], total: 2 });
  expect(day.unreadable).toEqual([
    { key: 'usage:2025-04-01:spoilt', problem: expect.stringContaining('tokens_in') },
  ]);
  const range = await usage.rangeOfUser('spoilt', { from: '2025-04-01', to: '2025-04-03' });
  expect(range).toMatchObject({ days: [{ date: '2025-04-03' }], total: { requests: 4 } });
  expect(range.unreadable.map(({ key }) => key)).toEqual([
    'usage:2025-04-01:spoilt',
    'usage:2025-04-02:spoilt',
  ]);
});

it.each([
  { userId: '' },
  { userId: 'x', requests: -1 },
  { userId: 'x', tokensIn: 1.5 },
  { userId: 'x', date: '2025-02-30' },
  { userId: 'x', request: 1 },
])('refuses to add %o', async (increment) => {
  await expect(usage.add(increment)).rejects.toMatchObject({ code: 'invalid_input' });
});

it('says that a user used nothing', async () => {
  await expect(usage.get('nobody')).rejects.toMatchObject({ code: 'not_found' });
});
