import { describe, expect, it } from 'vitest';
import { usePrivateRedis } from '../support/redis.ts';
import { jsonOf, runCli } from '../support/run-cli.ts';

const redis = usePrivateRedis();

const run = (...args: string[]) =>
  runCli(args, { env: { STACKLORE_HOME: `${redis.dir}/home`, REDIS_URL: redis.url } });
/** What a command prints with --json when it succeeds. */
const json = async (...args: string[]) => {
  const result = await run(...args, '--json');
  expect(result).toMatchObject({ exitCode: 0, stderr: '' });
  return jsonOf(result);
};

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
    expect((await run('errors', 'list', 'Timeout')).stdout).toContain('1 of 1 errors');
    expect((await run('errors', 'list', 'Timeout', '--date', 'today')).exitCode).toBe(2);
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
