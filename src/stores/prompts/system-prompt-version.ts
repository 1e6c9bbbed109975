import { StackloreError } from '../../errors.ts';
import type { SystemPrompt } from '../../schema/prompts.ts';
import { findMisspelt, findPlaceholders } from './placeholders.ts';
import { checkSemanticVersion, compareVersions, isSemanticVersion, nextPatch } from './semantic-version.ts';

/** What a system prompt is saved with. */
export interface SystemPromptInput {
  readonly content: string;
  /** Kept as stored when left out. */
  readonly description?: string;
  /** The placeholders of the text, to have them checked; found in the text when left out. */
  readonly variables?: readonly string[];
  /** Larger than the stored one; the next patch when left out, 1.0.0 for a new prompt. */
  readonly version?: string;
  /** When the prompt was made and changed, for one that comes from elsewhere; now when left out. */
  readonly createdAt?: Date;
  readonly updatedAt?: Date;
}

const FIRST_VERSION = '1.0.0';
const MAX_CONTENT_LENGTH = 1_000_000;

/** The record to store for an input; the stored one's version when nothing changes. Throws `invalid_input`. */
export function nextVersionOf(
  promptName: string,
  input: SystemPromptInput,
  { stored, now }: { stored: SystemPrompt | undefined; now: Date },
): SystemPrompt {
  checkContent(input.content);
  const value: SystemPrompt = {
    content: input.content,
    version: FIRST_VERSION,
    description: input.description ?? stored?.description ?? '',
    variables: checkedVariables(promptName, input),
    createdAt: stored?.createdAt ?? input.createdAt ?? now,
    updatedAt: input.updatedAt ?? now,
  };
  return { ...value, version: chooseVersion(promptName, { given: input.version, stored, value }) };
}

/** True when two versions say the same; variables count as a set. */
export function isSameText(one: SystemPrompt, other: SystemPrompt): boolean {
  return (
    one.content === other.content &&
    one.description === other.description &&
    [...one.variables].sort().join(' ') === [...other.variables].sort().join(' ')
  );
}

/** What looks like a mistake in a prompt's text, a sentence each. */
export function warningsOf({ content }: Pick<SystemPrompt, 'content'>): string[] {
  return findMisspelt(content).map(
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

function checkContent(content: string): void {
  if (typeof content !== 'string' || content.trim() === '') {
    throw new StackloreError('invalid_input', { message: 'A system prompt needs a text. Give its content.' });
  }
  if (content.length > MAX_CONTENT_LENGTH) {
    throw new StackloreError('too_large', {
      message: `The system prompt has ${content.length} characters; ${MAX_CONTENT_LENGTH} are allowed. Shorten it.`,
    });
  }
}

/** The declared names, which must be those of the text exactly. */
function checkedVariables(promptName: string, { content, variables }: SystemPromptInput): string[] {
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
