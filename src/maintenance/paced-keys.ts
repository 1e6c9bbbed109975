import { setTimeout as sleep } from 'node:timers/promises';
import { StackloreError } from '../errors.ts';
import type { Database } from '../redis/databases.ts';
import { scanKeys } from '../redis/scan.ts';

export interface Pace {
  /** Keys looked at in a second at most; others need the server too. */
  readonly keysPerSecond?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

const KEYS_PER_PAGE = 500;
const KEYS_PER_SECOND = 50_000;
/** A key that SCAN only passes, as it is of another pattern, costs the server so much less than one that is looked at. */
const PASSED_SHARE = 0.1;
/** Shorter pauses would take longer than asked for. */
const SHORTEST_PAUSE_MS = 5;

/** The keys of a pattern page by page, each once within its page, no faster than told. Throws `aborted`. */
export async function* pacedKeys(
  database: Database,
  pattern: string,
  { keysPerSecond = KEYS_PER_SECOND, type, signal }: Pace & { readonly type?: string } = {},
): AsyncGenerator<string[]> {
  const count = Math.min(KEYS_PER_PAGE, keysPerSecond);
  const options = { count, ...(type !== undefined && { type }) };
  let pauseMs = 0;
  for await (const keys of scanKeys(database, pattern, options)) {
    if (pauseMs >= SHORTEST_PAUSE_MS) {
      await sleep(pauseMs);
      pauseMs = 0;
    }
    if (signal?.aborted) {
      throw new StackloreError('aborted', { message: 'Stopped as asked; what was done so far stays.' });
    }
    const passed = Math.max(0, count - keys.length);
    pauseMs += ((keys.length + passed * PASSED_SHARE) / keysPerSecond) * 1_000;
    if (keys.length > 0) yield [...new Set(keys)];
  }
}
