import { RecordError, StackloreError } from '../errors.ts';
import type { Database } from './databases.ts';

/** True for Redis's refusal of a command because the key holds another type. */
export function isWrongType(error: unknown): boolean {
  return (
    error instanceof StackloreError &&
    error.cause instanceof Error &&
    // Raised inside a script, the reply has the same beginning.
    error.cause.message.startsWith('WRONGTYPE')
  );
}

/**
 * A refusal because of a key's type as a `RecordError` that names the first of these keys with another type than
 * expected; any other error as it is. To be thrown in place of what was caught.
 */
export async function namedWrongType(
  database: Database,
  error: unknown,
  expected: ReadonlyMap<string, 'hash' | 'list' | 'string' | 'zset' | 'set'>,
): Promise<unknown> {
  if (!isWrongType(error)) return error;
  const keys = [...expected.keys()];
  const types = await database.pipeline<string>(keys.map((key) => ['TYPE', key]));
  const at = keys.findIndex((key, index) => types[index] !== 'none' && types[index] !== expected.get(key));
  const key = keys[at];
  if (key === undefined) return error;
  return new RecordError(key, [
    { field: 'key', message: `it holds a ${types[at]}, not a ${expected.get(key)}` },
  ]);
}
