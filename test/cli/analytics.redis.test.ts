import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config.ts';
import { connectDatabases } from '../../src/redis/databases.ts';
import { usePrivateRedis } from '../support/redis.ts';
import { cliOn } from '../support/run-cli.ts';

const redis = usePrivateRedis();

const { run, json } = cliOn(redis);

describe('metrics', () => {
  it('are recorded, listed and shown', async () => {
    const recorded = await json('metrics', 'record', 'api', 'time', '12', '0.5', '1e2');
    expect(recorded).toEqual({ service: 'api', metricName: 'time', recorded: 3 });
    expect(await json('metrics', 'list', 'api')).toMatchObject({
      metrics: [{ service: 'api', metricName: 'time', hours: 1, days: 1 }],
    });
    expect(await json('metrics', 'show', 'api', 'time', '--by', 'day')).toMatchObject({
      total: { count: 3, sum: 112.5, min: 0.5, max: 100, avg: 37.5 },
    });
    const { stdout } = await run('metrics', 'show', 'api', 'time');
    expect(stdout).toMatch(/\ntotal +3 +112\.5 +0\.5 +100 +37\.5\n/);
  });

  it.each([
    ['record', 'api', 'time', 'fast'],
    ['record', 'api', 'time', '0x10'],
    ['show', 'api', 'time', '--from', 'yesterday'],
    ['show', 'api', 'time', '--by', 'week'],
  ])('refuse %s %s %s %s %s', async (...args) => {
    expect((await run('metrics', ...args)).exitCode).toBe(2);
  });
});

describe('usage', () => {
  it('is added, and shown by user and day', async () => {
    const added = await json('usage', 'add', 'ada', '--llm-calls', '1', '--tokens-in', '812');
    expect(added).toMatchObject({ userId: 'ada', requests: 0, llmCalls: 1, tokensIn: 812 });
    await run('usage', 'add', 'ada', '--requests', '2', '--date', '2025-01-15');
    const range = await json('usage', 'user', 'ada', '--from', '2025-01-15', '--to', '2025-01-16');
    expect(range).toMatchObject({ days: [{ date: '2025-01-15' }], total: { requests: 2, llmCalls: 0 } });
    expect(await json('usage', 'day', '2025-01-15')).toMatchObject({ items: [{ userId: 'ada' }], total: 1 });
  });

  it('refuses amounts below zero', async () => {
    expect((await run('usage', 'add', 'ada', '--kb-queries', '-1')).exitCode).toBe(2);
  });

  it('counts failed searches by the user they name', async () => {
    expect((await run('search', 'lamps', '--user-id', 'eve')).exitCode).toBe(1);
    expect(await json('usage', 'user', 'eve')).toMatchObject({ total: { requests: 1, kbQueries: 1 } });
  });
});

describe('errors', () => {
  it('are logged without secrets, counted and listed', async () => {
    await json('errors', 'record', 'Timeout', 'no answer, token=hunter2', '--context', '{"a":1}');
    expect(await json('errors', 'types')).toMatchObject({ types: [{ errorType: 'Timeout', count: 1 }] });
    expect(await json('errors', 'list', 'Timeout')).toMatchObject({
      items: [{ message: 'no answer, token=[redacted]', context: { a: 1 } }],
      total: 1,
    });
    expect((await run('errors', 'list', 'Timeout')).stdout).toContain('1 of 1 error\n');
    expect((await run('errors', 'list', 'Timeout', '--date', 'today')).exitCode).toBe(2);
    expect(await run('errors', 'record', 'Timeout', '')).toMatchObject({
      ...{ exitCode: 2, stderr: expect.stringContaining('The message is empty') },
    });
  });
});

describe('counters', () => {
  it('count, are shown and end', async () => {
    const counted = await json('counters', 'increment', 'logins', '--by', '3', '--window', '1min');
    expect(counted).toEqual({ metric: 'logins', counts: { '1min': 3 } });
    expect(await json('counters', 'show', 'logins')).toMatchObject({
      counters: [{ window: '1min', count: 3 }, { count: 0 }, { count: 0 }],
    });
    expect((await run('counters', 'list')).stdout).toMatch(/logins +1min +3 +\d+ s/);
    expect(await json('counters', 'reset', 'logins')).toEqual({ metric: 'logins', ended: 1 });
    expect((await run('counters', 'increment', 'logins', '--window', '1week')).exitCode).toBe(2);
  });
});

it.each([
  ['metrics show api time --from yesterday', '--from: must be a day such as 2025-01-15'],
  ['metrics show api time --by week', '--by: must be hour or day'],
  ['usage user ada --to soon', '--to: must be a day such as 2025-01-15'],
  ['usage add ada --date 1', '--date: must be a day such as 2025-01-15'],
  ['usage add ada --requests 1000000000001', '--requests: must be a whole number from 0 to 1000000000000'],
  ['errors list X --date 1', '--date: must be a day such as 2025-01-15'],
  ['counters increment x --window 2min', '--window: must be 1min, 1hour or 1day'],
  ['ratelimit hit c e --window 99999999', '--window: must be a whole number from 1 to 31622400'],
  ['cache get', '--endpoint: give either this or --endpoint-name'],
  ['cache get --endpoint a --endpoint-name b', '--endpoint: give either this or --endpoint-name'],
  [
    'cache get --endpoint a --params {} --params-name b',
    '--params: cannot be given together with --params-name',
  ],
  ['cache get --endpoint-name=', '--endpoint-name: must not be empty'],
  ['cache invalidate', '--endpoint: give either this or --endpoint-name'],
])('"%s" is refused in the words of the command line', async (line, message) => {
  const { exitCode, stderr } = await run(...line.split(' '));
  expect({ exitCode, stderr }).toEqual({ exitCode: 2, stderr: expect.stringContaining(message) });
});

it('records that cannot be read are told beside the others', async () => {
  await run('usage', 'add', 'bad', '--requests', '2', '--date', '2025-05-01');
  const client = connectDatabases(loadConfig({ settings: redis.config(), env: {} }));
  await client.analytics.send(['HSET', 'usage:2025-05-01:bad', 'requests', 'many']);
  await client.close();
  expect((await run('usage', 'day', '2025-05-01')).stdout).toMatch(
    /"usage:2025-05-01:bad" cannot be used \(requests: .*\n0 of 1 users/,
  );
});

it('what was never measured or counted is said to be so', async () => {
  expect((await run('metrics', 'show', 'api', 'nothing')).stdout).toMatch(
    /^Nothing was measured then\. .*list/,
  );
  expect((await run('counters', 'show', 'nothing')).stdout).toMatch(/nothing +1min +0 +not open\n/);
});
