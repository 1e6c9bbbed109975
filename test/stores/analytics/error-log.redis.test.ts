import { beforeAll, expect, it } from 'vitest';
import type { Database } from '../../../src/redis/databases.ts';
import { ErrorLog } from '../../../src/stores/analytics/error-log.ts';
import { openTestLore } from '../../support/lore.ts';
import { usePrivateRedis } from '../../support/redis.ts';

const redis = usePrivateRedis();
const now = () => Date.parse('2025-01-15T10:30:00Z');
let database: Database;
let errorLog: ErrorLog;

beforeAll(() => {
  database = openTestLore(redis).databases.analytics;
  errorLog = new ErrorLog(database, { now });
});

it('logs errors for 30 days, the newest first, by day and type', async () => {
  await errorLog.record([
    { errorType: 'Timeout', message: 'first', context: { model: 'small' } },
    { errorType: 'Timeout', message: 'second', stackTrace: 'Error: second\n    at here', context: {} },
    { errorType: 'Other', message: 'third', at: new Date('2025-01-14T23:59:59Z') },
  ]);
  expect(await errorLog.list('Timeout')).toEqual({
    items: [
      {
        ...{ timestamp: '2025-01-15T10:30:00.000Z', message: 'second', context: {} },
        stackTrace: 'Error: second\n    at here',
      },
      { timestamp: '2025-01-15T10:30:00.000Z', message: 'first', context: { model: 'small' } },
    ],
    total: 2,
    unreadable: [],
  });
  expect(await errorLog.list('Timeout', { offset: 1, limit: 1 })).toMatchObject({
    ...{ items: [{ message: 'first' }], total: 2 },
  });
  expect(await errorLog.list('Other', { date: '2025-01-14' })).toMatchObject({ total: 1 });
  expect(await database.send(['TTL', 'errors:2025-01-15:Timeout'])).toBeGreaterThan(2_591_990);
  expect(await database.send(['LINDEX', 'errors:2025-01-15:Timeout', '-1'])).toBe(
    '{"timestamp":"2025-01-15T10:30:00.000Z","message":"first","context":{"model":"small"}}',
  );
});

it('keeps the newest errors only', async () => {
  const small = new ErrorLog(database, { now, maxEntries: 3 });
  await small.record({ errorType: 'Flood', message: '0' });
  await small.record(['1', '2', '3', '4'].map((message) => ({ errorType: 'Flood', message })));
  const { items, total } = await small.list('Flood');
  expect(total).toBe(3);
  expect(items.map(({ message }) => message)).toEqual(['4', '3', '2']);
});

it('takes secrets out of message, stack trace and context', async () => {
  await errorLog.record({
    errorType: 'Secret',
    message: 'redis://u:hunter2@host refused',
    stackTrace: 'Error: token=hunter2\n    at here',
    context: { url: 'https://u:hunter2@host', headers: { Authorization: 'hunter2' } },
  });
  const [stored] = await database.send<string[]>(['LRANGE', 'errors:2025-01-15:Secret', '0', '-1']);
  expect(stored).not.toContain('hunter2');
  expect(stored).toContain('at here');
});

it('cuts what is too long', async () => {
  await errorLog.record({ errorType: 'Long', message: 'x'.repeat(1e6), context: { text: 'y '.repeat(1e5) } });
  const [entry] = (await errorLog.list('Long')).items;
  expect(entry?.message).toHaveLength(4_000);
  expect(entry?.context).toEqual({ omitted: expect.stringContaining('characters') });
});

it('counts errors by type, the newest day first', async () => {
  await errorLog.record([
    { errorType: 'a:b*', message: 'x', at: new Date('2025-03-02T00:00:00Z') },
    { errorType: 'few', message: 'x', at: new Date('2025-03-01T00:00:00Z') },
  ]);
  const types = await errorLog.types();
  expect(types.slice(0, 2)).toEqual([
    { date: '2025-03-02', errorType: 'a:b*', count: 1 },
    { date: '2025-03-01', errorType: 'few', count: 1 },
  ]);
  expect(await errorLog.types({ date: '2025-03-01' })).toHaveLength(1);
});

it('reads what another writer logged, and names an element that is no error beside the others', async () => {
  const key = 'errors:2025-01-15:ValueError';
  await database.send([
    'RPUSH',
    key,
    '{"timestamp": "t", "message": "bad", "stack_trace": null, "context": {}}',
  ]);
  expect(await errorLog.list('ValueError')).toMatchObject({ items: [{ message: 'bad' }] });
  await database.send(['LPUSH', key, '{"timestamp": 1}', 'not json']);
  const problem = (text: RegExp) => expect.stringMatching(text);
  expect(await errorLog.list('ValueError')).toMatchObject({
    items: [{ message: 'bad' }],
    total: 3,
    unreadable: [
      { key, position: 0, problem: problem(/"errors:2025-01-15:ValueError".*element 0: .*JSON/) },
      { key, position: 1, problem: problem(/element 1: /) },
    ],
  });
  expect(await errorLog.list('ValueError', { offset: 1, limit: 1 })).toMatchObject({
    items: [],
    unreadable: [{ position: 1, problem: problem(/element 1: /) }],
  });
});

it('leaves a key of another type as it is, its TTL too', async () => {
  const key = 'errors:2025-01-15:Typed';
  await database.send(['SET', key, 'text']);
  const expected = { code: 'record_invalid', key };
  await expect(errorLog.record({ errorType: 'Typed', message: 'x' })).rejects.toMatchObject(expected);
  await expect(errorLog.list('Typed')).rejects.toMatchObject(expected);
  expect(await database.send(['TTL', key])).toBe(-1);
});

it.each([
  { errorType: '', message: 'x' },
  { errorType: 'x', message: 5 },
  { errorType: 'x', message: 'x', stack: 'x' },
  { errorType: 'x', message: 'x', context: 'x' },
])('refuses to log %o', async (error) => {
  const recording = errorLog.record(error as Parameters<ErrorLog['record']>[0]);
  await expect(recording).rejects.toMatchObject({ code: 'invalid_input' });
});
