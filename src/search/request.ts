import { z } from 'zod';
import { StackloreError } from '../errors.ts';
import { isId } from '../schema/key.ts';
import { type FactContextOptions, factContext } from './fact-request.ts';
import type { Filter } from './filter.ts';
import { rankingOptions, undoneByReranking } from './ranking-options.ts';
import { count, isNumbers } from './request-fields.ts';

/** How many nearest chunks a search may look at: `offset` plus `topK`, and what a limit per document reads at most. */
export const MAX_CANDIDATES = 10_000;

/** How far the next look goes where one has found too little. */
export function deeper(depth: number): number {
  return Math.min(depth * WIDENING, MAX_CANDIDATES);
}

const WIDENING = 4;

/** The longest query text that is handed to the model, in UTF-16 units; far above what any model reads. */
export const MAX_QUERY_LENGTH = 100_000;

const collectionName = z
  .string('must be the name of a collection')
  .min(1, 'must be the name of a collection');

/** What chunks are looked up by: the meaning of the query, its words, or both. */
export const SEARCH_MODES = ['hybrid', 'vector', 'text'] as const;
export type SearchMode = (typeof SEARCH_MODES)[number];

/** How the passages of a context follow each other. */
export const PASSAGE_ORDERS = ['best', 'document'] as const;
export type PassageOrder = (typeof PASSAGE_ORDERS)[number];

/** How the scores of both sides become one, see `fuse`. */
export const FUSION_METHODS = ['zscore', 'minmax', 'rrf'] as const;
export type FusionMethod = (typeof FUSION_METHODS)[number];

/**
 * What a search takes: `query`, `vector` or both, or else `queries` or `like`; and at most one of `collection` and
 * `collections`.
 */
export const searchRequest = z.strictObject({
  /** Text, embedded with the collection's model; its words are looked up too. */
  query: z.string('must be text').optional(),
  /** A vector of the collection's dimensions: looked up alone, or beside a text, which then is not embedded. */
  vector: z
    .custom<Float32Array | readonly number[]>(isNumbers, 'must be a Float32Array or a list of numbers')
    .optional(),
  collection: collectionName.optional(),
  /** Several collections of the same model, searched together. */
  collections: z
    .array(collectionName, 'must be a list of collection names')
    .min(1, 'must name a collection')
    .max(100, 'must name at most 100 collections')
    .optional(),
  /**
   * `hybrid` by default; `vector` where there are no words to look up, see `SearchAnswer.mode`. In collections of given
   * vectors `text` needs no vector, and hits then have no `vectorScore`.
   */
  mode: z.enum(SEARCH_MODES, `must be ${SEARCH_MODES.join(', ')}`).optional(),
  /** How a hybrid search makes one score of two. */
  fusion: z.enum(FUSION_METHODS, `must be ${FUSION_METHODS.join(', ')}`).default('zscore'),
  /** The share of the vector side in a hybrid score, 0 to 1. */
  weight: z
    .number('must be a number from 0 to 1')
    .min(0, 'must be at least 0')
    .max(1, 'must be at most 1')
    .default(0.5),
  topK: count(1, 1_000).default(10),
  /** How many of the best hits are left out, for paging. */
  offset: count(0, MAX_CANDIDATES).default(0),
  /** Conditions on declared fields and on `source`, `contentType`, `docId` and `updated`. */
  filter: z.custom<Filter>(() => true).optional(),
  /** Hits with a smaller `vectorScore` are left out. */
  minScore: z
    .number('must be a number from -1 to 1')
    .min(-1, 'must be at least -1')
    .max(1, 'must be at most 1')
    .optional(),
  /** The most hits one document may give. */
  maxPerDocument: count(1, MAX_CANDIDATES).optional(),
  /** How widely an HNSW index is searched: larger is slower and finds more. The collection's setting by default. */
  efRuntime: count(1, MAX_CANDIDATES).optional(),
  /** Tell where in each hit's text the query's words and, of hits found by meaning, the nearest sentence stand. */
  highlight: z.boolean('must be true or false').optional(),
  /** Let a cross-encoder put the best `depth` (50) hits into a new order. */
  rerank: z
    .union(
      [z.boolean(), z.strictObject({ depth: count(1, 1_000).default(50) })],
      'must be true, false or a depth from 1 to 1000',
    )
    .optional(),
  ...rankingOptions,
  /** Whose usage it counts for; `anonymous` unless given. */
  userId: z.custom<string>(isId, 'must be an id of 1 to 512 bytes').optional(),
});

