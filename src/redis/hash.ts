import { RecordError } from '../errors.ts';
import type { FieldsValue, HashRecord } from '../schema/record.ts';
import type { Database } from './databases.ts';
import { isWrongType, namedWrongType } from './wrong-type.ts';

/** A hash record's value at a key, or `undefined` when there is no such key. Throws `RecordError`. */
export async function readHash<F>(
  database: Database,
  record: Pick<HashRecord<string, F>, 'decode'>,
  key: string,
): Promise<FieldsValue<F> | undefined> {
  try {
    const reply = await database.send<string[]>(['HGETALL', key]);
    return reply.length === 0 ? undefined : record.decode(asObject(reply), key);
  } catch (error) {
    throw await namedWrongType(database, error, new Map([[key, 'hash']]));
  }
}

/** A stored record that a list leaves out, as it cannot be read, and why. */
export interface UnreadableRecord {
  readonly key: string;
  readonly problem: string;
}

/**
 * The flat `HGETALL` replies of many keys in one round trip, empty where there is no key. In place of one that holds
 * another type there is the `RecordError` that says so; the others are read all the same.
 */
export async function readHashes(
  database: Database,
  keys: readonly string[],
): Promise<(readonly string[] | RecordError)[]> {
  const { replies, types } = await askHashes<readonly string[]>(database, keys, (key) => ['HGETALL', key]);
  return keys.map((key, at) => {
    const reply = replies[at];
    if (reply || types[at] === 'none') return reply ?? [];
    return new RecordError(key, [{ field: 'key', message: `it holds a ${types[at]}, not a hash` }]);
  });
}

/** Some fields of many hashes in one round trip, `null` for one that is missing; nothing of a key that holds another type. */
export async function readFields(
  database: Database,
  keys: readonly string[],
  fields: readonly string[],
): Promise<(readonly (string | null)[])[]> {
  const { replies } = await askHashes<(string | null)[]>(database, keys, (key) => ['HMGET', key, ...fields]);
  return replies.map((reply) => reply ?? []);
}

/** The reply for each key. A key of another type makes all fail: then only hashes are asked, and there are all types. */
async function askHashes<Reply>(
  database: Database,
  keys: readonly string[],
  commandOf: (key: string) => string[],
): Promise<{ replies: readonly (Reply | undefined)[]; types: readonly string[] }> {
  const ask = (some: readonly string[]) => database.pipeline<Reply>(some.map(commandOf));
  try {
    return { replies: await ask(keys), types: [] };
  } catch (error) {
    if (!isWrongType(error)) throw error;
    const types = await database.pipeline<string>(keys.map((key) => ['TYPE', key]));
    const hashes = keys.filter((_, at) => types[at] === 'hash');
    const replies = new Map((await ask(hashes)).map((reply, at) => [hashes[at], reply]));
    return { replies: keys.map((key) => replies.get(key)), types };
  }
}

/** Why a record cannot be read, as a list says it. */
export function unreadable({ key, message }: RecordError): UnreadableRecord {
  return { key, problem: message };
}

/** A flat `HGETALL` reply as an object. */
export function asObject<T>(flat: readonly T[]): Record<string, T> {
  const object: Record<string, T> = {};
  for (let at = 0; at + 1 < flat.length; at += 2) object[String(flat[at])] = flat[at + 1] as T;
  return object;
}
