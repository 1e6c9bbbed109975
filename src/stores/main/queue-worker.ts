import { setTimeout as sleep } from 'node:timers/promises';
import { type ErrorCode, errorMessage, StackloreError } from '../../errors.ts';
import type { Task } from '../../schema/main.ts';
import { checkWhole } from './check-input.ts';
import type { Delivery } from './delivery.ts';
import type { Queues } from './queues.ts';
import { DEFAULT_MAX_ATTEMPTS, type DequeueOptions, takePlan } from './take-options.ts';

/** What a handler is told beside its task. */
export interface TaskContext {
  /** 1 when the task is tried for the first time. */
  readonly attempt: number;
  /** The task as it is in the queue, with what other programs added to it. */
  readonly element: string;
  /** Aborted when the lease was lost and another worker has the task, or when a stop has waited long enough. */
  readonly signal: AbortSignal;
}

/** Does a task. A rejection makes it fail: it is tried again later, and given up at last. */
export type TaskHandler = (task: Task, context: TaskContext) => Promise<unknown> | unknown;

/** What became of a task. `lost`: its lease had ended, another worker has it. */
export interface TaskOutcome {
  readonly task: Task;
  readonly attempt: number;
  readonly outcome: 'done' | 'retried' | 'dead' | 'released' | 'lost';
  readonly error?: string;
}

/** How a worker works. */
export interface WorkerOptions
  extends Pick<DequeueOptions, 'leaseMs' | 'maxAttempts' | 'byPriority' | 'signal'> {
  /** Tasks at the same time (1). */
  readonly concurrency?: number;
  /** End when the queue is empty instead of waiting; delayed retries are not waited for. */
  readonly untilEmpty?: boolean;
  /** Milliseconds until a task that failed for the n-th time is tried again: 1 s, 2 s, 4 s … up to 5 minutes. */
  readonly backoffMs?: (failures: number) => number;
  /** Not waited for; what it throws or rejects with ends the worker. */
  readonly onOutcome?: (outcome: TaskOutcome) => Promise<unknown> | unknown;
  /** Told of trouble with the database that the worker waits out. Otherwise like `onOutcome`. */
  readonly onTrouble?: (error: unknown) => Promise<unknown> | unknown;
}

/** How many tasks had which outcome. */
export type WorkerCounts = Readonly<Record<TaskOutcome['outcome'], number>>;

interface Running {
  readonly delivery: Delivery;
  readonly abort: AbortController;
  readonly ended: Promise<void>;
}

const FIRST_BACKOFF_MS = 1_000;
const LONGEST_BACKOFF_MS = 300_000;
const MOST_AT_A_TIME = 1_000;
const PAUSE_AFTER_TROUBLE_MS = 500;
/** What the database gets over by itself, or with somebody's help while the worker waits. */
const PASSING: readonly ErrorCode[] = [
  'database_unreachable',
  'database_timeout',
  'database_readonly',
  'database_full',
  'server_unavailable',
  'busy',
];

/** Takes tasks of one queue and hands them to a handler, several at a time, until it is stopped. */
export class QueueWorker {
  /** Resolves with the counts when the worker has ended; rejects when it had to give up. */
  readonly done: Promise<WorkerCounts>;
  readonly #queues: Queues;
  readonly #queue: string;
  readonly #handler: TaskHandler;
  readonly #options: WorkerOptions;
  readonly #leaseMs: number;
  readonly #running = new Map<string, Running>();
  readonly #stopping = new AbortController();
  readonly #counts = { done: 0, retried: 0, dead: 0, released: 0, lost: 0 };
  #slotFreed: () => void = () => {};
  #failure: { readonly error: unknown } | undefined;

  /** Starts at once. Throws `invalid_input` for a wrong option. */
  constructor(queues: Queues, queue: string, handler: TaskHandler, options: WorkerOptions = {}) {
    checkWhole(options.concurrency ?? 1, 'concurrency', { least: 1, most: MOST_AT_A_TIME });
    this.#leaseMs = takePlan(options).leaseMs;
    this.#queues = queues;
    this.#queue = queue;
    this.#handler = handler;
    this.#options = options;
    this.done = this.#work();
    // Whoever does not look at `done` hears of a failure by `onTrouble`.
    this.done.catch(() => {});
  }

