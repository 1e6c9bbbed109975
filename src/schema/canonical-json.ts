import { StackloreError } from '../errors.ts';

/** Far deeper than any request, and far from the end of the stack. */
const MAX_DEPTH = 200;

/**
 * A JSON value as the one text that all equal values have: names of objects in the order of their UTF-16 code units,
 * no white space, numbers as JavaScript writes them (RFC 8785). Members that are `undefined` are left out. Throws
 * `invalid_input` for what JSON cannot tell apart from something else, such as NaN.
 */
export function canonicalJson(value: unknown): string {
  return write(value, 0);
}

function write(given: unknown, depth: number): string {
  if (depth > MAX_DEPTH) throw refused('is nested too deeply, or holds itself');
  const value = hasToJson(given) ? given.toJSON() : given;
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'number') {
    if (Number.isFinite(value)) return JSON.stringify(value);
    throw refused(`holds ${value}`);
  }
  if (Array.isArray(value)) return `[${value.map((element) => write(element, depth + 1)).join(',')}]`;
  if (typeof value !== 'object')
    throw refused(`holds ${value === undefined ? 'undefined' : `a ${typeof value}`}`);
  const members = Object.entries(value as Record<string, unknown>).filter(
    ([, member]) => member !== undefined,
  );
  members.sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${write(member, depth + 1)}`).join(',')}}`;
}

function hasToJson(value: unknown): value is { toJSON(): unknown } {
  return (
    typeof value === 'object' && value !== null && 'toJSON' in value && typeof value.toJSON === 'function'
  );
}

function refused(problem: string): StackloreError {
  return new StackloreError('invalid_input', {
    message: `The value ${problem}, which JSON has no form for. Give text, finite numbers, booleans, null, lists and objects of these.`,
  });
}
