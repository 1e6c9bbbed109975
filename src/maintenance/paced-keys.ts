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

/** The keys of a pattern page by page, each once within its page, no faster than told. Throws `aborted`. */
export async function* pacedKeys(
  database: Database,
  pattern: string,
  { keysPerSecond = KEYS_PER_SECOND, type, signal }: Pace & { readonly type?: string } = {},
): AsyncGenerator<string[]> {
  const count = Math.min(KEYS_PER_PAGE, keysPerSecond);
  const options = { count, ...(type !== undefined && { type }) };
  let isFirst = true;
  for await (const keys of scanKeys(database, pattern, options)) {
    if (!isFirst) await sleep((count / keysPerSecond) * 1_000);
    isFirst = false;
    if (signal?.aborted) {
      throw new StackloreError('aborted', { message: 'Stopped as asked; what was done so far stays.' });
    }
    if (keys.length > 0) yield [...new Set(keys)];
  }
}
