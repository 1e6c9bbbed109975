import { StackloreError } from '../../errors.ts';

const NAME = String.raw`[\p{L}_][\p{L}\p{N}_]*`;
const PLACEHOLDER = new RegExp(String.raw`\{\{\s*(${NAME})\s*\}\}`, 'gu');
/** Begins like a placeholder on one line; JSON and the like in a prompt does not. */
const ALMOST = new RegExp(String.raw`\{\{\s*${NAME}[^{}\n"']{0,80}\}\}`, 'gu');

/** The names of the `{{placeholders}}` in a prompt, each once, in order. */
export function findPlaceholders(content: string): string[] {
  return [...new Set(Array.from(content.matchAll(PLACEHOLDER), ([, name = '']) => name))];
}

/** What looks like a placeholder but is kept as it stands, e.g. `{{ user.name }}`. */
export function findMisspelt(content: string): string[] {
  return Array.from(content.replace(PLACEHOLDER, '').matchAll(ALMOST), ([whole]) => whole);
}

/**
 * The prompt with its placeholders filled with text, numbers, true or false; a value's own braces are not looked at again. Throws `invalid_input` naming
 * every variable that is missing.
 */
export function fillPlaceholders(content: string, variables: Readonly<Record<string, unknown>>): string {
  const missing = findPlaceholders(content).filter((name) => variableOf(variables, name) === undefined);
  if (missing.length > 0) throw missingVariables(missing);
  return content.replace(PLACEHOLDER, (_, name: string) => String(variableOf(variables, name)));
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
