import type { RedisArgument } from '../../redis/databases.ts';
import type { FactChanges } from '../../schema/fact-input.ts';
import { type Field, snakeCase } from '../../schema/fields.ts';
import { factRecord } from '../../schema/knowledge.ts';
import { SHOWN_FIELDS } from './fact.ts';

/** The hash fields of checked changes, name and value in turn. */
export function encodeChanges(changes: FactChanges): RedisArgument[] {
  return Object.entries(changes).flatMap(([name, value]) => {
    if (value === undefined) return [];
    // The names are those of the record; each codec gets the value that was checked for it.
    const codec = factRecord.fields[name as keyof FactChanges] as Field<unknown>;
    return [snakeCase(name), codec.encode(value)];
  });
}

/** The values of `SHOWN_FIELDS` once these fields, name and value in turn, are written over them. */
export function valuesAfter(before: readonly (string | null)[], fields: readonly RedisArgument[]) {
  const after = [...before];
  for (let at = 0; at + 1 < fields.length; at += 2) {
    const place = SHOWN_FIELDS.indexOf(String(fields[at]));
    if (place >= 0) after[place] = String(fields[at + 1]);
  }
  return after;
}
