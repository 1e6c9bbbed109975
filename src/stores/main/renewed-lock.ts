import type { CommandOptions, Database } from '../../redis/databases.ts';
import { runScript } from '../../redis/script.ts';
import { RELEASE_LOCK, RENEW_LOCK } from './scripts/cache-lock.ts';

/** A lock of whoever knows its token. */
export interface LockOwner {
  readonly key: string;
  readonly token: string;
}

/** How often a lock is renewed within its time. */
const RENEWALS = 3;

/**
 * Renews locks, each for so many milliseconds, until the function that it gives is called. Trouble with the database is
 * ignored: then a lock ends by itself, and its holder must do no harm when another one begins.
 */
export function keepRenewed(
  database: Database,
  { keys, token, ms }: { readonly keys: readonly string[]; readonly token: string; readonly ms: number },
): () => void {
  const renew = () => {
    for (const key of keys) renewLock(database, { key, token }, ms).catch(() => {});
  };
  const timer = setInterval(renew, Math.ceil(ms / RENEWALS)).unref();
  return () => clearInterval(timer);
}

/** Keeps a lock for so many milliseconds from now; gives whether it was still the owner's. */
export async function renewLock(database: Database, { key, token }: LockOwner, ms: number): Promise<boolean> {
  return (await runScript<number>(database, RENEW_LOCK, { keys: [key], args: [token, String(ms)] })) === 1;
}

/** Gives a lock back; gives whether it was still the owner's. */
export async function releaseLock(
  database: Database,
  { key, token }: LockOwner,
  options: CommandOptions = {},
): Promise<boolean> {
  const call = { keys: [key], args: [token], ...options };
  return (await runScript<number>(database, RELEASE_LOCK, call)) === 1;
}
