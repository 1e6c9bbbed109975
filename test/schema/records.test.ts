import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { RecordError } from '../../src/errors.ts';
import { type Field, integer, type Wire } from '../../src/schema/fields.ts';
import { factRecord } from '../../src/schema/knowledge.ts';
import { sessionRecord } from '../../src/schema/main.ts';
import type { AnyRecord } from '../../src/schema/record.ts';
import { RECORDS } from '../../src/schema/records.ts';

/** What a key holds, in one of the shapes that a Redis type has. */
interface Stored {
  readonly fields?: Readonly<Record<string, string>>;
  readonly elements?: readonly string[];
  readonly value?: string;
  readonly members?: readonly { readonly member: string; readonly score: number }[];
  /** The names of the fields that are given as base64. */
  readonly binary?: readonly string[];
  readonly key: string;
}

interface RecordFixture extends Stored {
  readonly record: string;
  readonly type: string;
}

interface Variant extends Stored {
  readonly writer: string;
  readonly ids: Readonly<Record<string, string>>;
  readonly decodesTo: unknown;
}

interface VariantsFixture {
  readonly record: string;
  readonly type: string;
  readonly variants: readonly Variant[];
}

const REDIS_TYPES = {
  hash: 'hash',
  list: 'list',
  string: 'string',
  counter: 'string',
  sortedSet: 'zset',
  map: 'hash',
} as const;

const RECORD_LIST: readonly (readonly [string, AnyRecord])[] = Object.entries(RECORDS);

function fixtureFile(name: string, suffix = ''): URL {
  return new URL(`../../fixtures/records/${name.replaceAll(' ', '-')}${suffix}.json`, import.meta.url);
}

function readFixture<T>(file: URL): T {
  return JSON.parse(readFileSync(file, 'utf8')) as T;
}

function wireFields({ fields = {}, binary = [] }: Stored): Record<string, Wire> {
  const decoded = Object.entries(fields).map(([name, value]) => {
    return [name, binary.includes(name) ? Buffer.from(value, 'base64') : value];
  });
  return Object.fromEntries(decoded);
}

/** The one codec of a record that is not a hash of declared fields. */
function codecOf(record: AnyRecord): Field<unknown> | undefined {
  if (record.type === 'list') return record.element;
  if (record.type === 'string') return record.value;
  // A counter is what INCR makes: a whole number.
  return record.type === 'counter' ? (integer as Field<unknown>) : undefined;
}

function decodeStored(record: AnyRecord, stored: Stored): unknown {
  if (record.type === 'hash') return record.decode(wireFields(stored), stored.key);
  const codec = codecOf(record);
  if (!codec) throw new Error(`a ${record.type} has no codec`);
  return stored.elements
    ? stored.elements.map((element) => codec.decode(element))
    : codec.decode(stored.value ?? '');
}

/** The value as JSON would show it, vectors as base64, so that it can be written down in a fixture. */
function comparable(value: unknown): unknown {
  const vectors = (_: string, inner: unknown) =>
    inner instanceof Float32Array ? Buffer.from(inner.buffer).toString('base64') : inner;
  return JSON.parse(JSON.stringify(value, vectors));
}

describe.each(RECORD_LIST)('the record "%s"', (name, record) => {
  it('has a fixture of its Redis type', () => {
    const fixture = readFixture<RecordFixture>(fixtureFile(name));

    expect(fixture.record).toBe(name);
    expect(fixture.type).toBe(REDIS_TYPES[record.type]);
  });

  it('reads the ids of its key and builds the same key from them', () => {
    const { key } = readFixture<RecordFixture>(fixtureFile(name));

    const ids = record.key.parse(key);

    expect(ids).toBeDefined();
    expect(record.key.build(ids ?? {})).toBe(key);
    expect(record.key.buildRaw(ids ?? {})).toBe(key);
  });

  it('decodes its fixture and encodes it to the same bytes', () => {
    const fixture = readFixture<RecordFixture>(fixtureFile(name));
    if (record.type === 'hash') {
      const wire = wireFields(fixture);
      expect(record.encode(record.decode(wire))).toEqual(Object.entries(wire).flat());
      return;
    }
    const codec = codecOf(record);
    const stored = fixture.elements ?? (fixture.value === undefined ? [] : [fixture.value]);
    if (codec) expect(stored.length).toBeGreaterThan(0);
    for (const wire of stored) expect(codec?.encode(codec.decode(wire))).toBe(wire);
  });

  if (!existsSync(fixtureFile(name, '.other-writers'))) return;

  it('reads what other programs write', () => {
    const { variants } = readFixture<VariantsFixture>(fixtureFile(name, '.other-writers'));

    expect(variants.length).toBeGreaterThan(0);
    for (const variant of variants) {
      expect(comparable(decodeStored(record, variant)), variant.writer).toEqual(variant.decodesTo);
      expect(record.key.buildRaw(variant.ids), variant.writer).toBe(variant.key);
    }
  });
});

describe('a hash', () => {
  it('names the key and every bad field when it cannot be read', () => {
    const read = () =>
      sessionRecord.decode({ created_at: 'yesterday', last_activity: '', metadata: '[]' }, 'session:s-1');

    expect(read).toThrow(RecordError);
    expect(read).toThrow(
      'The record at "session:s-1" cannot be used (user_id: missing; created_at: "yesterday" is not an ISO 8601 ' +
        'timestamp; last_activity: "" is not an ISO 8601 timestamp; metadata: not a JSON object). Correct or delete that key.',
    );
  });

  it('refuses to write a value of the wrong kind', () => {
    const fact = {
      content: 'Ships float.',
      category: 'physics',
      confidence: Number.NaN,
      source: 'harbour',
      createdAt: new Date(0),
      verified: true,
    };

    expect(() => factRecord.encode(fact, 'fact:f1')).toThrow('confidence: NaN is not a finite number');
  });

  it('ignores fields it does not know, whatever they are called', () => {
    const reply = { ...readFixture<Required<RecordFixture>>(fixtureFile('fact')).fields, constructor: 'x' };

    expect(Object.keys(factRecord.decode(reply))).not.toContain('constructor');
  });

  it('leaves an optional field out instead of writing it empty', () => {
    const session = {
      userId: 'user_001',
      createdAt: new Date('2025-01-15T10:30:00Z'),
      lastActivity: new Date('2025-01-15T10:30:00Z'),
      conversationId: undefined,
      metadata: {},
    };

    expect(sessionRecord.encode(session)).toEqual([
      ...['user_id', 'user_001', 'created_at', '2025-01-15T10:30:00Z'],
      ...['last_activity', '2025-01-15T10:30:00Z', 'metadata', '{}'],
    ]);
  });
});

describe('all records together', () => {
  it('have patterns under which each fixture key belongs to one record only', () => {
    for (const [name] of RECORD_LIST) {
      const { key } = readFixture<RecordFixture>(fixtureFile(name));
      const owners = RECORD_LIST.filter(([, record]) => record.key.parse(key) !== undefined);
      expect(owners.map(([owner]) => owner)).toEqual([name]);
    }
  });

  it('keep the keys of stacklore itself below "stacklore:" and nothing else there', () => {
    for (const [name, record] of RECORD_LIST) {
      expect(record.key.template.startsWith('stacklore:'), name).toBe(record.isHelper === true);
    }
  });
});