/** What a context look-up takes: a search and the size of the text it may fill. */
export const contextRequest = searchRequest
  .omit({ highlight: true, like: true, cursor: true, facets: true, window: true })
  .extend({
    topK: count(1, 1_000).default(20),
    /** The most tokens the context's text may have. */
    maxTokens: count(1, 1_000_000).default(2_000),
    /** Passages best first, or as they stand in their documents, the best document first. */
    order: z.enum(PASSAGE_ORDERS, `must be ${PASSAGE_ORDERS.join(' or ')}`).default('best'),
    /** Leave weak sentences at the ends of passages out, for more passages to have room. */
    trim: z.boolean('must be true or false').default(true),
    /** Facts that answer the question are put before the passages, under the same budget. */
    facts: z.union([z.boolean(), factContext], 'must be true, false or options').optional(),
  });

/** A search as callers write it. */
export type SearchInput = z.input<typeof searchRequest>;
/** A context look-up as callers write it. */
export type ContextInput = z.input<typeof contextRequest>;

/** A checked search: defaults filled in, the vector as float32, collections without repetition. */
export interface SearchRequest {
  readonly query?: string;
  readonly vector?: Float32Array;
  readonly collections: readonly string[];
  /** Absent when the collections decide. */
  readonly mode?: SearchMode;
  readonly fusion: FusionMethod;
  readonly weight: number;
  readonly topK: number;
  readonly offset: number;
  readonly filter?: Filter;
  readonly minScore?: number;
  readonly maxPerDocument?: number;
  readonly efRuntime?: number;
  readonly highlight?: boolean;
  readonly rerank?: { readonly depth: number };
  /** Two or more queries, fused; then there is no `query`. */
  readonly queries?: readonly string[];
  readonly like?: Ranking['like'];
  readonly exact: boolean;
  readonly diversity?: number;
  readonly collapse?: number | boolean;
  readonly boosts?: Ranking['boosts'];
  readonly decay?: Ranking['decay'];
  readonly facets?: readonly string[];
  readonly window?: number;
  readonly cursor?: string | true;
}

type Ranking = z.output<z.ZodObject<typeof rankingOptions>>;

/** A checked context look-up. */
export interface ContextRequest extends SearchRequest {
  readonly maxTokens: number;
  readonly order: PassageOrder;
  readonly trim: boolean;
  /** Absent when no facts are wanted. */
  readonly facts?: FactContextOptions;
}

/** Checks a search. Throws `invalid_input` naming the field, or `too_large` for an endless query text. */
export function parseSearchRequest(input: unknown): SearchRequest {
  return finish(parse(searchRequest, input));
}

/** Checks a context look-up. Throws like `parseSearchRequest`. */
export function parseContextRequest(input: unknown): ContextRequest {
  const { maxTokens, order, trim, facts, ...request } = parse(contextRequest, input);
  const wanted = facts === true ? factContext.parse({}) : facts;
  return { ...finish(request), maxTokens, order, trim, ...(wanted && { facts: wanted }) };
}

/** Checks a request by its schema. Throws `invalid_input` naming each bad field. */
export function parse<T>(schema: z.ZodType<T>, input: unknown): T {
  const checked = schema.safeParse(input);
  if (checked.success) return checked.data;
  throw invalidRequest(
    checked.error.issues
      .map((issue) => `${issue.path.join('.') || 'request'}: ${excerpt(issue.message)}.`)
      .join(' '),
  );
}

