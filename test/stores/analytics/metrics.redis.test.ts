import { beforeAll, describe, expect, it } from 'vitest';
import type { Database } from '../../../src/redis/databases.ts';
import { openStacklore } from '../../../src/stacklore.ts';
import { Metrics } from '../../../src/stores/analytics/metrics.ts';
import { openTestLore } from '../../support/lore.ts';
import { usePrivateRedis } from '../../support/redis.ts';

const redis = usePrivateRedis();
const NOW = Date.parse('2025-01-15T10:30:00Z');
let database: Database;
let metrics: Metrics;

beforeAll(() => {
  database = openTestLore(redis).databases.analytics;
  metrics = new Metrics(database, { now: () => NOW });
});

const at = (text: string) => new Date(text);

describe('recording a metric', () => {
  it('keeps count, sum, min, max and avg of the hour and of the day', async () => {
    const values = [12, 40.5, 7];
    const observed = values.map((value) => ({ service: 'api', metricName: 'response_time', value }));
    expect(await metrics.record(observed)).toBe(3);
    await metrics.record({
      ...{ service: 'api', metricName: 'response_time', value: 0.5 },
      at: at('2025-01-15T11:00:00Z'),
    });
    expect(await metrics.get('api', 'response_time', '2025-01-15-10')).toEqual({
      ...{ count: 3, sum: 59.5, min: 7, max: 40.5, avg: 59.5 / 3 },
    });
    expect(await metrics.get('api', 'response_time', '2025-01-15')).toEqual({
      ...{ count: 4, sum: 60, min: 0.5, max: 40.5, avg: 15 },
    });
    expect(await database.send(['TTL', 'metrics:api:response_time:2025-01-15-10'])).toBe(-1);
  });

  it.each([
    ['a sum of fractions', [0.1, 0.2, 0.3]],
    ['negative values', [-5, -0.25]],
    ['tiny and huge values', [5e-324, 1.7976931348623157e308]],
    ['many digits', [123456789.12345679, 1 / 3]],
  ])('keeps every digit of %s', async (name, values) => {
    for (const value of values) await metrics.record({ service: 'exact', metricName: name, value });
    const sum = values.reduce((total, value) => total + value, 0);
    expect(await metrics.get('exact', name, '2025-01-15')).toEqual({
      count: values.length,
      sum,
      min: Math.min(...values),
      max: Math.max(...values),
      avg: sum / values.length,
    });
  });

  it('adds up exactly what 64 clients record at once', async () => {
    const clients = Array.from({ length: 64 }, () => openStacklore(redis.config(), { env: {} }));
    await Promise.all(
      clients.map(async (lore, client) => {
        for (let n = 0; n < 10; n += 1) {
          const values = [client, n, 0.25];
          await lore.metrics.record(
            values.map((value) => ({ service: 'shared', metricName: 'load', value, at: new Date(NOW) })),
          );
        }
      }),
    );
    await Promise.all(clients.map((lore) => lore.close()));
    const sum = 10 * ((64 * 63) / 2) + 64 * 45 + 640 * 0.25;
    const count = 64 * 10 * 3;
    expect(await metrics.get('shared', 'load', '2025-01-15-10')).toEqual({
      ...{ count, sum, min: 0, max: 63, avg: sum / count },
    });
  });

  it('refuses what is no finite number, with nothing written', async () => {
    const good = { service: 'mixed', metricName: 'm', value: 1 };
    await expect(metrics.record([good, { ...good, value: Number.NaN }])).rejects.toMatchObject({
      code: 'invalid_input',
    });
    const largest = { ...good, value: Number.MAX_VALUE };
    await expect(metrics.record([largest, largest])).rejects.toMatchObject({ code: 'invalid_input' });
    expect(await metrics.find('mixed', 'm', '2025-01-15')).toBeUndefined();
  });

  it('refuses ids that no key can carry, and keeps those with separators apart', async () => {
    await expect(metrics.record({ service: '', metricName: 'm', value: 1 })).rejects.toMatchObject({
      code: 'invalid_input',
    });
    await metrics.record({ service: 'a:b', metricName: 'c', value: 1 });
    await metrics.record({ service: 'a', metricName: 'b:c', value: 2 });
    expect(await metrics.get('a:b', 'c', '2025-01-15')).toMatchObject({ sum: 1 });
    expect(await metrics.get('a', 'b:c', '2025-01-15')).toMatchObject({ sum: 2 });
  });
});

