import { isUtf8 } from 'node:buffer';
import type { Database } from '../redis/databases.ts';
import { isKeyDenied } from '../redis/denied.ts';
import { runScripts } from '../redis/script.ts';
import { KEY_TYPES, type KeyType, MEASURE_KEYS } from './scripts/measure-keys.ts';

/** What is known of a key that was not read. */
export interface MeasuredKey {
  readonly key: Buffer;
  /** `other` for streams and the types of modules. */
  readonly type: KeyType | 'other';
  /** Unix milliseconds; -1 when it stays. */
  readonly expiresAt: number;
  /** Milliseconds; -1 when it stays. */
  readonly ttlMs: number;
  readonly bytes: number;
}

/** Elements of a key that MEMORY USAGE looks at, which is what Redis does by itself. */
export const SAMPLED_ELEMENTS = 5;

/** Measures a page of keys in one round trip; those that are gone by now are left out. */
export async function measureKeys(
  database: Database,
  keys: readonly Buffer[],
  { samples = SAMPLED_ELEMENTS } = {},
): Promise<MeasuredKey[]> {
  if (keys.length === 0) return [];
  const args = [String(samples)];
  // A cluster takes keys of one slot only.
  const calls = database.isCluster ? keys.map((key) => ({ keys: [key], args })) : [{ keys, args }];
  const told = (await runScripts<number[]>(database, MEASURE_KEYS, calls)).flat();
  return keys.flatMap((key, index) => {
    const [type = -1, expiresAt = -1, ttlMs = -1, bytes = 0] = told.slice(index * 4, index * 4 + 4);
    return type < 0 ? [] : [{ key, type: KEY_TYPES[type] ?? 'other', expiresAt, ttlMs, bytes }];
  });
}

/** Like `measureKeys`, but leaves out keys that this user may not look at, and says how many they are. */
export async function measurePermittedKeys(
  database: Database,
  keys: readonly Buffer[],
  options: { samples?: number } = {},
): Promise<{ measured: MeasuredKey[]; denied: number }> {
  try {
    return { measured: await measureKeys(database, keys, options), denied: 0 };
  } catch (error) {
    if (!isKeyDenied(error)) throw error;
    if (keys.length === 1) return { measured: [], denied: 1 };
    // One is enough for all of them to be refused.
    const each = await Promise.all(keys.map((key) => measurePermittedKeys(database, [key], options)));
    return {
      measured: each.flatMap(({ measured }) => measured),
      denied: each.reduce((sum, { denied }) => sum + denied, 0),
    };
  }
}

/** A key as messages and reports show it: bytes that are no text, and what would move a cursor, as `\\x…`. */
export function printableKey(key: Buffer): string {
  const text = key.toString();
  if (isUtf8(key) && !/\p{Cc}/u.test(text)) return text;
  return key
    .toString('latin1')
    .replace(/[^ -~]/g, (byte) => `\\x${byte.charCodeAt(0).toString(16).padStart(2, '0')}`);
}
