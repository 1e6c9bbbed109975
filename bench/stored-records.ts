import { readFileSync } from 'node:fs';
import type { RedisArgument } from '../src/redis/command.ts';
import type { AnyRecord, DatabaseName } from '../src/schema/record.ts';
import { RECORDS } from '../src/schema/records.ts';

/** A key of a record family, and the command that writes what it holds. */
export interface StoredRecord {
  readonly database: DatabaseName;
  readonly key: string;
  readonly command: readonly RedisArgument[];
  /** Whether records of its family have a TTL. */
  readonly expires: boolean;
}

interface Fixture {
  readonly key: string;
  readonly fields?: Readonly<Record<string, string>>;
  readonly elements?: readonly string[];
  readonly value?: string;
  readonly members?: readonly { readonly member: string; readonly score: number }[];
  /** The names of the fields that are given as base64. */
  readonly binary?: readonly string[];
}

type Build = (at: number) => StoredRecord;

/** A restore makes the indexes of these itself and lifts their versions, so they are not what they were. */
const CHANGED_BY_RESTORE: readonly string[] = ['collection', 'collections', 'facts manifest'];

let kinds: readonly Build[] | undefined;

/** As many records as asked for, the families in turn, each as its example in fixtures/records has it. */
export function* storedRecords(first: number, last: number): Generator<StoredRecord> {
  kinds ??= Object.entries(RECORDS)
    .filter(([name, { key }]) => !CHANGED_BY_RESTORE.includes(name) && key.template.includes('{'))
    .map(([name, record]) => buildOf(name, record));
  for (let at = first; at < last; at += 1) yield (kinds[at % kinds.length] as Build)(at);
}

function buildOf(name: string, { database, key, ttlSeconds }: AnyRecord): Build {
  const file = new URL(`../fixtures/records/${name.replaceAll(' ', '-')}.json`, import.meta.url);
  const fixture = JSON.parse(readFileSync(file, 'utf8')) as Fixture;
  // Of a fixture of this very record.
  const ids = key.parse(fixture.key) as Record<string, string>;
  const varied = Object.keys(ids).find((id) => id !== 'collection') ?? 'collection';
  // Each record's template takes ids of other names; these are its own.
  const build = key.build as (ids: Readonly<Record<string, string>>) => string;
  const contents = contentsOf(fixture);
  return (at) => {
    const own = build({ ...ids, [varied]: `${ids[varied]}_${at}` });
    const [verb = '', ...values] = contents(at);
    return { database, key: own, command: [verb, own, ...values], expires: ttlSeconds !== undefined };
  };
}

/** The verb and arguments that write what a fixture holds, made different from record to record. */
function contentsOf({
  fields,
  elements,
  value,
  members,
  binary = [],
}: Fixture): (at: number) => RedisArgument[] {
  if (fields) {
    return (at) => [
      'HSET',
      ...Object.entries(fields).flatMap(([name, wire]) => {
        return [name, binary.includes(name) ? vectorBytes(at, Buffer.byteLength(wire, 'base64')) : wire];
      }),
      ...['soak', String(at)],
    ];
  }
  if (elements) return (at) => ['RPUSH', ...elements, String(at)];
  if (members)
    return (at) => ['ZADD', ...members.flatMap(({ member, score }) => [String(score), member]), '1', `${at}`];
  return (at) => ['SET', value?.startsWith('{') ? `${value} ${at}` : String(at)];
}

/** Bytes of a vector of its own for each record: equal ones would compress to nothing. */
function vectorBytes(at: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let offset = 0; offset < length; offset += 4)
    bytes.writeFloatLE(Math.sin(at * 31 + offset * 0.37), offset);
  return bytes;
}
