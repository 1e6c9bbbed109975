import { randomUUID } from 'node:crypto';
import { RecordError } from '../../errors.ts';
import type { Database } from '../../redis/databases.ts';
import { scanKeys } from '../../redis/scan.ts';
import { runScript, type Script } from '../../redis/script.ts';
import { processingTaskRecord, type Task, taskAttemptsRecord } from '../../schema/main.ts';
import type { Page } from '../knowledge/documents.ts';
import { checkPage, checkWhole } from './check-input.ts';
import { type Delivery, deadLetter, elementHash, type QueuedTask, readElement } from './delivery.ts';
import { makeTask, type NewTask } from './new-task.ts';
import { onQueue, type QueueKeys, queueKeys, runTending } from './queue-keys.ts';
import { type QueueStats, queueNames, readQueueStats } from './queue-stats.ts';
import { RENEW_LEASES } from './scripts/hold-task.ts';
import { PURGE_QUEUE } from './scripts/purge-queue.ts';
import { ACKNOWLEDGE_TASK, BURY_TASK, DELAY_TASK, RELEASE_TASK } from './scripts/settle-task.ts';
import { TEND_QUEUE } from './scripts/tend-queue.ts';
import { DEFAULT_LEASE_MS, DEFAULT_MAX_ATTEMPTS, type DequeueOptions, takePlan } from './take-options.ts';
import { TaskTaker } from './task-taker.ts';

export type { QueueStats } from './queue-stats.ts';

/** What `recover` found. */
export interface Recovery {
  /** Tasks that went back to the front of the queue, as their workers are gone. */
  readonly recovered: number;
  /** Tasks that became dead letters, as that happened too often. */
  readonly buried: number;
  /** Retries that were due. */
  readonly due: number;
}

/** Task queues: each task is delivered at least once, the oldest first, also those that other programs push. */
export class Queues {
  readonly #database: Database;
  readonly #taker: TaskTaker;
  readonly #now: () => number;
  readonly #newId: () => string;

  constructor(
    database: Database,
    {
      now = Date.now,
      newId = (): string => randomUUID(),
      commandTimeoutMs = 30_000,
    }: {
      readonly now?: () => number;
      readonly newId?: () => string;
      readonly commandTimeoutMs?: number;
    } = {},
  ) {
    this.#database = database;
    this.#taker = new TaskTaker(database, { now, commandTimeoutMs });
    this.#now = now;
    this.#newId = newId;
  }

  /** Puts a task at the end of a queue. Throws `invalid_input`. */
  async enqueue(queue: string, task: NewTask): Promise<Task> {
    const [queued] = await this.enqueueAll(queue, [task]);
    return queued as Task; // one given, one made
  }

