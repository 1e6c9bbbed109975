import { createHash } from 'node:crypto';
import { parseDocument, stringify } from 'yaml';
import { errorMessage, StackloreError } from '../errors.ts';

/** A prompt as a file: what is said of it between `---` lines, and its text, to the byte. */
export interface PromptFile {
  readonly values: Readonly<Record<string, unknown>>;
  readonly body: string;
}

const FENCE = String.raw`---[ \t]*\r?(?:\n|$)`;
const FRONT_MATTER = new RegExp(String.raw`^\uFEFF?---[ \t]*\r?\n(?<yaml>(?:(?!${FENCE})[^\n]*\n)*)${FENCE}`);
const MAX_STEM_LENGTH = 180;

/** The text of a file; values that are `undefined` are left out. */
export function formatPromptFile({ values, body }: PromptFile): string {
  const present = Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
  return `---\n${stringify(present, { lineWidth: 0 })}---\n${body}`;
}

/** What a file says; one without front matter is all text. Throws `parse_failed`. */
export function parsePromptFile(text: string): PromptFile {
  const match = FRONT_MATTER.exec(text);
  if (!match) return { values: {}, body: text };
  const values = parseYaml(match.groups?.yaml ?? '');
  return { values, body: text.slice(match[0].length) };
}

/** A value of the front matter that is text, or `undefined`. Throws `parse_failed`. */
export function textValue({ values }: PromptFile, name: string): string | undefined {
  const value = ownValue(values, name);
  if (value === undefined || typeof value === 'string') return value;
  throw unusable(`"${name}" is not text: put it in quotes`);
}

/** A value of the front matter that is true or false, or `undefined`. Throws `parse_failed`. */
export function booleanValue({ values }: PromptFile, name: string): boolean | undefined {
  const value = ownValue(values, name);
  if (value === undefined || typeof value === 'boolean') return value;
  throw unusable(`"${name}" is neither true nor false`);
}

/** A value of the front matter that is a list, or `undefined`. Throws `parse_failed`. */
export function listValue({ values }: PromptFile, name: string): unknown[] | undefined {
  const value = ownValue(values, name);
  if (value === undefined || Array.isArray(value)) return value;
  throw unusable(`"${name}" is not a list`);
}

/** A value of the front matter that is a list of texts, or `undefined`. Throws `parse_failed`. */
export function namesValue(file: PromptFile, name: string): string[] | undefined {
  const list = listValue(file, name);
  return list?.map((value) => {
    if (typeof value === 'string') return value;
    throw unusable(`"${name}" holds something else than text: put it in quotes`);
  });
}

/**
 * What a name is called as a file or folder, without ending: letters, digits, `_`, `-` and `.` as they are, the rest
 * percent-encoded, so that no name leads out of its folder; what is too long for a file is cut and told apart by a hash.
 */
export function stemOf(name: string): string {
  const encoded = encodeURIComponent(name)
    .replace(/[!'()*~]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
    .replace(/^\./, '%2E');
  if (encoded.length <= MAX_STEM_LENGTH) return encoded;
  return `${encoded.slice(0, MAX_STEM_LENGTH - 17)}-${createHash('sha256').update(name).digest('hex').slice(0, 16)}`;
}

/** The name that a file's stem stands for. Throws `parse_failed`. */
export function nameOfStem(stem: string): string {
  try {
    return decodeURIComponent(stem);
  } catch (cause) {
    throw unusable(`the file name is not percent-encoded text: give the name as "name" in it`, cause);
  }
}

function ownValue(values: Readonly<Record<string, unknown>>, name: string): unknown {
  return Object.hasOwn(values, name) ? (values[name] ?? undefined) : undefined;
}

function parseYaml(yaml: string): Record<string, unknown> {
  const document = parseDocument(yaml, { logLevel: 'error' });
  const [problem] = document.errors;
  if (problem) throw unusable(problem.message.split('\n')[0] ?? problem.code, problem);
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: 100 });
  } catch (cause) {
    throw unusable(errorMessage(cause), cause);
  }
  if (value === null) return {};
  if (typeof value !== 'object' || Array.isArray(value))
    throw unusable('it is not a list of names and values');
  return { ...value };
}

function unusable(reason: string, cause?: unknown): StackloreError {
  return new StackloreError('parse_failed', {
    message: `The front matter cannot be used (${reason}). Correct the file.`,
    ...(cause !== undefined && { cause }),
  });
}
