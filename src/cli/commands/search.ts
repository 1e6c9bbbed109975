import { z } from 'zod';
import { StackloreError } from '../../errors.ts';
import type { CachedSearchAnswer } from '../../search/cached-search.ts';
import type { Filter } from '../../search/filter.ts';
import { FUSION_METHODS, SEARCH_MODES, type SearchInput } from '../../search/request.ts';
import type { SearchAnswer, SearchHit } from '../../search/search.ts';
import { defineCommand, type Flag } from '../command.ts';
import { decimalNumber, wholeNumber } from '../flag-values.ts';
import { wrap } from '../format.ts';
import { given } from '../given.ts';
import { type Mark, markFor, markWords, sentenceLines } from '../mark-hit.ts';

/** Flags of every command that searches. */
export const SEARCH_FLAGS: readonly Flag[] = [
  {
    flags: '--collection <name>',
    description: 'collection to search; may be repeated (default)',
    isList: true,
  },
  { flags: '--top-k <number>', description: 'how many hits, 1 to 1000' },
  { flags: '--filter <json>', description: 'e.g. \'{"lang":"en","year":{"$gte":2024}}\'' },
  { flags: '--mode <mode>', description: 'hybrid (default), vector or text' },
  { flags: '--fusion <method>', description: 'how both scores become one: zscore (default), minmax or rrf' },
  { flags: '--weight <number>', description: 'share of the vectors in a hybrid score, 0 to 1 (0.5)' },
  { flags: '--min-score <number>', description: 'leave out hits whose vectorScore (1 - distance) is lower' },
  { flags: '--max-per-document <number>', description: 'at most this many hits of one document' },
  { flags: '--rerank [depth]', description: 'reorder the best 50, or so many, by a cross-encoder' },
  { flags: '--ef-runtime <number>', description: 'HNSW candidates: more is slower and more exact' },
  { flags: '--exact', description: 'compare with every vector, to check what an HNSW index misses' },
  { flags: '--max-distance <number>', description: 'leave out hits at a greater cosine distance, 0 to 2' },
  { flags: '--also <query>', description: 'another way to ask the same; may be repeated', isList: true },
  { flags: '--diversity <number>', description: 'how unlike each other hits shall be, 0 to 1 (0)' },
  {
    flags: '--collapse [likeness]',
    description: 'leave out hits that are this like a better one, 0 to 1 (0.95)',
  },
  {
    flags: '--boost <json>',
    description: 'move hits up or down, e.g. \'{"filter":{"lang":"en"},"weight":1}\'; may be repeated',
    isList: true,
  },
  { flags: '--half-life <days>', description: 'move newer documents up: half as much for each of these' },
  { flags: '--user-id <id>', description: 'whose usage it counts for (anonymous)' },
];

/** The schema of those flags. */
export const searchFlags = {
  collection: z.array(z.string()).default(['default']),
  topK: wholeNumber(1, 1_000).optional(),
  filter: z.string().transform(parseFilter).optional(),
  mode: z.enum(SEARCH_MODES).optional(),
  fusion: z.enum(FUSION_METHODS).optional(),
  weight: decimalNumber().optional(),
  minScore: decimalNumber().optional(),
  maxPerDocument: wholeNumber(1).optional(),
  efRuntime: wholeNumber(1).optional(),
  rerank: rerankFlag().optional(),
  exact: z.boolean().default(false),
  maxDistance: decimalNumber().optional(),
  also: z.array(z.string()).default([]),
  diversity: decimalNumber().optional(),
  collapse: collapseFlag().optional(),
  boost: z.array(z.string().transform(parseBoost)).optional(),
  halfLife: decimalNumber().optional(),
  userId: z.string().optional(),
};

