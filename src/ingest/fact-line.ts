import { StackloreError } from '../errors.ts';
import { type NewFact, parseNewFact } from '../schema/fact-input.ts';
import { timestamp } from '../schema/fields.ts';

/** What a fact of a file has unless its line says otherwise. */
export type FactDefaults = Pick<NewFact, 'category' | 'confidence' | 'source' | 'verified'>;

/** The names a field may have in a line: as stored, and as `--json` prints it. */
const NAMES: Readonly<Record<string, keyof NewFact>> = {
  id: 'factId',
  fact_id: 'factId',
  factId: 'factId',
  content: 'content',
  category: 'category',
  confidence: 'confidence',
  source: 'source',
  verified: 'verified',
  created_at: 'createdAt',
  createdAt: 'createdAt',
  user_id: 'userId',
  userId: 'userId',
};

/** The fact in a line of JSON. Throws `invalid_input` saying what is wrong with it. */
export function parseFactLine(text: string, defaults: FactDefaults): ReturnType<typeof parseNewFact> {
  const fact: Record<string, unknown> = { ...defaults };
  for (const [given, value] of Object.entries(parseObject(text))) {
    const name = Object.hasOwn(NAMES, given) ? NAMES[given] : undefined;
    if (name === undefined) {
      throw wrong(
        `It has the field "${given.slice(0, 64)}", which no fact has. There are ${Object.keys(NAMES).join(', ')}.`,
      );
    }
    // How Python's None arrives.
    if (value !== null) fact[name] = convert(name, value);
  }
  return parseNewFact(fact);
}

function convert(name: keyof NewFact, value: unknown): unknown {
  if (name === 'factId' && Number.isSafeInteger(value)) return String(value);
  if (name !== 'createdAt') return value;
  try {
    return timestamp.decode(String(value));
  } catch {
    throw wrong('Its created_at is not an ISO 8601 timestamp such as 2025-01-15T10:30:00Z.');
  }
}

function parseObject(text: string): object {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw wrong('It is not valid JSON.');
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  throw wrong('It is not a JSON object. Write one object with a "content" a line.');
}

function wrong(message: string): StackloreError {
  return new StackloreError('invalid_input', { message });
}
