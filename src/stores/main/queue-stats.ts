import type { Database } from '../../redis/databases.ts';
import { scanKeys } from '../../redis/scan.ts';
import {
  deadLetterRecord,
  delayedTasksRecord,
  taskLeasesRecord,
  taskQueueRecord,
} from '../../schema/main.ts';
import { onQueue, type QueueKeys } from './queue-keys.ts';

/** How full a queue is. */
export interface QueueStats {
  readonly queue: string;
  readonly waiting: number;
  /** Taken and not settled yet. */
  readonly processing: number;
  /** Failed, to be tried again later. */
  readonly delayed: number;
  readonly dead: number;
  /** Only in a list: why nothing is known of this one. */
  readonly problem?: string;
}

/** What a queue's name can be read from. */
const QUEUE_RECORDS = [taskQueueRecord, taskLeasesRecord, delayedTasksRecord, deadLetterRecord] as const;
const COUNT_PER_STEP = 500;

/** Counts what is in a queue. Throws `RecordError` where one of its keys holds something else. */
export async function readQueueStats(
  database: Database,
  queue: string,
  keys: QueueKeys,
): Promise<QueueStats> {
  const replies = database.pipeline<number | string[]>([
    ['LLEN', keys.waiting],
    ['ZCARD', keys.delayed],
    ['LLEN', keys.dead],
    ['ZRANGE', keys.leases, '0', '-1'],
  ]);
  const [waiting, delayed, dead, leases] = await onQueue(database, keys, replies);
  const places = leases as string[];
  let processing = 0;
  // Those who wait for a task have a lease too, but nothing in their lists.
  for (let at = 0; at < places.length; at += COUNT_PER_STEP) {
    const step = places.slice(at, at + COUNT_PER_STEP);
    processing += await database.send<number>(['EXISTS', ...step]);
  }
  return { queue, waiting: Number(waiting), processing, delayed: Number(delayed), dead: Number(dead) };
}

/** The names of all queues that have a key, in order. Looks through all keys of the database. */
export async function queueNames(database: Database): Promise<string[]> {
  const names = new Set<string>();
  for await (const keys of scanKeys(database, `*${taskQueueRecord.key.pattern}`)) {
    for (const key of keys) {
      for (const record of QUEUE_RECORDS) {
        const ids = record.key.parse(key);
        if (ids) names.add(ids.queueName);
      }
    }
  }
  return [...names].sort();
}
