import { z } from 'zod';
import { StackloreError } from '../errors.ts';

/** The longest text of a prompt, in UTF-16 units. */
export const MAX_PROMPT_LENGTH = 1_000_000;

const text = z
  .string('must be text')
  .refine((value) => value.isWellFormed(), 'holds half of a surrogate pair');
const content = text.refine((value) => value.trim() !== '', 'must say something');
const label = text.max(10_000, 'must have at most 10000 characters');
const moment = z.date('must be a date');
const names = z
  .array(text.max(200, 'must have at most 200 characters'), 'must be a list of names')
  .max(1_000);

/** What a system prompt is saved with. */
export const systemPromptInput = z.strictObject({
  content,
  /** Kept as stored when left out. */
  description: label.optional(),
  /** The placeholders of the text, to have them checked; found in the text when left out. */
  variables: names.readonly().optional(),
  /** Larger than the stored one; the next patch when left out, 1.0.0 for a new prompt. */
  version: z.string('must be text such as 1.4.0').max(256, 'must have at most 256 characters').optional(),
  /** When the prompt was made and changed, for one that comes from elsewhere; now when left out. */
  createdAt: moment.optional(),
  updatedAt: moment.optional(),
});
export type SystemPromptInput = Readonly<z.input<typeof systemPromptInput>>;

/** What a template is saved with. */
export const templateInput = z.strictObject({
  /** Jinja2. */
  template: text,
  /** Kept as stored when left out. */
  category: label.optional(),
  /** Kept as stored when left out. */
  examples: z.array(z.json(), 'must be a list of JSON values').optional(),
  /** The variables a caller must give, to have them checked; found in the template when left out. */
  requiredVariables: names.readonly().optional(),
});
export type TemplateInput = Readonly<z.input<typeof templateInput>>;

/** What a user's prompt is saved with. */
export const userPromptInput = z.strictObject({
  content,
  /** Readable by its owner only; true for a new prompt, kept as stored when left out. */
  isPrivate: z.boolean('must be true or false').optional(),
  /** When it was made, for one that comes from elsewhere; now when left out. */
  createdAt: moment.optional(),
});
export type UserPromptInput = Readonly<z.input<typeof userPromptInput>>;

/** Checks what a prompt is to be saved with. Throws `invalid_input` naming each bad field, `too_large` for the text. */
export function parsePromptInput<T>(schema: z.ZodType<T>, input: unknown): T {
  const checked = safeParse(schema, input);
  if (!checked.success) {
    const problems = checked.error.issues.map(({ path, message }) => {
      return path.length === 0 ? message : `${path.join('.')}: ${message}`;
    });
    throw new StackloreError('invalid_input', {
      message: `This prompt cannot be saved. ${problems.join('; ').slice(0, 500)}. Correct what is named.`,
    });
  }
  const { length } = (checked.data as { content?: string }).content ?? '';
  if (length <= MAX_PROMPT_LENGTH) return checked.data;
  throw new StackloreError('too_large', {
    message: `The prompt has ${length} characters; ${MAX_PROMPT_LENGTH} are allowed. Shorten it.`,
  });
}

function safeParse<T>(schema: z.ZodType<T>, input: unknown): z.ZodSafeParseResult<T> {
  try {
    return schema.safeParse(input);
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new StackloreError('too_large', {
      message: 'The prompt holds values that lie too deeply in each other. Make them flatter.',
      cause,
    });
  }
}
