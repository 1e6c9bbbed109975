import { type ErrorCode, StackloreError } from '../errors.ts';

/** What a database that is away, or cannot do its work now, ends a command with. */
const AWAY: ReadonlySet<ErrorCode> = new Set([
  'database_unreachable',
  'database_timeout',
  'database_auth',
  'database_readonly',
  'database_full',
  'database_error',
  'busy',
  'server_unavailable',
  'server_failed',
]);
/** How long an answer may take before the work goes on without it. */
const PATIENCE_MS = 2_000;
/** How long a database found away is not asked again. */
const REST_MS = 2_000;

export interface AvailabilityOptions {
  readonly patienceMs?: number;
  readonly restMs?: number;
  readonly now?: () => number;
}

/**
 * For work that can go on without a database: asks it while it answers, and leaves it in peace for a while when it
 * does not, so that an outage costs one waiting time and not one for each call.
 */
export class Availability {
  readonly #patienceMs: number;
  readonly #restMs: number;
  readonly #now: () => number;
  #awayUntil = Number.NEGATIVE_INFINITY;

  constructor({
    patienceMs = PATIENCE_MS,
    restMs = REST_MS,
    now = performance.now.bind(performance),
  }: AvailabilityOptions = {}) {
    this.#patienceMs = patienceMs;
    this.#restMs = restMs;
    this.#now = now;
  }

  /**
   * What the database answers, or `undefined` when it is away. An answer that comes too late is handed to `onLate`.
   * Rejects with whatever is no sign of an outage.
   */
  ask<T extends NonNullable<unknown>>(
    work: () => Promise<T>,
    { onLate = () => {} }: { onLate?: (answer: T) => void } = {},
  ): Promise<T | undefined> {
    if (this.#now() < this.#awayUntil) return Promise.resolve(undefined);
    // One promise and no race: this is in the way of every cached answer and every request that is counted.
    return new Promise((resolve, reject) => {
      let isOverdue = false;
      const timer = setTimeout(() => {
        isOverdue = true;
        this.#rest();
        resolve(undefined);
      }, this.#patienceMs);
      work().then(
        (answer) => {
          if (isOverdue) return onLate(answer);
          clearTimeout(timer);
          resolve(answer);
        },
        (error: unknown) => {
          if (isOverdue) return;
          clearTimeout(timer);
          if (!isAway(error)) return reject(error);
          this.#rest();
          resolve(undefined);
        },
      );
    });
  }

  #rest(): void {
    this.#awayUntil = this.#now() + this.#restMs;
  }
}

/** True for an error that says nothing about the data: the database cannot be used at the moment. */
export function isAway(error: unknown): boolean {
  return error instanceof StackloreError && AWAY.has(error.code);
}
