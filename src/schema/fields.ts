import { z } from 'zod';

/** What a hash field, list element or string value is on the wire. */
export type Wire = string | Buffer;

/** How one field is written to Redis and read back. `encode` and `decode` throw an `Error` naming the problem. */
export interface Field<T> {
  /** The word for this encoding in docs/schema.md. */
  readonly kind: string;
  /** The keys of a JSON object as stored, those that may be absent with a `?`, where they are declared. */
  readonly keys?: readonly string[];
  readonly isOptional: boolean;
  encode(value: T): Wire;
  decode(wire: Wire): T;
}

/** A field that may be absent from the hash: `undefined` on the value side, no field on the wire side. */
export interface OptionalField<T> extends Field<T> {
  readonly isOptional: true;
}

/** A field that every record of its kind carries. */
export interface RequiredField<T> extends Field<T> {
  readonly isOptional: false;
  optional(): OptionalField<T>;
}

const DECIMAL = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
const INTEGER = /^[+-]?\d+$/;
/** A date and time with or without fractions and offset, as Python and JavaScript writers produce it. */
const ISO_TIMESTAMP =
  /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?)\s*(Z|[+-]\d{2}:?\d{2})?)?$/i;

/** As we write it; nearly every timestamp that is read. */
const CANONICAL_TIMESTAMP = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{3})?Z$/;

/** A field that every record of its kind carries, by how it is written and read. */
export function field<T>(
  kind: string,
  encode: (value: T) => Wire,
  decode: (wire: Wire) => T,
): RequiredField<T> {
  const required: RequiredField<T> = {
    kind,
    isOptional: false,
    encode,
    decode,
    optional: () => ({ kind, isOptional: true, encode, decode }),
  };
  return required;
}

function wireText(wire: Wire): string {
  return typeof wire === 'string' ? wire : wire.toString('utf8');
}

/** Any text, stored as UTF-8. */
export const text = field<string>('text', requireString, wireText);

/** A whole number as decimal text. */
export const integer = field<number>(
  'integer',
  (value) => {
    if (!Number.isSafeInteger(value)) throw new Error(`${value} is not a whole number`);
    return String(value);
  },
  (wire) => {
    const raw = wireText(wire).trim();
    const value = Number(raw);
    if (!INTEGER.test(raw) || !Number.isSafeInteger(value)) {
      throw new Error(`"${excerpt(raw)}" is not a whole number`);
    }
    return value;
  },
);

/** A finite number as decimal text. Refuses "", which `Number` alone would turn into 0. */
export const float = field<number>(
  'float',
  (value) => {
    if (typeof value !== 'number' || !Number.isFinite(value))
      throw new Error(`${value} is not a finite number`);
    return String(value);
  },
  (wire) => {
    const raw = wireText(wire).trim();
    const value = Number(raw);
    if (!DECIMAL.test(raw) || !Number.isFinite(value)) throw new Error(`"${excerpt(raw)}" is not a number`);
    return value;
  },
);

/** A number from 0 to 1 as decimal text; reads any number. */
export const fraction = field<number>(
  'float',
  (value) => {
    const encoded = float.encode(value);
    if (value < 0 || value > 1) throw new Error(`${value} is not from 0 to 1`);
    return encoded;
  },
  float.decode,
);

/** `true` or `false`; also reads `True`, `False`, `1` and `0`, which other writers produce. */
export const boolean = field<boolean>(
  'boolean',
  (value) => {
    if (typeof value !== 'boolean') throw new Error(`${value} is not true or false`);
    return String(value);
  },
  (wire) => {
    const raw = wireText(wire).trim().toLowerCase();
    if (raw === 'true' || raw === '1') return true;
    if (raw === 'false' || raw === '0') return false;
    throw new Error(`"${excerpt(raw)}" is not true or false`);
  },
);

/** A moment as ISO 8601 text in UTC. A timestamp without an offset is read as UTC; fractions finer than 1 ms are cut. */
export const timestamp = field<Date>(
  'timestamp',
  (value) => {
    if (!(value instanceof Date) || Number.isNaN(value.getTime())) throw new Error('not a valid date');
    return value.toISOString().replace('.000Z', 'Z');
  },
  (wire) => {
    const raw = wireText(wire).trim();
    const date = parseTimestamp(raw);
    if (!date) throw new Error(`"${excerpt(raw)}" is not an ISO 8601 timestamp`);
    return date;
  },
);

function parseTimestamp(raw: string): Date | undefined {
  if (CANONICAL_TIMESTAMP.test(raw)) {
    const date = new Date(raw);
    if (date.getUTCDate() === Number(raw.slice(8, 10))) return date;
  }
  const [, day, time = '00:00:00', offset = 'Z'] = ISO_TIMESTAMP.exec(raw) ?? [];
  if (day === undefined) return undefined;
  const midnight = new Date(`${day}T00:00:00Z`);
  // `Date` rolls 30 February over into March instead of refusing it.
  if (Number.isNaN(midnight.getTime()) || !midnight.toISOString().startsWith(day)) return undefined;
  const date = new Date(`${day}T${time}${offset.toUpperCase()}`);
  return Number.isNaN(date.getTime()) ? undefined : date;
}

