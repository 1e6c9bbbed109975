import { StackloreError } from '../../errors.ts';
import type { SystemPromptInput } from '../../schema/prompt-input.ts';
import type { SystemPrompt } from '../../schema/prompts.ts';
import { findMisspelt, findPlaceholders } from './placeholders.ts';
import { checkSemanticVersion, compareVersions, isSemanticVersion, nextPatch } from './semantic-version.ts';

const FIRST_VERSION = '1.0.0';
/** More would only be noise. */
const MOST_WARNINGS = 20;

/** The names in the text; declared ones must be those exactly. Throws `invalid_input`. */
export function checkedVariables(promptName: string, { content, variables }: SystemPromptInput): string[] {
  const used = findPlaceholders(content);
  if (variables === undefined) return used;
  const declared = [...new Set(variables)];
  const undeclared = used.filter((name) => !declared.includes(name));
  const unused = declared.filter((name) => !used.includes(name));
  if (undeclared.length === 0 && unused.length === 0) return declared;
  const problems = [
    ...(undeclared.length > 0 ? [`used but not declared: ${undeclared.join(', ')}`] : []),
    ...(unused.length > 0 ? [`declared but not used: ${unused.join(', ')}`] : []),
  ];
  throw new StackloreError('invalid_input', {
    message: `The variables of system prompt "${promptName}" do not fit its text (${problems.join('; ')}). Correct them, or leave them out to take those of the text.`,
  });
}

/** The record to store for a checked input; the stored one's version when nothing changes. Throws `invalid_input`. */
export function nextVersionOf(
  promptName: string,
  input: SystemPromptInput,
  { variables, stored, now }: { variables: string[]; stored: SystemPrompt | undefined; now: Date },
): SystemPrompt {
  const value: SystemPrompt = {
    content: input.content,
    version: FIRST_VERSION,
    description: input.description ?? stored?.description ?? '',
    variables,
    createdAt: stored?.createdAt ?? input.createdAt ?? now,
    updatedAt: input.updatedAt ?? now,
  };
  value.version = chooseVersion(promptName, { given: input.version, stored, value });
  return value;
}

/** True when two versions say the same; variables count as a set. */
function isSameText(one: SystemPrompt, other: SystemPrompt): boolean {
  return (
    one.content === other.content &&
    one.description === other.description &&
    [...one.variables].sort().join(' ') === [...other.variables].sort().join(' ')
  );
}

/** What looks like a mistake in a prompt's text, a sentence each, of the first of them. */
export function warningsOf(content: string): string[] {
  return findMisspelt(content, MOST_WARNINGS).map(
    (text) => `${text} is not a placeholder and stays as it is: write {{name}}, or save a template.`,
  );
}

function chooseVersion(
  promptName: string,
  {
    given,
    stored,
    value,
  }: { given: string | undefined; stored: SystemPrompt | undefined; value: SystemPrompt },
): string {
  const isSame = stored !== undefined && isSameText(stored, value);
  if (isSame && (given === undefined || given === stored.version)) return stored.version;
  if (given !== undefined) checkSemanticVersion(given);
  if (!stored) return given ?? FIRST_VERSION;
  if (!isSemanticVersion(stored.version)) {
    // Another program's: nothing can be said of what follows it.
    if (given !== undefined) return given;
    throw new StackloreError('invalid_input', {
      message: `The stored version "${stored.version}" of system prompt "${promptName}" is not a semantic one. Say which version follows it, such as 1.0.0.`,
    });
  }
  if (given === undefined) return nextPatch(stored.version);
  if (compareVersions(given, stored.version) > 0) return given;
  throw new StackloreError('invalid_input', {
    message: `Version ${given} does not follow ${stored.version}, the stored version of system prompt "${promptName}". Give a larger one, or none to take the next patch.`,
  });
}
