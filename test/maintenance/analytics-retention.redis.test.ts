import { beforeEach, expect, it } from 'vitest';
import { deleteAnalyticsBefore } from '../../src/maintenance/analytics-retention.ts';
import type { Stacklore } from '../../src/stacklore.ts';
import { allKeys, openTestLore } from '../support/lore.ts';
import { usePrivateRedis } from '../support/redis.ts';

const redis = usePrivateRedis();
let lore: Stacklore;

beforeEach(async () => {
  lore ??= openTestLore(redis, { analytics: { retentionDays: 30 } });
  for (const day of ['2025-01-14', '2025-01-15', '2025-01-16']) {
    const at = new Date(`${day}T10:30:00Z`);
    await lore.metrics.record({ service: 'api', metricName: '2024-01-01', value: 1, at });
    await lore.usage.add({ userId: 'ada', date: day, requests: 1 });
    await lore.errorLog.record({ errorType: 'x', message: 'x', at });
  }
  await lore.databases.analytics.send(['HSET', 'metrics:py:m:week-3', 'count', '1']);
  await lore.counters.increment('logins');
});

const dates = async (pattern: string) => {
  const keys = await allKeys(lore.databases.analytics, pattern);
  return keys.map((key) => /2025-[\d-]+/.exec(key)?.[0]);
};

it('deletes the hours and days that ended, and nothing else', async () => {
  const { analytics } = lore.databases;
  expect(await deleteAnalyticsBefore(analytics, '2025-01-15-11')).toEqual({
    before: new Date('2025-01-15T11:00:00Z'),
    dryRun: false,
    families: { metric: 3, usage: 1, 'error log': 1 },
    total: 5,
    undated: 1,
  });
  expect(await dates('metrics:api:*')).toEqual(['2025-01-15', '2025-01-16', '2025-01-16-10']);
  expect(await dates('usage:*')).toEqual(['2025-01-15', '2025-01-16']);
  expect(await allKeys(analytics, 'counter:*')).toHaveLength(3);
  expect(await allKeys(analytics, 'metrics:py:*')).toHaveLength(1);
});

it('only counts in a dry run', async () => {
  const { analytics } = lore.databases;
  const report = await deleteAnalyticsBefore(analytics, '2025-01-16', { dryRun: true });
  expect(report).toMatchObject({ dryRun: true, families: { metric: 4, usage: 2, 'error log': 2 }, total: 8 });
  expect(await dates('usage:*')).toHaveLength(3);
});

it('deletes thousands of keys in batches', async () => {
  const increments = Array.from({ length: 3_000 }, (_, n) => ({
    userId: `u${n}`,
    date: '2024-05-01',
    requests: 1,
  }));
  await lore.usage.add(increments);
  expect(await lore.maintenance.pruneAnalytics({ before: '2024-06-01' })).toMatchObject({
    families: { usage: 3_000 },
  });
});

it('takes the retention of the configuration', async () => {
  const report = await lore.maintenance.pruneAnalytics({ dryRun: true }, () =>
    Date.parse('2025-02-15T20:00:00Z'),
  );
  expect(report).toMatchObject({ before: new Date('2025-01-16T00:00:00Z'), total: 8 });
});

it('refuses to guess a date', async () => {
  const unset = openTestLore(redis);
  await expect(unset.maintenance.pruneAnalytics()).rejects.toMatchObject({ code: 'invalid_input' });
  await expect(unset.maintenance.pruneAnalytics({ before: 'long ago' })).rejects.toMatchObject({
    code: 'invalid_input',
  });
  const misspelt = { before: '2025-01-16', dryrun: true };
  await expect(unset.maintenance.pruneAnalytics(misspelt)).rejects.toMatchObject({ code: 'invalid_input' });
  expect(await dates('usage:*')).toHaveLength(3);
});
