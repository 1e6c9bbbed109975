import type { Database, RedisArgument } from '../../redis/databases.ts';
import { expected } from '../../redis/expected.ts';
import { runScript } from '../../redis/script.ts';
import type { FactChanges } from '../../schema/fact-input.ts';
import { type Field, snakeCase } from '../../schema/fields.ts';
import { factRecord } from '../../schema/knowledge.ts';
import { isOwned, readFact, SHOWN_FIELDS, type StoredFact } from './fact.ts';
import { UPDATE_FACT } from './scripts/update-fact.ts';

/** The hash fields of checked changes, name and value in turn. */
export function encodeChanges(changes: FactChanges): RedisArgument[] {
  return Object.entries(changes).flatMap(([name, value]) => {
    if (value === undefined) return [];
    // The names are those of the record; each codec gets the value that was checked for it.
    const codec = factRecord.fields[name as keyof FactChanges] as Field<unknown>;
    return [snakeCase(name), codec.encode(value)];
  });
}

/**
 * Changes these fields of a fact and gives it as it is then, or `undefined` when there is none, or none of `ownedBy`'s. Throws `RecordError` before
 * anything is written when the rest of it cannot be read.
 */
export async function changeFact(
  database: Database,
  factId: string,
  {
    fields: changes,
    now,
    ownedBy,
  }: { fields: readonly RedisArgument[]; now: number; ownedBy?: string | undefined },
): Promise<StoredFact | undefined> {
  const keys = factRecord.key.candidates({ factId });
  for (;;) {
    const replies = await database.pipeline<(Buffer | null)[]>(
      keys.map((key) => ['HMGET', key, ...SHOWN_FIELDS]),
      { buffers: true },
    );
    const filled = replies.findIndex((values) => values.some((value) => value !== null));
    const at = filled >= 0 ? filled : await findTorn(database, keys);
    const key = keys[at];
    const before = replies[at];
    if (key === undefined || before === undefined || !isOwned(before, ownedBy)) return undefined;
    // A hash without any field of a fact becomes one of now, if the changes are all the rest of it.
    const createdAt = factRecord.fields.createdAt.encode(new Date(now));
    const fields = filled >= 0 ? changes : [...changes, 'created_at', createdAt];
    const changed = new Set(fields.flatMap((field, place) => (place % 2 === 0 ? [String(field)] : [])));
    const fact = readFact(factId, key, valuesAfter(before, fields));
    const kept = SHOWN_FIELDS.map((name, place) => (changed.has(name) ? '*' : expected(before[place])));
    const written = await runScript<number>(database, UPDATE_FACT, {
      keys: [key],
      args: [...kept, ...fields],
      isConfirmed: true,
    });
    // Otherwise somebody has changed or deleted it since it was read.
    if (written === 1) return fact;
  }
}

async function findTorn(database: Database, keys: readonly string[]): Promise<number> {
  const present = await database.pipeline<number>(keys.map((key) => ['EXISTS', key]));
  return present.indexOf(1);
}

/** The values of `SHOWN_FIELDS` once these fields are written. */
function valuesAfter(before: readonly (Buffer | null)[], fields: readonly RedisArgument[]) {
  const after = before.map((value) => value?.toString());
  for (let at = 0; at + 1 < fields.length; at += 2) {
    const place = SHOWN_FIELDS.indexOf(String(fields[at]));
    if (place >= 0) after[place] = String(fields[at + 1]);
  }
  return after;
}