  get counts(): WorkerCounts {
    return { ...this.#counts };
  }

  /**
   * Takes no further task and waits for those that run. After `graceMs` their signals are aborted; a task whose handler
   * then rejects goes back to the front of the queue and does not count as failed.
   */
  async stop({ graceMs }: { readonly graceMs?: number } = {}): Promise<WorkerCounts> {
    this.#stopping.abort();
    const timer = graceMs === undefined ? undefined : setTimeout(() => this.#abortRunning(), graceMs);
    try {
      return await this.done;
    } finally {
      clearTimeout(timer);
    }
  }

  async #work(): Promise<WorkerCounts> {
    const { signal } = this.#options;
    const stop = () => this.#stopping.abort();
    if (signal?.aborted) stop();
    signal?.addEventListener('abort', stop, { once: true });
    const heartbeat = setInterval(() => void this.#renewLeases(), this.#leaseMs / 3);
    try {
      while (!this.#stopping.signal.aborted) {
        if (this.#running.size >= (this.#options.concurrency ?? 1)) {
          await new Promise<void>((resolve) => {
            this.#slotFreed = resolve;
          });
          continue;
        }
        const delivery = await this.#next();
        if (delivery) this.#start(delivery);
        else if (this.#options.untilEmpty && !this.#stopping.signal.aborted) {
          if (this.#running.size === 0) break;
          // What runs may queue more.
          await Promise.race([...this.#running.values()].map(({ ended }) => ended));
        }
      }
    } finally {
      await Promise.all([...this.#running.values()].map(({ ended }) => ended));
      clearInterval(heartbeat);
      signal?.removeEventListener('abort', stop);
    }
    if (this.#failure) throw this.#failure.error;
    return this.counts;
  }

  /** The next task; `undefined` when there is none or the worker is being stopped. */
  async #next(): Promise<Delivery | undefined> {
    const { maxAttempts = DEFAULT_MAX_ATTEMPTS, byPriority = false, untilEmpty = false } = this.#options;
    const { signal } = this.#stopping;
    const waitMs = untilEmpty ? 0 : Number.POSITIVE_INFINITY;
    try {
      const options = { waitMs, leaseMs: this.#leaseMs, maxAttempts, byPriority, signal };
      const delivery = await this.#queues.dequeue(this.#queue, options);
      if (!delivery || !signal.aborted) return delivery;
      // It came together with the stop.
      await this.#queues.release(delivery);
      return undefined;
    } catch (error) {
      if (signal.aborted) return undefined;
      if (error instanceof StackloreError && error.code === 'aborted') {
        this.#stopping.abort(); // stacklore is being closed
        return undefined;
      }
      this.#tellTrouble(error);
      if (!isPassing(error) || untilEmpty) throw error;
      await sleep(PAUSE_AFTER_TROUBLE_MS, undefined, { signal }).catch(() => {});
      return undefined;
    }
  }

  #start(delivery: Delivery): void {
    const abort = new AbortController();
    const ended = this.#run(delivery, abort.signal)
      // Only a callback of the caller throws here.
      .catch((error: unknown) => this.#fail(error))
      .finally(() => {
        this.#running.delete(delivery.deliveryId);
        this.#slotFreed();
      });
    this.#running.set(delivery.deliveryId, { delivery, abort, ended });
  }

  async #run(delivery: Delivery, signal: AbortSignal): Promise<void> {
    const { task, attempt, element } = delivery;
    let failure: { readonly error: unknown } | undefined;
    try {
      await this.#handler(task, { attempt, element, signal });
    } catch (error) {
      failure = { error };
    }
    const { maxAttempts = DEFAULT_MAX_ATTEMPTS } = this.#options;
    const error = failure && errorMessage(failure.error);
    const settle = (): { outcome: TaskOutcome['outcome']; settled: Promise<boolean> } => {
      if (error === undefined) return { outcome: 'done', settled: this.#queues.acknowledge(delivery) };
      if (signal.aborted) return { outcome: 'released', settled: this.#queues.release(delivery) };
      if (attempt >= maxAttempts) return { outcome: 'dead', settled: this.#queues.bury(delivery, error) };
      const delayMs = Math.max(0, Math.round((this.#options.backoffMs ?? doublingBackoff)(attempt)));
      return { outcome: 'retried', settled: this.#queues.retry(delivery, { delayMs }) };
    };
    const outcome = await this.#settle(settle);
    this.#counts[outcome] += 1;
    const told = { task, attempt, outcome, ...(error !== undefined && { error }) };
    this.#call(() => this.#options.onOutcome?.(told));
  }

  /** Settling is repeatable: what was carried out but not answered is told as `lost` at worst. */
  async #settle(
    settle: () => { outcome: TaskOutcome['outcome']; settled: Promise<boolean> },
  ): Promise<TaskOutcome['outcome']> {
    const until = performance.now() + this.#leaseMs;
    for (;;) {
      const { outcome, settled } = settle();
      try {
        return (await settled) ? outcome : 'lost';
      } catch (error) {
        this.#tellTrouble(error);
        // Given up, the lease ends and another worker takes the task.
        if (!isPassing(error) || performance.now() > until) return 'lost';
        await sleep(PAUSE_AFTER_TROUBLE_MS);
      }
    }
  }

  async #renewLeases(): Promise<void> {
    const deliveries = [...this.#running.values()].map(({ delivery }) => delivery);
    try {
      const lost = await this.#queues.renew(this.#queue, deliveries, { leaseMs: this.#leaseMs });
      for (const { deliveryId } of lost) this.#running.get(deliveryId)?.abort.abort();
    } catch (error) {
      this.#tellTrouble(error);
    }
  }

  #tellTrouble(error: unknown): void {
    this.#call(() => this.#options.onTrouble?.(error));
  }

  /** Calls back. It is not waited for: it may itself wait until the worker has stopped. */
  #call(callback: () => Promise<unknown> | unknown): void {
    try {
      Promise.resolve(callback()).catch((rejected: unknown) => this.#fail(rejected));
    } catch (thrown) {
      this.#fail(thrown);
    }
  }

  /** A callback of the caller that throws or rejects ends the worker; `done` rejects with the reason. */
  #fail(error: unknown): void {
    this.#failure ??= { error };
    this.#stopping.abort();
  }

  #abortRunning(): void {
    for (const { abort } of this.#running.values()) abort.abort();
  }
}

function doublingBackoff(failures: number): number {
  return Math.min(FIRST_BACKOFF_MS * 2 ** (failures - 1), LONGEST_BACKOFF_MS);
}

function isPassing(error: unknown): boolean {
  return error instanceof StackloreError && PASSING.includes(error.code);
}
