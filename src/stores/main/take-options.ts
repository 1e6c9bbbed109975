import { StackloreError } from '../../errors.ts';
import { checkWhole } from './check-input.ts';

/** How a task is taken. */
export interface DequeueOptions {
  /** How long to wait for a task; `Infinity` waits for ever. By default not at all. */
  readonly waitMs?: number;
  /** How long the task is this caller's; past that it is given to another, unless the lease is renewed (30,000). */
  readonly leaseMs?: number;
  /** Failures after which a task is given up (5). */
  readonly maxAttempts?: number;
  /**
   * Take the highest priority first, the oldest of equals, among the next 100 tasks (less when they are above 1 MB
   * together); a number sets how many, 1,000 at most. By default strictly by age.
   */
  readonly byPriority?: boolean | number;
  /** Ends the waiting with `aborted`. */
  readonly signal?: AbortSignal;
}

/** Checked options, complete. */
export interface TakePlan {
  readonly waitMs: number;
  readonly leaseMs: number;
  readonly maxAttempts: number;
  /** From how many tasks one is chosen by priority; 0: by age. */
  readonly window: number;
  readonly signal: AbortSignal | undefined;
}

export const DEFAULT_LEASE_MS = 30_000;
export const DEFAULT_MAX_ATTEMPTS = 5;
const DEFAULT_WINDOW = 100;
const LARGEST_WINDOW = 1_000;
const LONGEST_LEASE_MS = 86_400_000;

/** Throws `invalid_input` for a wrong option. */
export function takePlan(options: DequeueOptions): TakePlan {
  const { waitMs = 0, leaseMs = DEFAULT_LEASE_MS, maxAttempts = DEFAULT_MAX_ATTEMPTS } = options;
  const { byPriority = false, signal } = options;
  if (typeof waitMs !== 'number' || !(waitMs >= 0)) {
    throw new StackloreError('invalid_input', { message: 'waitMs must be 0 or more milliseconds.' });
  }
  checkWhole(leaseMs, 'leaseMs', { least: 100, most: LONGEST_LEASE_MS });
  checkWhole(maxAttempts, 'maxAttempts', { least: 1 });
  const window = byPriority === true ? DEFAULT_WINDOW : byPriority || 0;
  checkWhole(window, 'byPriority', { least: 0, most: LARGEST_WINDOW });
  return { waitMs, leaseMs, maxAttempts, window, signal };
}
