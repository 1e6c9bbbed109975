import { z } from 'zod';
import { type ErrorCode, StackloreError } from '../errors.ts';
import { isId } from './key.ts';
import { tagProblem, trimTag } from './tag.ts';

/** The longest statement that is kept, in UTF-16 units; far above what any model reads. */
export const MAX_FACT_LENGTH = 16_384;

const statement = z
  .string('must be text')
  .max(MAX_FACT_LENGTH, `must have at most ${MAX_FACT_LENGTH} characters`)
  .refine((value) => value.trim() !== '', 'must say something')
  .refine((value) => value.isWellFormed(), 'holds half of a surrogate pair');

/** What facts are filtered by must be a tag that the index can hold. */
const tag = z.string('must be text').refine((value) => tagProblem(value) === undefined, {
  error: ({ input }) => tagProblem(String(input)) ?? 'cannot be filtered by',
});

/** Facts of users are told apart by the index, which does not keep white space around a tag. */
const owner = z
  .custom<string>(isId, 'must be an id of 1 to 512 bytes')
  .refine((value) => trimTag(value) === value, 'must not begin or end with white space');

const fromZeroToOne = z
  .number('must be a number from 0 to 1')
  .min(0, 'must be at least 0')
  .max(1, 'must be at most 1');

const yesOrNo = z.boolean('must be true or false');

/** A fact as callers give it; without an id it gets a new one. */
export const newFact = z.strictObject({
  factId: z.string('must be text').optional(),
  content: statement,
  category: tag.default('general'),
  confidence: fromZeroToOne.default(0.5),
  source: tag.default('unknown'),
  verified: yesOrNo.default(false),
  createdAt: z.date('must be a date').optional(),
  /** The one user whose fact it is; everybody's unless given. */
  userId: owner.optional(),
});
export type NewFact = z.input<typeof newFact>;

/** What can be changed of a stored fact. */
export const factChanges = z.strictObject({
  content: statement.optional(),
  category: tag.optional(),
  confidence: fromZeroToOne.optional(),
  source: tag.optional(),
  verified: yesOrNo.optional(),
});
export type FactChanges = z.input<typeof factChanges>;

const oneOrMore = z.union([tag, z.array(tag).min(1, 'must name at least one').max(1_000)], {
  error: 'must be text, or a list of at least one text',
});

/** Which facts are meant; everything given must hold. */
export const factFilter = z.strictObject({
  /** One of these categories. */
  category: oneOrMore.optional(),
  /** From one of these sources. */
  source: oneOrMore.optional(),
  verified: yesOrNo.optional(),
  /** At least this confident. */
  minConfidence: fromZeroToOne.optional(),
  /** Verified, or at least this confident. */
  trustedFrom: fromZeroToOne.optional(),
  /** Of this user; those that are nobody's are not among them. */
  ownedBy: owner.optional(),
});
export type FactFilter = z.input<typeof factFilter>;

/** Checks a new fact and fills in its defaults. Throws `invalid_input` naming each bad field. */
export function parseNewFact(input: unknown): z.output<typeof newFact> {
  return parseWith(newFact, input, { code: 'invalid_input', what: 'fact' });
}

/** Checks changes of a fact. Throws `invalid_input` naming each bad field, or when there is nothing to change. */
export function parseFactChanges(input: unknown): z.output<typeof factChanges> {
  const changes = parseWith(factChanges, input, { code: 'invalid_input', what: 'change of a fact' });
  if (Object.values(changes).some((value) => value !== undefined)) return changes;
  throw new StackloreError('invalid_input', {
    message: 'Nothing to change was given. Give content, category, confidence, source or verified.',
  });
}

/** Checks a filter of facts. Throws `invalid_filter` for anything unknown or of the wrong type. */
export function parseFactFilter(input: unknown): FactFilter {
  return parseWith(factFilter, input, { code: 'invalid_filter', what: 'filter of facts' });
}

function parseWith<T>(
  schema: z.ZodType<T>,
  input: unknown,
  { code, what }: { code: ErrorCode; what: string },
): T {
  const checked = schema.safeParse(input);
  if (checked.success) return checked.data;
  const problems = checked.error.issues.map(({ path, message }) => {
    return path.length === 0 ? message : `${path.join('.')}: ${message}`;
  });
  throw new StackloreError(code, {
    message: `This ${what} cannot be used. ${problems.join('; ').slice(0, 500)}.`,
  });
}
