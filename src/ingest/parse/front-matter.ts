import { errorMessage, StackloreError } from '../../errors.ts';

/** The YAML block at the very beginning of a text, and what follows it. */
export interface FrontMatter {
  readonly values: Readonly<Record<string, unknown>>;
  readonly body: string;
}

/** What begins like front matter but does not end within this length is ordinary text. */
const MAX_LENGTH = 100_000;
const FENCE = /^---[ \t]*\n/;
const FIRST_LINE = /^(?:[\w$][\w .$/-]*:(?:\s|$)|["'#]|\s*\n)/;

/** Cuts front matter off. A text that begins with a mere `---` line stays whole. Throws `parse_failed` for bad YAML. */
export async function cutFrontMatter(text: string): Promise<FrontMatter> {
  const opening = FENCE.exec(text)?.[0];
  if (opening === undefined || !FIRST_LINE.test(text.slice(opening.length, opening.length + 500))) {
    return { values: {}, body: text };
  }
  const closing = /^(?:---|\.\.\.)[ \t]*$/m.exec(text.slice(opening.length, MAX_LENGTH));
  if (closing === null) return { values: {}, body: text };
  const yaml = text.slice(opening.length, opening.length + closing.index);
  const value = await parseYaml(yaml);
  if (value !== null && (typeof value !== 'object' || Array.isArray(value)))
    return { values: {}, body: text };
  const body = text.slice(opening.length + closing.index + closing[0].length).replace(/^\s*\n/, '');
  return { values: { ...value }, body };
}

async function parseYaml(yaml: string): Promise<unknown> {
  const { parseDocument } = await import('yaml');
  const document = parseDocument(yaml, { logLevel: 'error' });
  const [problem] = document.errors;
  if (problem) throw unusable(problem.message.split('\n')[0] ?? problem.code, problem);
  try {
    return document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    if (error instanceof RangeError) throw error;
    throw unusable(errorMessage(error), error);
  }
}

function unusable(reason: string, cause: unknown): StackloreError {
  return new StackloreError('parse_failed', {
    message: `The front matter is not valid YAML (${reason}). Correct it; the line counts from the line after "---".`,
    cause,
  });
}
