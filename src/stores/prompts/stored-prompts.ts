import { errorMessage, RecordError, StackloreError } from '../../errors.ts';
import type { Database } from '../../redis/databases.ts';
import { asObject } from '../../redis/hash.ts';
import { scanKeys } from '../../redis/scan.ts';
import { writeInOrder } from '../../redis/write-in-order.ts';
import { namedWrongType } from '../../redis/wrong-type.ts';
import type { FieldsValue, HashRecord } from '../../schema/record.ts';

/** A key of a prompt that cannot be read, and why. */
export interface UnreadablePrompt {
  readonly key: string;
  readonly message: string;
}

/** One page of prompts, how many there are in all, and those that cannot be read. */
export interface PromptPage<T> {
  readonly items: T[];
  readonly total: number;
  readonly unreadable: UnreadablePrompt[];
}

/** What a save did. */
export type SaveOutcome = 'created' | 'updated' | 'unchanged';

/** A page of a list. */
export interface PageOptions {
  readonly offset?: number;
  readonly limit?: number;
}

/** A prompt with the key it is stored at. */
export interface PlacedPrompt<Value> {
  readonly key: string;
  readonly value: Value;
}

const KEYS_PER_READ = 500;

/** The first of these keys that holds a prompt, or `undefined`. Throws `RecordError`. */
export async function findPrompt<F>(
  database: Database,
  record: Pick<HashRecord<string, F>, 'decode'>,
  keys: readonly string[],
): Promise<PlacedPrompt<FieldsValue<F>> | undefined> {
  for (const key of keys) {
    const reply = await readFields(database, key);
    if (reply.length > 0) return { key, value: record.decode(asObject(reply), key) };
  }
  return undefined;
}

/** What the hash at a key holds, names and values in turn. Throws `RecordError` when the key is of another type. */
export async function readFields(database: Database, key: string): Promise<string[]> {
  try {
    return await database.send<string[]>(['HGETALL', key]);
  } catch (error) {
    throw await namedWrongType(database, error, new Map([[key, 'hash']]));
  }
}

/** Removes a prompt from where it may be, and what belongs to it; true when it was there. */
export async function deletePrompt(
  database: Database,
  keys: readonly string[],
  ...companions: readonly string[]
): Promise<boolean> {
  const unlinks = [...keys, ...companions].map((key) => ['UNLINK', key]);
  const removed = await writeInOrder<number>(database, unlinks);
  return removed.slice(0, keys.length).some((count) => count > 0);
}

/** Every key under the patterns that `accepts` takes, sorted. */
export async function promptKeys(
  database: Database,
  patterns: readonly string[],
  accepts: (key: string) => boolean,
): Promise<string[]> {
  const found = new Set<string>();
  for (const pattern of new Set(patterns)) {
    for await (const keys of scanKeys(database, pattern)) {
      for (const key of keys) if (accepts(key)) found.add(key);
    }
  }
  return [...found].sort();
}

/** How a page is made of keys. */
export interface PageParts<F, T> {
  readonly keys: readonly string[];
  readonly options: PageOptions;
  readonly toItem: (value: FieldsValue<F>, key: string) => T;
  /** Leaves the others out, of the total too. */
  readonly accepts?: (value: FieldsValue<F>) => boolean;
}

/** One page of the prompts at these keys. */
export async function pagePrompts<F, T>(
  database: Database,
  record: Pick<HashRecord<string, F>, 'decode'>,
  { keys, options: { offset = 0, limit = 100 }, toItem, accepts }: PageParts<F, T>,
): Promise<PromptPage<T>> {
  checkPage(offset, limit);
  if (!accepts) {
    const page = keys.slice(offset, offset + limit);
    return { ...(await readPrompts(database, record, { keys: page, toItem })), total: keys.length };
  }
  const toAccepted = (value: FieldsValue<F>, key: string) => (accepts(value) ? [toItem(value, key)] : []);
  const { items, unreadable } = await readPrompts(database, record, { keys, toItem: toAccepted });
  const accepted = items.flat();
  return { items: accepted.slice(offset, offset + limit), total: accepted.length, unreadable };
}

/** The prompts at these keys, and those among them that cannot be read; a key gone meanwhile is left out. */
export async function readPrompts<F, T>(
  database: Database,
  record: Pick<HashRecord<string, F>, 'decode'>,
  { keys, toItem }: { keys: readonly string[]; toItem: (value: FieldsValue<F>, key: string) => T },
): Promise<{ items: T[]; unreadable: UnreadablePrompt[] }> {
  const items: T[] = [];
  const unreadable: UnreadablePrompt[] = [];
  for (let at = 0; at < keys.length; at += KEYS_PER_READ) {
    const page = keys.slice(at, at + KEYS_PER_READ);
    // Each on its own: one key of another type must not hide the others.
    const replies = await Promise.allSettled(page.map((key) => readFields(database, key)));
    for (const [index, reply] of replies.entries()) {
      const key = page[index] ?? '';
      try {
        if (reply.status === 'rejected') throw reply.reason;
        if (reply.value.length > 0) items.push(toItem(record.decode(asObject(reply.value), key), key));
      } catch (error) {
        if (!(error instanceof RecordError)) throw error;
        unreadable.push({ key, message: errorMessage(error) });
      }
    }
  }
  return { items, unreadable };
}

function checkPage(...numbers: readonly number[]): void {
  if (numbers.every((one) => Number.isSafeInteger(one) && one >= 0)) return;
  throw new StackloreError('invalid_input', {
    message: 'offset and limit must be whole numbers of at least 0.',
  });
}
