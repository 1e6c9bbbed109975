import { StackloreError } from '../../errors.ts';
import type { Database } from '../../redis/databases.ts';
import { runScript } from '../../redis/script.ts';
import { BlockingConnections } from './blocking-connections.ts';
import { elementHash } from './delivery.ts';
import { onQueue, type QueueKeys, runTending } from './queue-keys.ts';
import { ANNOUNCE_DELIVERY, HOLD_TASK } from './scripts/hold-task.ts';
import { TAKE_TASK } from './scripts/take-task.ts';
import type { TakePlan } from './take-options.ts';

/** What a delivery took: the bytes of an element and how often it has failed. */
export interface TakenElement {
  readonly element: Buffer;
  readonly failures: number;
}

/** Which delivery takes, how, and when it stops waiting (`performance.now()`). */
export interface Taking {
  readonly deliveryId: string;
  readonly plan: TakePlan;
  readonly until: number;
}

type TakeReply = readonly [element: Buffer, failures: number] | readonly [element: null, dueMs: number];

/** Due retries and ended leases are noticed by a waiting caller at least this often. */
const LONGEST_BLOCK_MS = 1_000;

/** Takes elements from queues, waiting for them on connections of its own. */
export class TaskTaker {
  readonly #database: Database;
  readonly #blocking: BlockingConnections;
  readonly #closed = new AbortController();
  readonly #waits = new Set<Promise<unknown>>();
  readonly #now: () => number;
  readonly #commandTimeoutMs: number;

  constructor(
    database: Database,
    { now, commandTimeoutMs }: { readonly now: () => number; readonly commandTimeoutMs: number },
  ) {
    this.#database = database;
    this.#blocking = new BlockingConnections(database);
    this.#now = now;
    this.#commandTimeoutMs = commandTimeoutMs;
  }

  /** The next element under a lease, `undefined` when none came in time. Throws `aborted`. */
  async take(keys: QueueKeys, taking: Taking): Promise<TakenElement | undefined> {
    const { plan, until, deliveryId } = taking;
    for (;;) {
      if (this.#isEnded(taking)) throw aborted();
      const [element, number] = await runTending<TakeReply>(this.#database, TAKE_TASK, keys, {
        now: this.#now(),
        maxAttempts: plan.maxAttempts,
        places: [keys.processing(deliveryId)],
        args: [String(plan.leaseMs), String(plan.window)],
        buffers: true,
      }).catch((error: unknown) => {
        throw this.#closed.signal.aborted ? aborted() : error;
      });
      if (element) return { element, failures: number };
      const left = until - performance.now();
      if (left <= 0) return undefined;
      const due = number < 0 ? LONGEST_BLOCK_MS : number;
      // At least a millisecond: 0 would block for ever.
      const blockMs = Math.max(1, Math.ceil(Math.min(left, due, LONGEST_BLOCK_MS, plan.leaseMs / 2)));
      const waited = await this.#wait(keys, taking, blockMs);
      if (waited) return waited;
    }
  }

  /** Ends every waiting and closes the connections. */
  async close(): Promise<void> {
    this.#closed.abort();
    await Promise.allSettled(this.#waits);
    await this.#blocking.close();
  }

  async #wait(keys: QueueKeys, taking: Taking, blockMs: number): Promise<TakenElement | undefined> {
    const waiting = this.#block(keys, taking, blockMs).then((element) => {
      // By priority nothing was taken yet.
      if (element !== null && taking.plan.window === 0) return this.#hold(keys, taking, element);
      return this.#isEnded(taking) ? this.#withdraw(keys, taking) : undefined;
    });
    this.#waits.add(waiting);
    try {
      return await waiting;
    } finally {
      this.#waits.delete(waiting);
    }
  }

  #isEnded({ plan }: Taking): boolean {
    return plan.signal?.aborted || this.#closed.signal.aborted;
  }

  /** Takes the announcement back; otherwise the next taking would have done so. */
  async #withdraw(keys: QueueKeys, { deliveryId }: Taking): Promise<undefined> {
    await this.#database.send(['ZREM', keys.leases, keys.processing(deliveryId)]);
  }

  #block(keys: QueueKeys, { deliveryId, plan }: Taking, blockMs: number): Promise<Buffer | null> {
    const { waiting, leases } = keys;
    const processing = keys.processing(deliveryId);
    const isByAge = plan.window === 0;
    // By priority it only waits until there is something: from the right end to the right end changes nothing.
    const move = isByAge ? [processing, 'RIGHT', 'LEFT'] : [waiting, 'RIGHT', 'RIGHT'];
    const { signal: closed } = this.#closed;
    const blocked = this.#blocking.send({
      ...(isByAge && {
        before: ANNOUNCE_DELIVERY.evalCommand([leases, processing], [String(plan.leaseMs)]),
      }),
      command: ['BLMOVE', waiting, ...move, String(blockMs / 1_000)],
      timeoutMs: blockMs + this.#commandTimeoutMs,
      signal: plan.signal ? AbortSignal.any([plan.signal, closed]) : closed,
    });
    return onQueue(this.#database, keys, blocked);
  }

  /** Begins the lease of what came while waiting; `undefined` when it was so late that it was put back. */
  async #hold(
    keys: QueueKeys,
    { deliveryId, plan }: Taking,
    element: Buffer,
  ): Promise<TakenElement | undefined> {
    const failures = await runScript<number>(this.#database, HOLD_TASK, {
      keys: [keys.leases, keys.processing(deliveryId), keys.attemptsPrefix + elementHash(element)],
      args: [String(plan.leaseMs)],
    });
    return failures < 0 ? undefined : { element, failures };
  }
}

function aborted(): StackloreError {
  return new StackloreError('aborted', { message: 'Waiting for a task was stopped on request.' });
}
