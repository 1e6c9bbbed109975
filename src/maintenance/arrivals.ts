import { randomUUID } from 'node:crypto';
import { StackloreError } from '../errors.ts';
import type { Database } from '../redis/databases.ts';
import { runScript } from '../redis/script.ts';
import { namedWrongType } from '../redis/wrong-type.ts';
import { arrivalsRecord } from '../schema/knowledge.ts';
import { FIND_ARRIVALS, HOLD_ARRIVALS } from './scripts/arrivals.ts';

const KEY = arrivalsRecord.key.build({});
/** So long is waited for a restore or a migration that was killed; the key itself stays a second longer. */
const HOLD_SECONDS = 60;

/** The key that scripts ask whether records are arriving. */
export function arrivalsKey(): string {
  return KEY;
}

/** Runs work that writes knowledge records key by key; meanwhile nothing is deleted for what seems to be missing. */
export async function whileArriving<T>(
  knowledge: Database,
  work: () => Promise<T>,
  { holdSeconds = HOLD_SECONDS } = {},
): Promise<T> {
  const holder = randomUUID();
  const hold = () =>
    runScript(knowledge, HOLD_ARRIVALS, { keys: [KEY], args: [holder, String(holdSeconds)] });
  await hold().catch(named(knowledge));
  // Trouble with the server ends the work itself, and the hold runs out.
  const renewal = setInterval(() => void hold().catch(() => undefined), holdSeconds * 250);
  renewal.unref();
  try {
    return await work();
  } finally {
    clearInterval(renewal);
    await knowledge.send(['ZREM', KEY, holder]).catch(() => undefined);
  }
}

/** Throws `busy` while a restore or a migration brings knowledge records in. */
export async function requireNoArrivals(knowledge: Database): Promise<void> {
  const found = await runScript<number>(knowledge, FIND_ARRIVALS, { keys: [KEY] }).catch(named(knowledge));
  if (found === 1) throw arriving();
}

/** The error for what must wait until records have arrived. */
export function arriving(): StackloreError {
  return new StackloreError('busy', {
    message: `A restore or a migration brings records into the knowledge database, so what seems to be missing there may still come. Wait until it is done, then repeat; one that was killed is waited for ${HOLD_SECONDS} seconds.`,
  });
}

function named(knowledge: Database): (error: unknown) => Promise<never> {
  return async (error) => {
    throw await namedWrongType(knowledge, error, new Map([[KEY, 'zset']]));
  };
}
