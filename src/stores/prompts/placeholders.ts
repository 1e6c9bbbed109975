import { StackloreError } from '../../errors.ts';

const NAME = String.raw`[\p{L}_][\p{L}\p{N}_]*`;
const PLACEHOLDER = new RegExp(String.raw`\{\{\s*(${NAME})\s*\}\}`, 'gu');
/** Begins like a placeholder on one line; JSON and the like in a prompt does not. */
const ALMOST = new RegExp(String.raw`\{\{\s*${NAME}[^{}\n"']{0,80}\}\}`, 'gu');

const EXACTLY = new RegExp(`^${PLACEHOLDER.source}$`, 'u');
const MAX_RENDERED_LENGTH = 10_000_000;

/** The names of the `{{placeholders}}` in a prompt, each once, in order. */
export function findPlaceholders(content: string): string[] {
  return [...new Set(Array.from(content.matchAll(PLACEHOLDER), ([, name = '']) => name))];
}

/** What looks like a placeholder but is kept as it stands, e.g. `{{ user.name }}`: the first of them. */
export function findMisspelt(content: string, most: number): string[] {
  const found: string[] = [];
  for (const [whole] of content.matchAll(ALMOST)) {
    if (EXACTLY.test(whole)) continue;
    found.push(whole);
    if (found.length === most) break;
  }
  return found;
}

/**
 * The prompt with its placeholders filled with text, numbers, true or false; a value's own braces are not looked at
 * again. Throws `invalid_input` naming every variable that is missing, `too_large` for a text beyond all measure.
 */
export function fillPlaceholders(content: string, variables: Readonly<Record<string, unknown>>): string {
  if (typeof variables !== 'object' || variables === null) {
    throw new StackloreError('invalid_input', {
      message: 'The variables are not an object. Give names and values.',
    });
  }
  const values = new Map<string, string>();
  const missing: string[] = [];
  for (const name of findPlaceholders(content)) {
    const value = variableOf(variables, name);
    if (value === undefined) missing.push(name);
    else values.set(name, String(value));
  }
  if (missing.length > 0) throw missingVariables(missing);
  checkLength(content, values);
  return content.replace(PLACEHOLDER, (_, name: string) => values.get(name) ?? '');
}

/** A value may stand in many places, so that texts of moderate length could make one that no memory holds. */
function checkLength(content: string, values: ReadonlyMap<string, string>): void {
  let length = content.length;
  for (const [placeholder, name = ''] of content.matchAll(PLACEHOLDER)) {
    length += (values.get(name) ?? '').length - placeholder.length;
  }
  if (length <= MAX_RENDERED_LENGTH) return;
  throw new StackloreError('too_large', {
    message: `The prompt would have ${length} characters; ${MAX_RENDERED_LENGTH} are allowed. Give shorter variables.`,
  });
}

/** The error for variables that were not given. */
export function missingVariables(names: readonly string[]): StackloreError {
  const [are, them] = names.length === 1 ? ['variable is', 'it'] : ['variables are', 'them'];
  return new StackloreError('invalid_input', {
    message: `The ${are} missing: ${names.join(', ')}. Give ${them}, as --var name=value on the command line.`,
  });
}

function variableOf(
  variables: Readonly<Record<string, unknown>>,
  name: string,
): string | number | boolean | undefined {
  const value = Object.hasOwn(variables, name) ? variables[name] : undefined;
  if (value === undefined || typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean') return value;
  throw new StackloreError('invalid_input', {
    message: `The variable ${name} is not text, a number, true or false. Give it as text.`,
  });
}