describe('a bucket of another writer', () => {
  it('is added to where it lies', async () => {
    const fields = ['count', '2', 'sum', '10.0', 'min', '4', 'max', '6e0', 'avg', '5.00', 'unit', 'ms'];
    await database.send(['HSET', 'metrics:py:x*y:2025-01-15-10', ...fields]);
    await metrics.record({ service: 'py', metricName: 'x*y', value: 8 });
    expect(await database.send(['HGETALL', 'metrics:py:x*y:2025-01-15-10'])).toEqual([
      ...['count', '3', 'sum', '18', 'min', '4', 'max', '8', 'avg', '6', 'unit', 'ms'],
    ]);
  });

  it.each([
    ['without a field', ['count', '1', 'sum', '5', 'min', '5', 'max', '5'], 'avg'],
    ['with text for a number', ['count', '1', 'sum', 'five', 'min', '5', 'max', '5', 'avg', '5'], 'sum'],
    ['with nan', ['count', '1', 'sum', '5', 'min', 'nan', 'max', '5', 'avg', '5'], 'min'],
    ['with half an observation', ['count', '1.5', 'sum', '5', 'min', '5', 'max', '5', 'avg', '5'], 'count'],
  ])('%s is refused and stays as it is, and so do the others of the call', async (name, fields, field) => {
    const key = `metrics:bad:${name}:2025-01-15-10`;
    await database.send(['HSET', key, ...fields]);
    const bad = { service: 'bad', metricName: name, value: 1 };
    await expect(metrics.record([{ ...bad, metricName: `${name} 0` }, bad])).rejects.toMatchObject({
      code: 'record_invalid',
      key,
      issues: [expect.objectContaining({ field })],
    });
    await expect(metrics.find('bad', name, '2025-01-15-10')).rejects.toMatchObject({
      code: 'record_invalid',
    });
    expect(await database.send(['HGETALL', key])).toEqual(fields);
    expect(await metrics.find('bad', `${name} 0`, '2025-01-15')).toBeUndefined();
  });

  it('of another type is refused, naming its key', async () => {
    await database.send(['SET', 'metrics:typed:m:2025-01-15', 'text']);
    const expected = { code: 'record_invalid', key: 'metrics:typed:m:2025-01-15' };
    const record = metrics.record({ service: 'typed', metricName: 'm', value: 1 });
    await expect(record).rejects.toMatchObject(expected);
    await expect(metrics.find('typed', 'm', '2025-01-15')).rejects.toMatchObject(expected);
    expect(await metrics.find('typed', 'm', '2025-01-15-10')).toBeUndefined();
  });
});

describe('reading metrics', () => {
  beforeAll(async () => {
    for (const hour of ['08', '09', '23']) {
      const value = Number(hour);
      await metrics.record({ service: 'read', metricName: 'v', value, at: at(`2025-02-01T${hour}:59:59Z`) });
    }
    await metrics.record({ service: 'read', metricName: 'w', value: 1, at: at('2025-02-02T00:00:00Z') });
    await metrics.record({ service: 'read', metricName: 'v', value: 2, at: at('2025-02-02T00:00:00Z') });
  });

  it('gives the hours of a range and their total', async () => {
    const range = await metrics.range('read', 'v', { from: '2025-02-01-09', to: '2025-02-01' });
    expect(range.buckets.map(({ bucket, count }) => [bucket, count])).toEqual([
      ['2025-02-01-09', 1],
      ['2025-02-01-23', 1],
    ]);
    expect(range.total).toEqual({ count: 2, sum: 32, min: 9, max: 23, avg: 16 });
  });

  it('tells which buckets cannot be read, and gives the others', async () => {
    for (const hour of ['08', '09', '10']) {
      const value = Number(hour);
      await metrics.record({ service: 'kind', metricName: 'v', value, at: at(`2025-03-01T${hour}:00:00Z`) });
    }
    await database.send(['HSET', 'metrics:kind:v:2025-03-01-08', 'sum', 'much']);
    await database.send(['SET', 'metrics:kind:v:2025-03-01-09', 'text']);

    const range = await metrics.range('kind', 'v', { from: '2025-03-01', to: '2025-03-01' });
    expect(range.buckets.map(({ bucket }) => bucket)).toEqual(['2025-03-01-10']);
    expect(range.total).toMatchObject({ count: 1, sum: 10 });
    expect(range.unreadable).toEqual([
      { key: 'metrics:kind:v:2025-03-01-08', problem: expect.stringContaining('sum') },
      { key: 'metrics:kind:v:2025-03-01-09', problem: expect.stringContaining('it holds a string') },
    ]);
  });

  it('gives the days of a range', async () => {
    const options = { from: '2025-01-31', to: new Date('2025-02-02T12:00:00Z'), resolution: 'day' } as const;
    const { buckets } = await metrics.range('read', 'v', options);
    expect(buckets.map(({ bucket, sum }) => [bucket, sum])).toEqual([
      ['2025-02-01', 40],
      ['2025-02-02', 2],
    ]);
    expect(await metrics.range('read', 'nothing', options)).toEqual({ buckets: [], unreadable: [] });
  });

  it.each([
    { from: '2025-02-02', to: '2025-02-01' },
    { from: '2025-02-30' },
    { from: 'yesterday' },
    { from: '2020-01-01', to: '2025-01-01' },
    { from: '2025-01-01', until: '2025-01-02' },
  ])('refuses the range %o', async (range) => {
    await expect(metrics.range('read', 'v', range)).rejects.toMatchObject({ code: 'invalid_input' });
  });

  it('lists the metrics of a service', async () => {
    expect(await metrics.list({ service: 'read' })).toEqual([
      {
        ...{ service: 'read', metricName: 'v', hours: 4, days: 2 },
        ...{ first: '2025-02-01', last: '2025-02-02-00' },
      },
      expect.objectContaining({ service: 'read', metricName: 'w', hours: 1, days: 1 }),
    ]);
  });

  it('says that a bucket is not there', async () => {
    await expect(metrics.get('read', 'v', '2024-01-01')).rejects.toMatchObject({ code: 'not_found' });
  });
});
