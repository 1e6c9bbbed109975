import { beforeAll, describe, expect, test } from 'vitest';
import type { z } from 'zod';
import * as analytics from '../../src/http/schemas/analytics.ts';
import * as maintenance from '../../src/http/schemas/maintenance.ts';
import * as prompts from '../../src/http/schemas/prompts.ts';
import * as queues from '../../src/http/schemas/queues.ts';
import type { Stacklore } from '../../src/stacklore.ts';
import { expectFits } from '../support/fits.ts';
import { openTestLore } from '../support/lore.ts';
import { usePrivateRedis } from '../support/redis.ts';
import { useApi } from '../support/serve.ts';

const redis = usePrivateRedis();
let lore: Stacklore;
beforeAll(() => {
  lore = openTestLore(redis);
});
const { ask } = useApi(() => lore);

/** The body of a success, checked by its schema. */
async function fitting(
  schema: z.ZodType,
  [method, path, body]: readonly [method: string, path: string, body?: unknown],
): Promise<Record<string, unknown>> {
  const answer = await ask(method, path, { body });
  if (answer.status >= 300) throw new Error(`${answer.status} ${answer.text}`);
  expectFits(schema, answer.body);
  return answer.body;
}

describe('prompts', () => {
  test('system prompts have versions, are rendered and deleted', async () => {
    const path = '/v1/prompts/system/helper';
    await fitting(prompts.savedSystemPrompt, ['PUT', path, { content: 'Help {{name}}.' }]);
    const saved = await fitting(prompts.savedSystemPrompt, [
      'PUT',
      path,
      { content: 'Please help {{name}}.' },
    ]);
    expect(saved).toMatchObject({ outcome: 'updated', version: '1.0.1', variables: ['name'] });
    const stale = { content: 'Other.', expectedVersion: '1.0.0' };
    expect((await ask('PUT', path, { body: stale })).status).toBe(409);
    await fitting(prompts.systemPromptAnswer, ['GET', path]);
    expect(await fitting(prompts.systemPromptList, ['GET', '/v1/prompts/system'])).toMatchObject({
      total: 1,
    });
    const { versions } = await fitting(prompts.promptHistory, ['GET', `${path}/history`]);
    expect(versions).toMatchObject([{ version: '1.0.1' }, { version: '1.0.0' }]);
    const rendering = { variables: { name: 'Ada' } };
    expect(await fitting(prompts.renderedPrompt, ['POST', `${path}/render`, rendering])).toEqual({
      text: 'Please help Ada.',
    });
    expect((await ask('POST', `${path}/render`, { body: {} })).body.detail).toContain('name');
    expect((await ask('DELETE', path)).status).toBe(204);
    expect((await ask('GET', path)).status).toBe(404);
  });

  test('templates are saved, listed by category, rendered and deleted', async () => {
    const path = '/v1/prompts/templates/greeting';
    const template = { template: 'Hi {{ name }}', category: 'mail', examples: [{ name: 'Ada' }] };
    expect(await fitting(prompts.savedTemplate, ['PUT', path, template])).toMatchObject({ warnings: [] });
    await fitting(prompts.templateAnswer, ['GET', path]);
    const list = await fitting(prompts.templateList, ['GET', '/v1/prompts/templates?category=mail']);
    expect(list).toMatchObject({ total: 1 });
    const rendering = { variables: { name: 'Ada' } };
    expect(await fitting(prompts.renderedPrompt, ['POST', `${path}/render`, rendering])).toEqual({
      text: 'Hi Ada',
    });
    expect((await ask('PUT', path, { body: { template: '{{ name' } })).status).toBe(422);
    expect((await ask('DELETE', path)).status).toBe(204);
  });

  test('of users are private unless told otherwise', async () => {
    const path = '/v1/prompts/users/ada/tone';
    const saved = await fitting(prompts.savedUserPrompt, ['PUT', path, { content: 'Be brief.' }]);
    expect(saved).toMatchObject({ isPrivate: true, outcome: 'created' });
    await fitting(prompts.userPromptAnswer, ['GET', path]);
    expect(await fitting(prompts.userPromptList, ['GET', '/v1/prompts/users/ada'])).toMatchObject({
      total: 1,
    });
    expect((await ask('DELETE', path)).status).toBe(204);
    expect((await ask('GET', path)).status).toBe(404);
  });
});

