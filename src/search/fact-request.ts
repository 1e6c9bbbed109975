import { z } from 'zod';
import { factFilter } from '../schema/fact-input.ts';
import { isId } from '../schema/key.ts';
import { count, isNumbers } from './request-fields.ts';

const minScore = z
  .number('must be a number from -1 to 1')
  .min(-1, 'must be at least -1')
  .max(1, 'must be at most 1');

/** What a search of facts takes beside its filter; exactly one of `query` and `vector`. */
export const factSearch = z.strictObject({
  /** Text, embedded with the model of the facts. */
  query: z.string('must be text').optional(),
  /** A vector of the facts' dimensions, instead of a text. */
  vector: z
    .custom<Float32Array | readonly number[]>(isNumbers, 'must be a Float32Array or a list of numbers')
    .optional(),
  topK: count(1, 1_000).default(10),
  /** How many of the best hits are left out, for paging. */
  offset: count(0, 10_000).default(0),
  /** Hits with a smaller score are left out. */
  minScore: minScore.optional(),
  /** Whose usage the search counts for. */
  userId: z.custom<string>(isId, 'must be an id of 1 to 512 bytes').optional(),
});

/** Which facts may stand in a context: verified ones, and unverified ones that are confident enough. */
export const factContext = factFilter.extend({
  topK: count(1, 100).default(5),
  minScore: minScore.default(0.3),
  trustedFrom: factFilter.shape.trustedFrom.unwrap().default(0.8),
});
export type FactContextOptions = z.output<typeof factContext>;
