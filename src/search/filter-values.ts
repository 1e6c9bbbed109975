import { StackloreError } from '../errors.ts';
import { timestamp } from '../schema/fields.ts';
import { tagParameter, tagProblem, trimTag } from '../schema/tag.ts';

/** A field as far as its values go. */
export interface ValueTarget {
  readonly name: string;
  readonly type: 'tag' | 'number' | 'date';
}

/** A filter's value as the parameter that the server compares with. Throws `invalid_filter` naming the path. */
export function encodeValue(target: ValueTarget, value: unknown, path: string): string {
  return ENCODERS[target.type](value, path, target.name);
}

const ENCODERS: Record<ValueTarget['type'], (value: unknown, path: string, field: string) => string> = {
  tag: encodeTag,
  number: encodeNumber,
  date: encodeDate,
};

function encodeTag(value: unknown, path: string, field: string): string {
  // Lists of the metadata may hold these as well; they are stored as their text.
  if (typeof value === 'boolean' || Number.isFinite(value)) return String(value);
  if (typeof value !== 'string') {
    throw invalidFilter(path, `must be text, because "${field}" is a tag, not ${kindOf(value)}`);
  }
  const tag = trimTag(value);
  const problem = tagProblem(tag);
  if (problem !== undefined) throw invalidFilter(path, problem);
  return tagParameter(tag);
}

function encodeNumber(value: unknown, path: string, field: string): string {
  if (typeof value === 'number' && Number.isFinite(value)) return String(value);
  throw invalidFilter(path, `must be a finite number, because "${field}" is a number, not ${kindOf(value)}`);
}

function encodeDate(value: unknown, path: string): string {
  const date = value instanceof Date ? value : parseDate(value);
  if (!date || Number.isNaN(date.getTime())) {
    throw invalidFilter(path, 'must be a Date or a date as ISO 8601 text, such as 2025-01-15T10:00:00Z');
  }
  return String(date.getTime() / 1000);
}

function parseDate(value: unknown): Date | undefined {
  if (typeof value !== 'string') return undefined;
  try {
    const day = value.trim().slice(0, 10);
    // JavaScript reads the 30th of February as the 2nd of March.
    if (timestamp.decode(day).toISOString().slice(0, 10) !== day) return undefined;
    return timestamp.decode(value);
  } catch {
    return undefined;
  }
}

/** What a value is, in words; the value itself stays out of messages. */
export function kindOf(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value);
  if (Array.isArray(value)) return 'a list';
  if (value instanceof Date) return 'a date';
  return (
    { string: 'text', object: 'an object', function: 'a function' }[typeof value as string] ??
    `a ${typeof value}`
  );
}

/** A name short enough for a message. */
export function excerpt(name: string): string {
  return name.length > 64 ? `${name.slice(0, 64)}…` : name;
}

/** The error of every filter that cannot be used; `path` says where in it. */
export function invalidFilter(path: string, problem: string): StackloreError {
  return new StackloreError('invalid_filter', { message: `The filter cannot be used: ${path} ${problem}.` });
}