/** A JSON value that the zod schema accepts. */
export function json<T>(schema: z.ZodType<T>): RequiredField<T> {
  return field<T>(
    'json',
    (value) => {
      const checked = schema.safeParse(value);
      if (!checked.success) throw new Error(z.prettifyError(checked.error));
      return JSON.stringify(checked.data);
    },
    (wire) => {
      const value = parseJson(wire);
      const checked = schema.safeParse(value);
      if (checked.success) return checked.data;
      const problem = z.prettifyError(checked.error);
      throw isNewer(value, checked.error) ? new NewerFormatError(problem) : new Error(problem);
    },
  );
}

/** What `decode` throws for a value that a later version of stacklore has written: one with more keys, or of a later format. */
export class NewerFormatError extends Error {}

function isNewer(value: unknown, { issues }: z.ZodError): boolean {
  return issues.some((issue) => {
    if (issue.code === 'unrecognized_keys') return true;
    if (issue.code !== 'invalid_value' || issue.path.join() !== 'formatVersion') return false;
    const { formatVersion } = value as { formatVersion?: unknown };
    return Number.isInteger(formatVersion) && Number(formatVersion) > Number(issue.values[0]);
  });
}

/** Any JSON value; whatever `JSON.stringify` leaves out of it is left out. */
export const jsonValue = field<unknown>(
  'json',
  (value) => {
    const json: string | undefined = JSON.stringify(value);
    if (json === undefined) throw new Error('not a JSON value');
    return json;
  },
  parseJson,
);

/** Any JSON value within an object, as `z.json()` has it, which takes several times as long. */
export const jsonType = z.custom<z.core.util.JSONType>(isJson, 'not a JSON value');

/** A JSON object of any content, kept as it is: keys inside are never renamed. */
export const jsonObject = field<Record<string, unknown>>(
  'json object',
  (value) => {
    if (!isObject(value)) throw new Error('not a JSON object');
    return JSON.stringify(value);
  },
  (wire) => {
    const value = parseJson(wire);
    if (!isObject(value)) throw new Error('not a JSON object');
    return value;
  },
);

/**
 * A JSON object whose own keys are snake_case in Redis and camelCase in TypeScript; values below them are untouched.
 * A `null` for something optional is read as absent, since that is how Python's `None` arrives.
 */
export function snakeJson<Shape extends z.ZodRawShape>(
  shape: Shape,
): RequiredField<z.output<z.ZodObject<Shape>>> {
  const schema = z.object(shape);
  const names = Object.entries(shape).map(([name, member]) => {
    return { name, wireName: snakeCase(name), isOptional: z.safeParse(member, undefined).success };
  });
  const isPlain = names.every(({ name, wireName }) => name === wireName);
  const optional = names.flatMap(({ name, isOptional }) => (isOptional ? [name] : []));
  function check(value: unknown): z.output<typeof schema> {
    const checked = schema.safeParse(value);
    if (!checked.success) throw new Error(z.prettifyError(checked.error));
    return checked.data;
  }
  function encode(value: z.output<typeof schema>): Wire {
    const checked: Record<string, unknown> = check(value);
    const stored: Record<string, unknown> = {};
    for (const { name, wireName } of names) stored[wireName] = checked[name];
    return JSON.stringify(stored);
  }
  function decode(wire: Wire): z.output<typeof schema> {
    const stored = parseJson(wire);
    if (!isObject(stored)) throw new Error('not a JSON object');
    // Names that need no renaming are the common case of long lists: what is stored is checked as it is.
    if (isPlain && !optional.some((name) => stored[name] === null)) return check(stored);
    const value: Record<string, unknown> = {};
    for (const { name, wireName, isOptional } of names) {
      const member = stored[wireName];
      if (member !== undefined && !(isOptional && member === null)) value[name] = member;
    }
    return check(value);
  }
  const keys = names.map(({ wireName, isOptional }) => (isOptional ? `${wireName}?` : wireName));
  return { ...field('json object', encode, decode), keys };
}

/** A vector as little-endian float32 bytes, the layout a FLOAT32 vector field indexes. */
export const float32 = field<Float32Array>(
  'float32 vector',
  // A view, not a copy: the caller must not change the vector before the write is acknowledged.
  (value) => Buffer.from(value.buffer, value.byteOffset, value.byteLength),
  (wire) => {
    if (typeof wire === 'string')
      throw new Error('read as text; binary fields need a connection mapped to buffers');
    if (wire.byteLength % 4 !== 0)
      throw new Error(`${wire.byteLength} bytes are not a whole number of float32 values`);
    return new Float32Array(Uint8Array.from(wire).buffer); // copied: a pooled Buffer may be unaligned
  },
);

/** `chunkCount` becomes `chunk_count`: the one rule by which names cross into Redis. */
export function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function requireString(value: string): string {
  if (typeof value !== 'string') throw new Error('not text');
  return value;
}

function parseJson(wire: Wire): unknown {
  try {
    return JSON.parse(wireText(wire));
  } catch {
    throw new Error(`"${excerpt(wireText(wire))}" is not JSON`);
  }
}

function isJson(value: unknown): boolean {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return true;
  if (typeof value === 'number') return Number.isFinite(value);
  if (typeof value !== 'object') return false;
  if (Array.isArray(value)) return value.every(isJson);
  const prototype: unknown = Object.getPrototypeOf(value);
  return (prototype === Object.prototype || prototype === null) && Object.values(value).every(isJson);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function excerpt(raw: string): string {
  return raw.length > 40 ? `${raw.slice(0, 40)}…` : raw;
}