function finish(checked: z.output<typeof searchRequest>): SearchRequest {
  const { collection, collections, vector, mode, like } = checked;
  const { query, queries } = queriesOf(checked);
  const hasWords = query !== undefined || queries !== undefined;
  if (collection !== undefined && collections !== undefined) {
    throw invalidRequest('collections: give either collection or collections, not both.');
  }
  if (!hasWords && vector === undefined && !like) {
    throw invalidRequest('query: give a query (text), a vector, or both.');
  }
  if (like && (hasWords || vector !== undefined || (collections?.length ?? 1) > 1)) {
    throw invalidRequest('like: takes no query or vector beside it, and one collection.');
  }
  if (vector !== undefined && queries !== undefined) {
    throw invalidRequest('queries: several queries take no vector beside them.');
  }
  if (checked.cursor !== undefined && checked.offset > 0) {
    throw invalidRequest('offset: a cursor knows its place. Leave the offset out.');
  }
  if (!hasWords && mode !== undefined && mode !== 'vector') {
    throw invalidRequest(`query: mode "${mode}" looks words up. Give a query, or use mode "vector".`);
  }
  if (!hasWords && checked.rerank) {
    throw invalidRequest('query: rerank reads hits together with the query. Give one, or leave rerank out.');
  }
  if (checked.rerank && checked.cursor !== undefined) {
    throw invalidRequest('cursor: the order that a cursor keeps is that before reranking. Page with offset.');
  }
  if (checked.rerank && checked.offset + checked.topK > 1_000) {
    throw invalidRequest('offset: with rerank, offset and topK together must be at most 1000.');
  }
  const undone = checked.rerank ? undoneByReranking(checked) : [];
  if (undone.length > 0) {
    throw invalidRequest(`rerank: its order would undo ${undone.join(', ')}. Leave out rerank, or those.`);
  }
  if (checked.offset + checked.topK > MAX_CANDIDATES) {
    throw invalidRequest(`offset: offset and topK together must be at most ${MAX_CANDIDATES}.`);
  }
  const request: { -readonly [Name in keyof SearchRequest]: SearchRequest[Name] } = {
    collections: collections ? [...new Set(collections)] : [collection ?? 'default'],
    fusion: checked.fusion,
    weight: checked.weight,
    topK: checked.topK,
    offset: checked.offset,
    exact: checked.exact,
  };
  if (mode !== undefined) request.mode = mode;
  if (query !== undefined) request.query = checkQuery(query);
  if (vector !== undefined)
    request.vector = vector instanceof Float32Array ? vector : new Float32Array(vector);
  if (checked.filter !== undefined) request.filter = checked.filter;
  const minScore = Math.max(checked.minScore ?? -1, 1 - (checked.maxDistance ?? 2));
  if (minScore > -1) request.minScore = minScore;
  if (checked.maxPerDocument !== undefined) request.maxPerDocument = checked.maxPerDocument;
  if (checked.efRuntime !== undefined) request.efRuntime = checked.efRuntime;
  if (checked.highlight) request.highlight = true;
  if (checked.rerank) request.rerank = checked.rerank === true ? { depth: 50 } : checked.rerank;
  if (queries !== undefined) request.queries = queries.map(checkQuery);
  for (const name of RANKING) {
    // Each of these has the same type on both sides, which a loop cannot tell the compiler.
    if (checked[name] !== undefined) Object.assign(request, { [name]: checked[name] });
  }
  return request;
}

/** What is handed on as it was given. */
const RANKING = [
  ...(['like', 'diversity', 'collapse', 'boosts', 'decay', 'facets', 'window', 'cursor'] as const),
] as const;

function queriesOf({ query, queries }: z.output<typeof searchRequest>): {
  query: string | undefined;
  queries?: readonly string[];
} {
  if (queries === undefined) return { query };
  const different = [...new Set(queries)];
  if (query === undefined)
    return different.length === 1 ? { query: different[0] } : { query, queries: different };
  throw invalidRequest('queries: give either query or queries, not both.');
}

/** The query text, fit to be embedded. Throws `invalid_input` or `too_large`. */
export function checkQuery(query: string): string {
  if (query.trim() === '') throw invalidRequest('query: must hold something to look for.');
  if (query.length > MAX_QUERY_LENGTH) {
    throw new StackloreError('too_large', {
      message: `The query has ${query.length} characters, at most ${MAX_QUERY_LENGTH} are read. Shorten it to a question.`,
    });
  }
  return query.toWellFormed();
}

function excerpt(message: string): string {
  return message.length > 200 ? `${message.slice(0, 200)}…` : message;
}

/** The error of a request that cannot be used. */
export function invalidRequest(problem: string): StackloreError {
  return new StackloreError('invalid_input', { message: `The request cannot be used. ${problem}` });
}
