import { type VectorStoreQuery, VectorStoreQueryMode } from '@llamaindex/core/vector-store';
import { z } from 'zod';
import { StackloreError } from '../errors.ts';
import { type SearchInput, searchRequest } from '../search/request.ts';
import type { SearchHit } from '../search/search.ts';

const share = searchRequest.shape.weight.unwrap().optional();
const {
  fusion,
  minScore,
  maxDistance,
  maxPerDocument,
  efRuntime,
  exact,
  collapse,
  boosts,
  decay,
  rerank,
  userId,
} = searchRequest.shape;

/** What goes into `customParams`: the rest of a query that a retriever has no option for, and stacklore's own. */
const redisQueryOptions = z.strictObject({
  ...{ fusion: fusion.unwrap().optional(), minScore, maxDistance, maxPerDocument, efRuntime },
  ...{ exact: exact.unwrap().optional(), collapse, boosts, decay, rerank, userId },
  /** The share of the vectors in a hybrid score: 0 is words alone, 1 meaning alone (0.5). */
  alpha: share,
  /** How much nearness to the query counts in mode `mmr`; the rest is unlikeness to the nodes before (0.5). */
  mmrThreshold: share,
  /** Only these documents. */
  docIds: z.array(z.string('must be a list of document ids'), 'must be a list of document ids').optional(),
});
export type RedisQueryOptions = z.input<typeof redisQueryOptions>;

/** A search, without what depends on its collection, and which documents it is limited to. */
export interface TranslatedQuery {
  readonly request: SearchInput;
  readonly docIds: readonly string[] | undefined;
}

/** What a mode searches by, of what a query gives. */
interface Question extends Pick<VectorStoreQuery, 'queryStr' | 'queryEmbedding' | 'similarityTopK'> {
  readonly mode: string;
  readonly alpha: number;
  readonly mmrThreshold: number;
}

/** Every mode that can be asked for; any other is refused. */
const MODES = {
  [VectorStoreQueryMode.DEFAULT]: (question) => ({ mode: 'vector', vector: vectorOf(question) }),
  [VectorStoreQueryMode.MMR]: (question) => ({
    ...{ mode: 'vector', vector: vectorOf(question), diversity: 1 - question.mmrThreshold },
  }),
  [VectorStoreQueryMode.HYBRID]: hybrid,
  // All hits are reranked: the rest would have scores on another scale.
  [VectorStoreQueryMode.SEMANTIC_HYBRID]: (question) => ({
    ...{ ...hybrid(question), rerank: { depth: Math.max(50, question.similarityTopK) } },
  }),
  [VectorStoreQueryMode.SPARSE]: (question) => ({
    ...{ mode: 'text', query: textOf(question) },
    ...(question.queryEmbedding && { vector: question.queryEmbedding }),
  }),
} satisfies Partial<Record<VectorStoreQueryMode, (question: Question) => SearchInput>>;

const HYBRID_MODES: readonly string[] = [VectorStoreQueryMode.HYBRID, VectorStoreQueryMode.SEMANTIC_HYBRID];

/** The search that a query of LlamaIndex.TS means. Throws `invalid_input` for a mode or an option that is not supported. */
export function toSearch(query: VectorStoreQuery): TranslatedQuery {
  const { mode = VectorStoreQueryMode.DEFAULT, similarityTopK: topK, customParams } = query;
  const given = { alpha: query.alpha, mmrThreshold: query.mmrThreshold, docIds: query.docIds };
  const options = Object.entries(given).filter(([, value]) => value !== undefined);
  const { alpha, mmrThreshold, docIds, ...own } = parseOptions({
    // Any object may come here: it is checked as a whole.
    ...(customParams as object | undefined),
    ...Object.fromEntries(options),
  });
  if (!isKnown(mode)) {
    throw refuse(`The query mode "${mode}" is not supported. Use one of ${Object.keys(MODES).join(', ')}.`);
  }
  if (alpha !== undefined && !HYBRID_MODES.includes(mode)) {
    throw refuse(`alpha weighs vectors against words, and the mode is "${mode}". Use the mode "hybrid".`);
  }
  if (mmrThreshold !== undefined && mode !== VectorStoreQueryMode.MMR) {
    throw refuse(`mmrThreshold is for the mode "mmr", and the mode is "${mode}". Use that mode.`);
  }
  const search: SearchInput = MODES[mode]({
    ...{ ...query, mode, alpha: alpha ?? 0.5, mmrThreshold: mmrThreshold ?? 0.5 },
  });
  return { request: { ...search, ...own, topK }, docIds };
}

function isKnown(mode: string): mode is keyof typeof MODES {
  return Object.hasOwn(MODES, mode);
}

/** What LlamaIndex shows and sorts by: a cosine in modes `default` and `mmr`, else the score that made the order. */
export function similarityOf(hit: SearchHit, mode: string = VectorStoreQueryMode.DEFAULT): number {
  if (hit.rerankScore !== undefined) return hit.rerankScore;
  const isByWords = mode === VectorStoreQueryMode.SPARSE || HYBRID_MODES.includes(mode);
  return isByWords ? hit.score : (hit.vectorScore ?? hit.score);
}

function hybrid(question: Question) {
  const [query, vector] = [textOf(question), vectorOf(question)];
  return { mode: 'hybrid', query, vector, weight: question.alpha } as const;
}

function vectorOf({ queryEmbedding, mode }: Question): number[] {
  if (queryEmbedding) return queryEmbedding;
  throw refuse(
    `The mode "${mode}" needs a queryEmbedding. Give the query's vector, or use the mode "sparse".`,
  );
}

function textOf({ queryStr, mode }: Question): string {
  if (queryStr?.trim()) return queryStr;
  throw refuse(`The mode "${mode}" needs a queryStr. Give the query's text, or use the mode "default".`);
}

function parseOptions(input: unknown): z.output<typeof redisQueryOptions> {
  const checked = redisQueryOptions.safeParse(input);
  if (checked.success) return checked.data;
  const issues = checked.error.issues.map(
    ({ path, message }) => `${path.join('.') || 'customParams'}: ${message}`,
  );
  throw refuse(`The query cannot be used. ${issues.join('; ')}.`);
}

function refuse(message: string): StackloreError {
  return new StackloreError('invalid_input', { message });
}