test('tasks are queued, looked at, and queued again when given up', async () => {
  const path = '/v1/queues/mail';
  const tasks = [{ taskType: 'send', payload: { to: 'ada' }, priority: 7 }, { taskType: 'send' }];
  const queued = await fitting(queues.queuedTasks, ['POST', `${path}/tasks`, { tasks }]);
  expect(queued.items).toMatchObject([{ priority: 7 }, { payload: null }]);
  const waiting = await fitting(queues.waitingTasks, ['GET', `${path}/tasks?limit=1`]);
  expect(waiting).toMatchObject({ items: [{ task: { payload: { to: 'ada' } } }], total: 2 });
  const taken = await lore.queues.dequeue('mail');
  if (!taken) throw new Error('There is a task.');
  await lore.queues.bury(taken, 'no such address');
  const dead = await fitting(queues.deadLetters, ['GET', `${path}/dead`]);
  expect(dead).toMatchObject({ items: [{ error: 'no such address' }], total: 1 });
  expect(await fitting(queues.queueStats, ['GET', path])).toMatchObject({ waiting: 1, dead: 1 });
  expect(await fitting(queues.queueList, ['GET', '/v1/queues'])).toMatchObject({
    items: [{ queue: 'mail' }],
  });
  expect((await ask('POST', `${path}/dead/retry`, { body: { taskIds: ['x'] } })).status).toBe(404);
  expect(await fitting(queues.retriedLetters, ['POST', `${path}/dead/retry`, {}])).toMatchObject({
    retried: 1,
  });
});

test('analytics are read', async () => {
  const at = new Date('2025-01-15T10:30:00Z');
  await lore.metrics.record({ service: 'search', metricName: 'latency_ms', value: 12, at });
  await lore.usage.add({ userId: 'ada', date: '2025-01-15', requests: 3 });
  await lore.errorLog.record({ errorType: 'not_found', message: 'gone', context: { step: 1 }, at });
  await lore.counters.increment('clicks');
  const path = '/v1/analytics';
  const range = 'from=2025-01-15&to=2025-01-15';
  const metric = `${path}/metrics?service=search&metric=latency_ms&by=day&${range}`;
  expect(await fitting(analytics.metricRange, ['GET', metric])).toMatchObject({ total: { sum: 12 } });
  const names = await fitting(analytics.metricNames, ['GET', `${path}/services?service=search`]);
  expect(names).toMatchObject({ items: [{ metricName: 'latency_ms' }] });
  const usage = await fitting(analytics.usageRange, ['GET', `${path}/usage?userId=ada&${range}`]);
  expect(usage).toMatchObject({ total: { requests: 3 } });
  expect(await fitting(analytics.usageOfDay, ['GET', `${path}/usage/2025-01-15`])).toMatchObject({
    total: 1,
  });
  const counts = await fitting(analytics.errorCounts, ['GET', `${path}/errors?date=2025-01-15`]);
  expect(counts).toEqual({ items: [{ date: '2025-01-15', errorType: 'not_found', count: 1 }] });
  const errors = await fitting(analytics.errorList, ['GET', `${path}/errors/not_found?date=2025-01-15`]);
  expect(errors).toMatchObject({ items: [{ message: 'gone' }], total: 1 });
  const states = await fitting(analytics.counterStates, ['GET', `${path}/counters/clicks`]);
  expect(states.items).toMatchObject([{ count: 1 }, { count: 1 }, { count: 1 }]);
  expect((await ask('GET', `${path}/usage?userId=ada&from=yesterday`)).status).toBe(400);
  expect((await ask('GET', `${path}/errors?date=today`)).status).toBe(400);
});

test('the state of the whole is read', async () => {
  await lore.ingestTexts([{ source: 'a.md', text: 'A loan.' }], { collection: 'library' });
  const status = await fitting(maintenance.statusAnswer, ['GET', '/v1/status']);
  expect(status.collections).toMatchObject([{ name: 'library', documents: 1 }]);
  const keys = await fitting(maintenance.keysAnswer, ['GET', '/v1/keys?database=knowledge&biggest=1']);
  expect((keys.biggest as unknown[]).length).toBe(1);
  await fitting(maintenance.doctorAnswer, ['GET', '/v1/doctor']);
  await fitting(maintenance.cacheAnswer, ['GET', '/v1/cache']);
  expect((await ask('GET', '/v1/keys?database=all')).status).toBe(400);
});
