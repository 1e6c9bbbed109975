import type { FieldsValue, HashRecord } from '../schema/record.ts';
import type { Database } from './databases.ts';

/** A hash record's value at a key, or `undefined` when there is no such key. Throws `RecordError`. */
export async function readHash<F>(
  database: Database,
  record: Pick<HashRecord<string, F>, 'decode'>,
  key: string,
): Promise<FieldsValue<F> | undefined> {
  const reply = await database.send<string[]>(['HGETALL', key]);
  return reply.length === 0 ? undefined : record.decode(asObject(reply), key);
}

/** A flat `HGETALL` reply as an object. */
export function asObject<T>(flat: readonly T[]): Record<string, T> {
  const object: Record<string, T> = {};
  for (let at = 0; at + 1 < flat.length; at += 2) object[String(flat[at])] = flat[at + 1] as T;
  return object;
}
