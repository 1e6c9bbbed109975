import { RecordError } from '../errors.ts';
import type { Database } from '../redis/databases.ts';
import { asObject, readHashes } from '../redis/hash.ts';
import type { FieldsValue, HashRecord } from '../schema/record.ts';

/** Where the record of one id may be. */
export interface Places<Id> {
  readonly id: Id;
  /** Keys to look at in this order. */
  readonly keys: readonly string[];
}

/** The records there are, and those among them that cannot be read. */
export interface ReadRecords<Id, Value> {
  readonly found: { readonly id: Id; readonly value: Value }[];
  readonly errors: { readonly id: Id; readonly error: RecordError }[];
}

/** Reads the records of many ids in one round trip; one that cannot be read does not hide the others. */
export async function readRecords<Id, F>(
  database: Database,
  record: Pick<HashRecord<string, F>, 'decode'>,
  places: readonly Places<Id>[],
): Promise<ReadRecords<Id, FieldsValue<F>>> {
  const replies = await readHashes(
    database,
    places.flatMap(({ keys }) => keys),
  );
  const read: ReadRecords<Id, FieldsValue<F>> = { found: [], errors: [] };
  let first = 0;
  for (const { id, keys } of places) {
    const own = replies.slice(first, first + keys.length);
    first += keys.length;
    const at = own.findIndex((reply) => reply instanceof RecordError || reply.length > 0);
    const reply = own[at];
    if (reply === undefined) continue;
    try {
      if (reply instanceof RecordError) throw reply;
      read.found.push({ id, value: record.decode(asObject(reply), keys[at]) });
    } catch (error) {
      if (!(error instanceof RecordError)) throw error;
      read.errors.push({ id, error });
    }
  }
  return read;
}
