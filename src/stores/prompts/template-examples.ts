import { errorMessage, StackloreError } from '../../errors.ts';
import type { TemplateRenderer } from './render.ts';

/** As many are looked at; the others are kept as they are. */
const MOST_EXAMPLES = 20;

/**
 * Which examples do not fit their template, a sentence each. An example `{ input: {…} }` or `{ variables: {…} }` is
 * rendered with these, and its `output`, where that is text, compared with the result; another object is taken for
 * variables itself. Examples of any other form are for people.
 */
export async function warningsOfExamples(
  renderer: Pick<TemplateRenderer, 'render'>,
  {
    template,
    examples,
    requiredVariables,
  }: { template: string; examples: readonly unknown[]; requiredVariables: readonly string[] },
): Promise<string[]> {
  const warnings: string[] = [];
  for (const [at, example] of examples.slice(0, MOST_EXAMPLES).entries()) {
    const variables = variablesOf(example);
    if (!variables) continue;
    try {
      const text = await renderer.render(template, variables, requiredVariables);
      const output = outputOf(example, variables);
      if (output === undefined || output === text) continue;
      warnings.push(`Example ${at + 1} does not give its output, but ${JSON.stringify(text.slice(0, 200))}.`);
    } catch (error) {
      if (!(error instanceof StackloreError)) throw error;
      if (!OF_THE_EXAMPLE.has(error.code)) throw error;
      warnings.push(`Example ${at + 1} cannot be rendered: ${errorMessage(error)}`);
      // One that takes all its time is enough.
      if (error.code === 'too_large') break;
    }
  }
  return warnings;
}

const OF_THE_EXAMPLE: ReadonlySet<string> = new Set<StackloreError['code']>(['invalid_input', 'too_large']);

function variablesOf(example: unknown): Record<string, unknown> | undefined {
  if (!isObject(example)) return undefined;
  const { input, variables = input } = example;
  if (variables === undefined) return example;
  return isObject(variables) ? variables : undefined;
}

function outputOf(example: unknown, variables: unknown): string | undefined {
  if (!isObject(example) || example === variables) return undefined;
  return typeof example.output === 'string' ? example.output : undefined;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
