import type { Connection } from './connection.ts';
import { withFate } from './fate.ts';
import { tooFewReplicas } from './reply-error.ts';

/** How many replicas are to have a write, and how long they are waited for. */
export interface Confirmation {
  readonly replicas: number;
  readonly timeoutMs: number;
}

/**
 * What a write replies that was sent on a connection right before this call, as soon as enough replicas have it. Throws
 * `database_timeout` when they are too few.
 */
export async function confirm<T>(
  connection: Connection,
  written: Promise<T>,
  { replicas, timeoutMs, commandTimeoutMs }: Confirmation & { readonly commandTimeoutMs: number },
): Promise<T> {
  const wait = ['WAIT', String(replicas), String(timeoutMs)];
  const counted = connection.send<number>(wait, false, timeoutMs + commandTimeoutMs);
  counted.catch(() => {}); // when the write itself fails, its error is told
  const reply = await written;
  const count = await counted.catch((error: Error) => {
    throw withFate(error, 'unknown'); // the server may have been replaced before any replica had the write
  });
  if (count >= replicas) return reply;
  throw tooFewReplicas({ count, replicas, timeoutMs }, connection.context);
}
