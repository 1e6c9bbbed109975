import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection } from './connection.ts';
import { fateOf } from './fate.ts';

/** Work for a connection, and what is allowed with it. */
export interface Work<T> {
  /** Does the work within so many milliseconds. */
  readonly on: (connection: Connection, timeoutMs: number) => Promise<T>;
  readonly timeoutMs: number;
  /** Whether doing it twice is the same as doing it once. */
  readonly isRepeatable: boolean;
}

/** Where work is done. */
export interface Workplace {
  /** The connection there is, or a new one. */
  readonly connect: () => Promise<Connection>;
  /** How long a server that refuses is waited for, in milliseconds. */
  readonly patienceMs: number;
  /** Ends the waiting. */
  readonly signal: AbortSignal;
}

/** What was lost this often may be what the servers die of. */
const MOST_LOST = 3;
const FIRST_PAUSE_MS = 25;
const LONGEST_PAUSE_MS = 500;

/**
 * Does work that failed, or waits for a connection, until it succeeds, fails for good or is overdue: again with growing
 * pauses where nothing of it was carried out, and where nobody can tell if that does no harm. Throws the last error.
 */
export async function repeat<T>(
  work: Work<T>,
  { connect, patienceMs, signal }: Workplace,
  { startedAt, failure }: { readonly startedAt: number; readonly failure?: unknown },
): Promise<T> {
  const until = startedAt + Math.min(work.timeoutMs, patienceMs);
  let lost = 0;
  let last = failure;
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
    if (last !== undefined) {
      const fate = fateOf(last);
      if (fate === 'unknown') lost += 1;
      const isAllowed = fate === 'undone' || (fate === 'unknown' && work.isRepeatable && lost < MOST_LOST);
      if (!isAllowed || performance.now() + pauseMs >= until || signal.aborted) throw last;
      await sleep(pauseMs, undefined, { signal }).catch(() => {});
    }
    try {
      const connection = await connect();
      const spentMs = last === undefined ? 0 : performance.now() - startedAt;
      // Connecting took the rest of the time: sent now, it would be carried out after its caller was told of a failure.
      if (spentMs >= work.timeoutMs) break;
      return await work.on(connection, work.timeoutMs - spentMs);
    } catch (error) {
      last = error;
    }
  }
  throw last;
}
