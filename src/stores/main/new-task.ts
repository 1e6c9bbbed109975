import { errorMessage, StackloreError } from '../../errors.ts';
import type { Wire } from '../../schema/fields.ts';
import { timestamp } from '../../schema/fields.ts';
import { type Task, taskQueueRecord } from '../../schema/main.ts';
import { checkObject } from './check-input.ts';

/** A task to be queued; what is left out is filled in. */
export interface NewTask {
  readonly taskType: string;
  /** Any JSON value (null). */
  readonly payload?: Task['payload'];
  /** 1 to 10, where 10 is the most urgent (5). */
  readonly priority?: number;
  /** By default a random UUID. */
  readonly taskId?: string;
}

const DEFAULT_PRIORITY = 5;
const KEYS = ['taskType', 'payload', 'priority', 'taskId'] as const satisfies (keyof NewTask)[];

/** A complete task and its bytes in the queue. Throws `invalid_input`. */
export function makeTask(
  given: NewTask,
  { now, newId }: { readonly now: () => number; readonly newId: () => string },
): { task: Task; wire: Wire } {
  checkObject(given, 'task', KEYS);
  const { taskType, payload = null, priority = DEFAULT_PRIORITY, taskId = newId() } = given;
  const createdAt = String(timestamp.encode(new Date(now())));
  for (const [name, value] of Object.entries({ taskType, taskId })) {
    if (value === '') throw refusal(`its ${name} is empty`);
  }
  const task: Task = { taskId, taskType, payload, createdAt, priority };
  try {
    return { task, wire: taskQueueRecord.element.encode(task) };
  } catch (error) {
    throw refusal(errorMessage(error), error);
  }
}

function refusal(problem: string, cause?: unknown): StackloreError {
  return new StackloreError('invalid_input', {
    message: `The task cannot be queued (${problem}). Correct it; nothing was queued.`,
    cause,
  });
}
