import { COUNTER_WINDOWS, counterRecord } from './analytics.ts';
import type { AnyRecord, DatabaseName } from './record.ts';
import { RECORDS } from './records.ts';

/** The Redis types that records have. */
export type RedisType = 'hash' | 'list' | 'string' | 'zset';

/** One record family: its name as docs/schema.md gives it, and its declaration. */
export interface Family {
  readonly name: string;
  readonly record: AnyRecord;
}

const REDIS_TYPES = {
  hash: 'hash',
  map: 'hash',
  list: 'list',
  string: 'string',
  counter: 'string',
  sortedSet: 'zset',
} as const satisfies Record<AnyRecord['type'], RedisType>;

const FAMILIES: readonly Family[] = Object.entries(RECORDS).map(([name, record]) => ({ name, record }));

/** The record families of these named databases, all of them unless told, in the order of their declaration. */
export function familiesOf(databases?: readonly DatabaseName[]): Family[] {
  return FAMILIES.filter(({ record }) => databases?.includes(record.database) ?? true);
}

/**
 * Finds the family a key belongs to, or `undefined` for a key of none: it is the first whose template the key fits.
 * Two named databases may share a number, so a key is told by its family and never by where it lies.
 */
export function familyFinder(families: readonly Family[]): (key: string) => Family | undefined {
  // Most keys are told apart by the text before their first id, which costs less than a match.
  const candidates = families.map((family) => {
    const { template } = family.record.key;
    const at = template.indexOf('{');
    return { family, start: at < 0 ? template : template.slice(0, at) };
  });
  return (key) =>
    candidates.find(({ family, start }) => key.startsWith(start) && family.record.key.parse(key))?.family;
}

/** The Redis type that keys of a record have. */
export function redisTypeOf(record: AnyRecord): RedisType {
  return REDIS_TYPES[record.type];
}

/** The TTL that the key of a record should have at most, in seconds; `undefined` for one that stays. */
export function ttlSecondsOf(record: AnyRecord, key: string): number | undefined {
  if (record.key.template !== counterRecord.key.template) return record.ttlSeconds;
  const window = counterRecord.key.parse(key)?.window ?? '';
  const windows: Readonly<Record<string, number>> = COUNTER_WINDOWS;
  return windows[window];
}
