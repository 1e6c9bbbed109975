import { z } from 'zod';

const task = z.object({
  taskId: z.string(),
  taskType: z.string(),
  payload: z.unknown(),
  createdAt: z.string(),
  priority: z.int(),
});

/** An element of a queue: with its task, or with what keeps it from being one. */
const element = z.object({ element: z.string(), task: task.optional(), problem: z.string().optional() });
const unreadable = z.array(z.object({ key: z.string(), position: z.int(), problem: z.string() }));

/** How full a queue is, see `QueueStats`. */
export const queueStats = z.object({
  queue: z.string(),
  waiting: z.int(),
  processing: z.int(),
  delayed: z.int(),
  dead: z.int(),
  problem: z.string().optional(),
});
export const queueList = z.object({ items: z.array(queueStats) });
export const queuedTasks = z.object({ items: z.array(task) });
export const waitingTasks = z.object({ items: z.array(element), total: z.int() });
export const deadLetters = z.object({
  items: z.array(element.extend({ error: z.string(), attempts: z.int(), failedAt: z.string() })),
  total: z.int(),
  unreadable,
});
export const retriedLetters = z.object({ retried: z.int(), unreadable });