export const command = defineCommand({
  summary: 'Find the chunks that answer a question best, by meaning and words.',
  arguments: '[query...]',
  flags: [
    ...SEARCH_FLAGS,
    { flags: '--offset <number>', description: 'skip this many hits' },
    { flags: '--highlight', description: 'mark matching words, tell the nearest sentence' },
    {
      flags: '--cursor [cursor]',
      description: 'pages that stay as they are: without a value for the first one',
    },
    { flags: '--facets <fields>', description: 'count the values of fields over all that was found' },
    { flags: '--window <chunks>', description: 'show so many chunks before and after each hit' },
    {
      flags: '--like-doc <id>',
      description: 'find what is like a stored document (its id, the _id of its row, or its source)',
    },
    { flags: '--like-chunk <id>', description: 'find what is like a stored chunk' },
    { flags: '--cache', description: 'take and keep the answer, until the collection changes' },
    { flags: '--cache-ttl <seconds>', description: 'keep it this long (300)' },
    {
      flags: '--semantic-cache [threshold]',
      description: 'take the answer of an earlier question as near as this too, 0 to 1 (0.97)',
    },
    { flags: '--cache-scope <text>', description: 'take and keep answers of this scope only' },
  ],
  schema: z.strictObject({
    ...searchFlags,
    offset: wholeNumber(0).optional(),
    highlight: z.boolean().default(false),
    cursor: z.union([z.literal(true), z.string()]).optional(),
    facets: z
      .string()
      .transform((list) => list.split(',').map((name) => name.trim()))
      .optional(),
    window: wholeNumber(0, 20).optional(),
    likeDoc: z.string().optional(),
    likeChunk: z.string().optional(),
    cache: z.boolean().default(false),
    cacheTtl: wholeNumber(1).optional(),
    semanticCache: z.union([z.literal(true), decimalNumber()]).optional(),
    cacheScope: z.string().optional(),
  }),
  examples: ['stacklore search "how do sessions expire?" --collection docs --top-k 5'],
  async run({ lore, terminal }, words, { likeDoc, likeChunk, topK = 5, ...flags }) {
    const options = { ...searchOptions(words, flags), topK, ...likeOf(likeDoc, likeChunk) };
    const { cursor, facets, window, offset, highlight } = flags;
    const request = { ...options, ...given({ cursor, facets, window, offset }), highlight };
    const caching = cacheOptions(flags);
    const answer: ShownAnswer = caching
      ? await lore().cachedSearch(request, caching)
      : await lore().search(request);
    if (caching) terminal.note(describeCaching(answer));
    for (const warning of answer.warnings) terminal.note(`Note: ${warning}`);
    noteReranking(terminal, answer);
    const width = Math.min(terminal.columns, 110);
    const mark = markFor(terminal);
    const lines = answer.hits.flatMap((hit, index) => describeHit(hit, index + 1, { width, mark }));
    return {
      data: answer,
      lines: [...(lines.length === 0 ? ['Nothing found.'] : lines), ...describeRest(answer)],
    };
  },
});

/** How the answer is cached; nothing where no flag asks for that. */
function cacheOptions({ cache, cacheTtl: ttlSeconds, cacheScope: scope, semanticCache }: CacheFlagValues) {
  const semantic = typeof semanticCache === 'number' ? { threshold: semanticCache } : semanticCache;
  const options = given({ ttlSeconds, scope, semantic });
  return cache || Object.keys(options).length > 0 ? options : undefined;
}

interface CacheFlagValues {
  readonly cache: boolean;
  readonly cacheTtl?: number | undefined;
  readonly cacheScope?: string | undefined;
  readonly semanticCache?: true | number | undefined;
}

/** `cached` is absent where no flag asks for the cache. */
type ShownAnswer = SearchAnswer & Partial<Pick<CachedSearchAnswer, 'cached' | 'earlier'>>;

function describeCaching({ cached, earlier }: ShownAnswer): string {
  if (!cached) return 'Not in the cache; searched, and kept there.';
  if (!earlier) return 'From the cache.';
  return `From the cache: the answer to "${earlier.query}" (similarity ${earlier.similarity.toFixed(3)}).`;
}

/** The options of a search as the library takes them. */
export function searchOptions(words: readonly string[], flags: SearchFlagValues): SearchInput {
  const { also, boost: boosts, halfLife, collapse, collection: collections, exact, ...same } = flags;
  const query = words.join(' ');
  const { fusion, weight, mode, minScore, maxDistance, diversity } = same;
  const { filter, maxPerDocument, efRuntime, userId, rerank } = same;
  return {
    ...{ collections, exact },
    ...(also.length > 0 ? { queries: [query, ...also] } : query === '' ? {} : { query }),
    ...given({ fusion, weight, mode, minScore, maxDistance, diversity }),
    ...given({ filter, maxPerDocument, efRuntime, userId, boosts, rerank, collapse }),
    ...(halfLife !== undefined && { decay: { halfLifeDays: halfLife } }),
  };
}

