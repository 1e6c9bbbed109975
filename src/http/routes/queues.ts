import { z } from 'zod';
import type { Task } from '../../schema/main.ts';
import { pageQuery } from '../page-query.ts';
import { defineRoute, type Route } from '../route.ts';
import {
  deadLetters,
  queuedTasks,
  queueList,
  queueStats,
  retriedLetters,
  waitingTasks,
} from '../schemas/queues.ts';

const tag = 'Queues';
const read = { scope: 'read', family: 'queues' } as const;
const write = { scope: 'write', family: 'queues' } as const;
const params = z.strictObject({ queue: z.string() });

/** Task queues. Tasks are of everybody, so that a key which is narrowed in any way meets none. */
export function queueRoutes(): Route[] {
  return [
    defineRoute({
      method: 'GET',
      path: '/v1/queues',
      tag,
      summary: 'Every queue that holds anything, and how full it is.',
      access: read,
      response: queueList,
      async handle({ lore, access }) {
        access.requireEverything();
        return { items: await lore.queues.list() };
      },
    }),
    defineRoute({
      method: 'GET',
      path: '/v1/queues/:queue',
      tag,
      summary: 'How full a queue is.',
      access: read,
      params,
      response: queueStats,
      handle({ lore, access, params: { queue } }) {
        access.requireEverything();
        return lore.queues.stats(queue);
      },
    }),
    defineRoute({
      method: 'GET',
      path: '/v1/queues/:queue/tasks',
      tag,
      summary: 'The tasks that wait, the next one first; nothing is taken.',
      access: read,
      params,
      query: z.strictObject(pageQuery(1_000)),
      response: waitingTasks,
      handle({ lore, access, params: { queue }, query }) {
        access.requireEverything();
        return lore.queues.peek(queue, query);
      },
    }),
    defineRoute({
      method: 'POST',
      path: '/v1/queues/:queue/tasks',
      tag,
      summary: 'Puts tasks at the end of a queue, all or none.',
      access: write,
      params,
      body: z.strictObject({
        tasks: z
          .array(
            z.strictObject({
              taskType: z.string(),
              payload: z.unknown().optional().describe('Any JSON value; null unless given.'),
              priority: z.int().min(1).max(10).optional().describe('10 is the most urgent; 5 unless given.'),
              taskId: z.string().optional().describe('A random one unless given.'),
            }),
          )
          .min(1)
          .max(1_000),
      }),
      response: queuedTasks,
      status: 201,
      async handle({ lore, access, params: { queue }, body }) {
        access.requireEverything();
        // What came as JSON is JSON.
        const tasks = body.tasks.map(({ payload = null, taskType, priority, taskId }) => ({
          taskType,
          payload: payload as Task['payload'],
          ...(priority !== undefined && { priority }),
          ...(taskId !== undefined && { taskId }),
        }));
        return { items: await lore.queues.enqueueAll(queue, tasks) };
      },
    }),
    defineRoute({
      method: 'GET',
      path: '/v1/queues/:queue/dead',
      tag,
      summary: 'The tasks that were given up, the latest first.',
      access: read,
      params,
      query: z.strictObject(pageQuery(1_000)),
      response: deadLetters,
      handle({ lore, access, params: { queue }, query }) {
        access.requireEverything();
        return lore.deadLetters.list(queue, query);
      },
    }),
    defineRoute({
      method: 'POST',
      path: '/v1/queues/:queue/dead/retry',
      tag,
      summary: 'Queues tasks that were given up again: those of the given ids, or all.',
      access: write,
      params,
      body: z.strictObject({ taskIds: z.array(z.string()).min(1).max(10_000).optional() }),
      response: retriedLetters,
      handle({ lore, access, params: { queue }, body: { taskIds } }) {
        access.requireEverything();
        return lore.deadLetters.retry(queue, taskIds);
      },
    }),
  ];
}
