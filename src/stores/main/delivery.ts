import { isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';
import { deadLetterRecord, type Task, taskQueueRecord } from '../../schema/main.ts';

/** A task that was taken and must be settled: acknowledged, retried, given up or released. */
export interface Delivery {
  readonly queue: string;
  readonly deliveryId: string;
  readonly task: Task;
  /** The task as it is in the queue, with what other programs added to it. */
  readonly element: string;
  /** 1 when it is tried for the first time. */
  readonly attempt: number;
}

/** An element of a queue: its task, or what keeps it from being one. */
export type QueuedTask =
  | { readonly element: string; readonly task: Task }
  | { readonly element: string; readonly problem: string };

/** Reads an element that any program may have written. */
export function readElement(bytes: Buffer): QueuedTask {
  const element = bytes.toString('utf8');
  if (!isUtf8(bytes)) return { element, problem: 'it is not UTF-8 text' };
  try {
    return { element, task: taskQueueRecord.element.decode(element) };
  } catch (error) {
    return { element, problem: (error as Error).message }; // codecs throw nothing else
  }
}

/** A dead letter as stored. */
export function deadLetter(
  element: Buffer | string,
  { error, attempts, now }: { error: string; attempts: number; now: number },
): string {
  const isText = typeof element === 'string' || isUtf8(element);
  const wire = deadLetterRecord.element.encode({
    element: element.toString(isText ? 'utf8' : 'base64'),
    ...(!isText && { encoding: 'base64' as const }),
    error: error.slice(0, MAX_ERROR_LENGTH).toWellFormed(),
    attempts,
    failedAt: new Date(now).toISOString(),
  });
  return String(wire);
}

const MAX_ERROR_LENGTH = 2_000;

/** What tells a task's attempts from those of others: the SHA-1 of its bytes, which scripts can make too. */
export function elementHash(element: Buffer | string): string {
  return createHash('sha1').update(element).digest('hex');
}