  /** Puts tasks at the end of a queue in the order given, all or none. Throws `invalid_input`. */
  async enqueueAll(queue: string, tasks: readonly NewTask[]): Promise<Task[]> {
    const keys = queueKeys(this.#database, queue);
    const defaults = { now: this.#now, newId: this.#newId };
    const made = tasks.map((task) => makeTask(task, defaults));
    if (made.length === 0) return [];
    const push = ['LPUSH', keys.waiting, ...made.map(({ wire }) => wire)];
    await onQueue(this.#database, keys, this.#database.send(push, { isConfirmed: true }));
    return made.map(({ task }) => task);
  }

  /**
   * Takes the next task, `undefined` when there is none. The task is the caller's for `leaseMs`: settle it with
   * `acknowledge`, `retry`, `bury` or `release`, or renew the lease. What is no task becomes a dead letter on the way.
   * Throws `aborted` by the signal, or when stacklore is closed.
   */
  async dequeue(queue: string, options: DequeueOptions = {}): Promise<Delivery | undefined> {
    const plan = takePlan(options);
    const keys = queueKeys(this.#database, queue);
    const until = performance.now() + plan.waitMs;
    for (;;) {
      const deliveryId = this.#newId();
      const taken = await this.#taker.take(keys, { deliveryId, plan, until });
      if (!taken) return undefined;
      const attempt = taken.failures + 1;
      const read = readElement(taken.element);
      if ('task' in read) return { queue, deliveryId, task: read.task, element: read.element, attempt };
      await this.#bury(keys, deliveryId, {
        element: taken.element,
        error: `not a task: ${read.problem}`,
        attempts: taken.failures,
      });
    }
  }

  /** Forgets a task that is done. `false` when its lease had ended and it was given to another. */
  async acknowledge({ queue, deliveryId, element, attempt }: Delivery): Promise<boolean> {
    const keys = queueKeys(this.#database, queue);
    const places = [keys.processing(deliveryId), keys.leases];
    if (attempt > 1) places.push(keys.attemptsPrefix + elementHash(element));
    return this.#settle(keys, ACKNOWLEDGE_TASK, { places });
  }

  /** Puts a task that failed back into its queue after a delay. `false` as for `acknowledge`. */
  async retry(
    { queue, deliveryId, element, attempt }: Delivery,
    { delayMs = 0 }: { readonly delayMs?: number } = {},
  ): Promise<boolean> {
    checkWhole(delayMs, 'delayMs', { least: 0 });
    const keys = queueKeys(this.#database, queue);
    const counter = keys.attemptsPrefix + elementHash(element);
    return this.#settle(keys, DELAY_TASK, {
      places: [keys.processing(deliveryId), keys.leases, keys.delayed, counter],
      args: [String(delayMs), deliveryId, String(attempt), String(taskAttemptsRecord.ttlSeconds)],
    });
  }

  /** Gives a task up: it becomes a dead letter with the reason. `false` as for `acknowledge`. */
  async bury({ queue, deliveryId, element, attempt }: Delivery, error: string): Promise<boolean> {
    return this.#bury(queueKeys(this.#database, queue), deliveryId, { element, error, attempts: attempt });
  }

  /** Puts a task that was not tried back to the front of its queue. `false` as for `acknowledge`. */
  async release({ queue, deliveryId }: Delivery): Promise<boolean> {
    const keys = queueKeys(this.#database, queue);
    return this.#settle(keys, RELEASE_TASK, {
      places: [keys.processing(deliveryId), keys.leases, keys.waiting],
    });
  }

  /** Renews the leases of deliveries of one queue. Gives those whose tasks are no longer the caller's. */
  async renew(
    queue: string,
    deliveries: readonly Delivery[],
    { leaseMs = DEFAULT_LEASE_MS }: { readonly leaseMs?: number } = {},
  ): Promise<Delivery[]> {
    if (deliveries.length === 0) return [];
    const keys = queueKeys(this.#database, queue);
    const places = deliveries.map(({ deliveryId }) => keys.processing(deliveryId));
    const held = await onQueue(
      this.#database,
      keys,
      runScript<number[]>(this.#database, RENEW_LEASES, {
        keys: [keys.leases, ...places],
        args: [String(leaseMs)],
      }),
    );
    return deliveries.filter((_, at) => held[at] !== 1);
  }

  /** The tasks that wait, the next one first; nothing is taken. */
  async peek(queue: string, { offset = 0, limit = 10 } = {}): Promise<Page<QueuedTask>> {
    checkPage({ offset, limit });
    const keys = await this.#merged(queue);
    const range = ['LRANGE', keys.waiting, String(-offset - limit), String(-offset - 1)];
    const commands = [['LLEN', keys.waiting], range];
    const replies = this.#database.pipeline<number | Buffer[]>(commands, { buffers: true });
    const [total, elements] = await onQueue(this.#database, keys, replies);
    return { items: (elements as Buffer[]).reverse().map(readElement), total: Number(total) };
  }

  /** How full a queue is. */
  async stats(queue: string): Promise<QueueStats> {
    return readQueueStats(this.#database, queue, await this.#merged(queue));
  }

  /** Every queue that holds anything, by name; one that cannot be read says why. Looks through all keys of the database. */
  async list(): Promise<QueueStats[]> {
    const stats: QueueStats[] = [];
    for (const name of await queueNames(this.#database)) stats.push(await this.#statsOrProblem(name));
    return stats.filter(
      ({ waiting, processing, delayed, dead, problem }) =>
        waiting + processing + delayed + dead > 0 || problem !== undefined,
    );
  }

  /** One queue whose keys are not what they should be keeps no other from being listed. */
  async #statsOrProblem(queue: string): Promise<QueueStats> {
    try {
      return await this.stats(queue);
    } catch (error) {
      if (!(error instanceof RecordError)) throw error;
      return { queue, waiting: 0, processing: 0, delayed: 0, dead: 0, problem: error.message };
    }
  }

  /**
   * Puts tasks back whose workers are gone, and retries that are due, which every `dequeue` does too; moreover it looks
   * for taken tasks that no lease knows, by a scan.
   */
  async recover(
    queue: string,
    { maxAttempts = DEFAULT_MAX_ATTEMPTS }: { readonly maxAttempts?: number } = {},
  ): Promise<Recovery> {
    checkWhole(maxAttempts, 'maxAttempts', { least: 1 });
    const keys = queueKeys(this.#database, queue);
    await this.#leaseOrphans(queue, keys);
    const sum = { recovered: 0, buried: 0, due: 0 };
    for (;;) {
      const [recovered, buried, due] = await this.#tend(keys, maxAttempts);
      sum.recovered += recovered;
      sum.buried += buried;
      sum.due += due;
      if (recovered + buried + due === 0) return sum;
    }
  }

  /** Deletes the tasks that wait, retries among them; those being worked on and dead letters stay. */
  async purge(queue: string): Promise<{ waiting: number; delayed: number }> {
    const keys = await this.#merged(queue);
    const replies = runScript<[number, number]>(this.#database, PURGE_QUEUE, {
      keys: [keys.waiting, keys.delayed],
      args: ['LLEN', 'ZCARD'],
    });
    const [waiting, delayed] = await onQueue(this.#database, keys, replies);
    return { waiting, delayed };
  }

  /** @internal Ends every `dequeue` that waits, with `aborted`. */
  close(): Promise<void> {
    return this.#taker.close();
  }

  /** The keys of a queue, after a list that other programs keep under the unescaped name was moved into ours. */
  async #merged(queue: string): Promise<QueueKeys> {
    const keys = queueKeys(this.#database, queue);
    if (keys.foreign !== keys.waiting) await this.#tend(keys, DEFAULT_MAX_ATTEMPTS);
    return keys;
  }

  #tend(keys: QueueKeys, maxAttempts: number): Promise<[recovered: number, buried: number, due: number]> {
    return runTending(this.#database, TEND_QUEUE, keys, { now: this.#now(), maxAttempts });
  }

  /** Gives taken tasks that no lease knows one that has ended. */
  async #leaseOrphans(queueName: string, { leases }: QueueKeys): Promise<void> {
    for (const pattern of processingTaskRecord.key.patternsOf({ queueName }, this.#database)) {
      for await (const found of scanKeys(this.#database, pattern, { type: 'list' })) {
        const own = found.filter((key) => processingTaskRecord.key.parse(key)?.queueName === queueName);
        if (own.length > 0)
          await this.#database.send(['ZADD', leases, 'NX', ...own.flatMap((key) => ['0', key])]);
      }
    }
  }

  #bury(
    keys: QueueKeys,
    deliveryId: string,
    { element, error, attempts }: { element: Buffer | string; error: string; attempts: number },
  ): Promise<boolean> {
    const counter = keys.attemptsPrefix + elementHash(element);
    return this.#settle(keys, BURY_TASK, {
      places: [keys.processing(deliveryId), keys.leases, keys.dead, counter],
      args: [deadLetter(element, { error, attempts, now: this.#now() })],
    });
  }

  async #settle(
    keys: QueueKeys,
    script: Script,
    { places, args = [] }: { readonly places: readonly string[]; readonly args?: readonly string[] },
  ): Promise<boolean> {
    const reply = runScript<number>(this.#database, script, { keys: places, args });
    return (await onQueue(this.#database, keys, reply)) === 1;
  }
}
