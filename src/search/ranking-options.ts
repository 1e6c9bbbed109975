import { z } from 'zod';
import type { Filter } from './filter.ts';
import { count } from './request-fields.ts';

/** From which cosine on a hit says the same as a better one, where `collapse` is just `true`. */
export const SAME_TEXT = 0.95;

const share = z
  .number('must be a number from 0 to 1')
  .min(0, 'must be at least 0')
  .max(1, 'must be at most 1');

/** A stored document, by its doc id, the `_id` of its row or its source, or a stored chunk that others are to be like. */
const likeness = z.union(
  [z.strictObject({ docId: z.string().min(1) }), z.strictObject({ chunkId: z.string().min(1) })],
  'must be an object with a docId or a chunkId',
);

/** A preference: hits that pass the filter move up by so many standard deviations of the scores, or down. */
const boost = z.strictObject(
  {
    filter: z.custom<Filter>((value) => typeof value === 'object' && value !== null, 'must be a filter'),
    weight: z.number('must be a number from -10 to 10').min(-10).max(10),
  },
  'must be an object with a filter and a weight',
);

/** A preference for what is newer: a document of now moves up by `weight`, one half-life older by half of it. */
const decay = z.strictObject(
  {
    halfLifeDays: z.number('must be a number of days above 0').positive('must be a number of days above 0'),
    weight: z.number('must be a number from 0 to 10').min(0).max(10).default(1),
  },
  'must be an object with halfLifeDays',
);

/** What changes the order and the company of hits, beside what finds them. */
export const rankingOptions = {
  /** Several ways to ask the same, fused; in place of `query`. */
  queries: z
    .array(z.string('must be a list of texts'), 'must be a list of texts')
    .min(1, 'must hold a query')
    .max(10, 'must hold at most 10 queries')
    .optional(),
  /** Finds what is like a stored document or chunk, by meaning; in place of `query`. */
  like: likeness.optional(),
  /** The greatest cosine distance of a hit, 0 to 2. */
  maxDistance: z
    .number('must be a number from 0 to 2')
    .min(0, 'must be at least 0')
    .max(2, 'must be at most 2')
    .optional(),
  /** Compares the vector with every chunk, for checking what an HNSW index misses. */
  exact: z.boolean('must be true or false').default(false),
  /** How much unlike each other hits shall be, 0 to 1: maximal marginal relevance with lambda = 1 - diversity. */
  diversity: share.optional(),
  /** Leaves out hits that say the same as a better one: true, or the least cosine of their vectors. */
  collapse: z.union([z.boolean(), share], 'must be true, false or a number from 0 to 1').optional(),
  boosts: z.array(boost, 'must be a list of boosts').max(20, 'must hold at most 20 boosts').optional(),
  decay: decay.optional(),
  /** Fields whose values are counted over all that was found. */
  facets: z
    .array(z.string('must be a list of field names'), 'must be a list of field names')
    .max(20, 'must name at most 20 fields')
    .optional(),
  /** How many chunks before and after each hit come with it. */
  window: count(0, 20).optional(),
  /** `true` for the first page of a list that stays as it is while documents change; then what that answer gave. */
  cursor: z.union([z.literal(true), z.string().min(1)], 'must be true or the cursor of an answer').optional(),
};

type Preferences = Partial<Record<'boosts' | 'decay' | 'diversity', unknown>>;

/** The options of a search that change an order which reranking replaces. */
export function undoneByReranking({ boosts, decay, diversity }: Preferences): string[] {
  return [
    ...(Array.isArray(boosts) && boosts.length > 0 ? ['boosts'] : []),
    ...(decay === undefined ? [] : ['decay']),
    ...(diversity ? ['diversity'] : []),
  ];
}