type SearchFlagValues = z.output<z.ZodObject<typeof searchFlags>>;

function likeOf(docId: string | undefined, chunkId: string | undefined): Pick<SearchInput, 'like'> {
  if (docId !== undefined && chunkId !== undefined) {
    throw new StackloreError('invalid_input', {
      message: 'Give either --like-doc or --like-chunk, not both.',
    });
  }
  if (docId !== undefined) return { like: { docId } };
  return chunkId === undefined ? {} : { like: { chunkId } };
}

function describeRest({ facets = {}, cursor }: SearchAnswer): string[] {
  const counted = Object.entries(facets).map(([name, values]) => {
    return `${name}: ${values.map(({ value, count }) => `${value} (${count})`).join(', ') || 'none'}`;
  });
  return [...counted, ...(cursor === undefined ? [] : [`More: repeat with --cursor ${cursor}`])];
}

/** `--collapse`, or `--collapse 0.9`. */
function collapseFlag() {
  const message = 'must be a number from 0 to 1, and stands after the query';
  const likeness = decimalNumber().pipe(z.number().min(0, message).max(1, message));
  return z.union([z.literal(true), likeness], message);
}

/** `--rerank`, or `--rerank 20`. */
function rerankFlag() {
  return z
    .union([z.literal(true), wholeNumber(1, 1_000)], 'must be a whole number from 1 to 1000')
    .transform((depth) => (depth === true ? true : { depth }));
}

/** Says what reranking cost, which nobody should have to guess. */
export function noteReranking(
  { note }: { note(line: string): void },
  { rerankLatencyMs }: { rerankLatencyMs?: number },
): void {
  if (rerankLatencyMs !== undefined) note(`Reranking added ${Math.round(rerankLatencyMs)} ms.`);
}

/** How a hit is shown: columns, and what stands around the words that match. */
export interface HitLayout {
  readonly width: number;
  readonly mark: Mark;
}

/** A hit as lines: rank, score, where it stands, and its text. */
export function describeHit(hit: SearchHit, rank: number, { width, mark }: HitLayout): string[] {
  const place = [hit.title, ...hit.headings.filter((heading) => heading !== hit.title)].join(' › ');
  const page = hit.page === undefined ? '' : `, page ${hit.page}`;
  return [
    `${rank}. ${describeScores(hit)}  ${place}`,
    `   ${hit.source}${page}`,
    ...wrap(markWords(hit, mark), width, '   '),
    ...sentenceLines(hit, width),
    '',
  ];
}

/** Similarity of meaning (of words, where there is no other), what a reranker made of it, and the terms of the query that the chunk holds. */
function describeScores({ score, vectorScore = score, rerankScore, matchedTerms = [] }: SearchHit): string {
  const reranked = rerankScore === undefined ? '' : ` (reranked ${rerankScore.toFixed(3)})`;
  const similarity = `${vectorScore.toFixed(3)}${reranked}`;
  return matchedTerms.length === 0 ? similarity : `${similarity} [${matchedTerms.join(' ')}]`;
}

function parseBoost(json: string): { filter: Filter; weight: number } {
  try {
    // Its content is checked by the search itself.
    return JSON.parse(json) as { filter: Filter; weight: number };
  } catch (error) {
    throw new StackloreError('invalid_input', {
      message: '--boost takes a JSON object, e.g. \'{"filter":{"lang":"en"},"weight":1}\'.',
      cause: error,
    });
  }
}

function parseFilter(json: string): Filter {
  try {
    // Only its outer form is checked here: the search itself refuses a filter it does not know.
    const value: unknown = JSON.parse(json);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Filter;
  } catch {
    // Said below, together with JSON that is no object.
  }
  throw new StackloreError('invalid_filter', {
    message: '--filter takes a JSON object, e.g. \'{"lang":"en","year":{"$gte":2024}}\'.',
  });
}
