import { z } from 'zod';
import { StackloreError } from '../errors.ts';
import type { Collection, Collections } from '../stores/knowledge/collections.ts';
import { paramsHashOf } from '../stores/main/cache-address.ts';
import type { ResponseCache } from '../stores/main/response-cache.ts';
import { rebuiltWarning } from './rebuilt-warning.ts';
import { refinedSearch } from './refined-search.ts';
import { invalidRequest, parse, parseSearchRequest, type SearchInput } from './request.ts';
import type { SearchAnswer, SearchParts } from './search.ts';
import {
  askByMeaning,
  type EarlierQuestion,
  SEMANTIC_THRESHOLD,
  type SemanticAnswer,
  type SemanticCacheParts,
} from './semantic-cache.ts';
import { isWordsMissingWarning } from './words-missing.ts';

/** What a cached search works with. */
export interface CachedSearchParts extends SemanticCacheParts {
  readonly collections: Pick<Collections, 'get' | 'getRecent'>;
  readonly responseCache: Pick<ResponseCache, 'getOrCompute' | 'take'>;
  /** What query texts are embedded with, as JSON: answers of another model are others. */
  readonly model: unknown;
  /** What reranks, as JSON; reranked answers are not cached where it is absent, as another program's would be taken. */
  readonly rerankModel?: unknown;
}

const cachedSearchOptions = z.strictObject({
  /** How long an answer is kept, in seconds. */
  ttlSeconds: z.number('must be a number').optional(),
  /** How long to wait for another process that computes the same. */
  waitMs: z.number('must be a number').optional(),
  /** Whose answers these are, e.g. a tenant's; those of another scope are never given. */
  scope: z.string('must be text').optional(),
  /** Give the answer of an earlier question too whose vector is near enough: cosine of at least `threshold`, 0.97. */
  semantic: z
    .union(
      [z.boolean(), z.strictObject({ threshold: z.number().min(0).max(1).default(SEMANTIC_THRESHOLD) })],
      'must be true, false or a threshold from 0 to 1',
    )
    .default(false),
});

/** How long an answer is kept, for whom, and whether that of a question which means the same will do. */
export type CachedSearchOptions = z.input<typeof cachedSearchOptions>;

/** An answer, and whether it was kept from an earlier search. */
export interface CachedSearchAnswer extends SearchAnswer {
  readonly cached: boolean;
  /** The question that this answer was given to first, where that was another one. */
  readonly earlier?: EarlierQuestion;
}

/** What stands for searches in the keys of the response cache. */
export const SEARCH_ENDPOINT = 'search';

/**
 * Searches, or gives the answer that an equal search had since the collections last changed. Their corpus versions are
 * read before anything else and are part of the key, so an answer from before a publish cannot be found after it; an
 * answer that is newer than its key's version is only found by who read that version. All this holds for `semantic` too.
 */
export async function cachedSearch(
  parts: CachedSearchParts,
  input: SearchInput,
  options: CachedSearchOptions = {},
): Promise<CachedSearchAnswer> {
  const { scope, semantic, ...kept } = parse(cachedSearchOptions, options);
  const request = parseSearchRequest(input);
  const { query = '', ...context } = request;
  if (semantic && (query === '' || request.vector || request.cursor !== undefined)) {
    throw invalidRequest('semantic: compares questions. Give one query as text, without vector and cursor.');
  }
  const collections = await Promise.all(request.collections.map((name) => parts.collections.get(name)));
  const byName = new Map(collections.map((collection) => [collection.name, collection]));
  const asked = {
    ...context,
    ...vectorText(request.vector),
    collections: collections.map(stateOf),
    model: parts.model,
    ...(scope !== undefined && { scope }),
    ...(request.rerank && { reranker: parts.rerankModel }),
  };
  const fresh = { ...parts, collections: { getRecent: async (name: string) => required(byName, name) } };
  if (request.rerank && parts.rerankModel === undefined) {
    return { ...(await refinedSearch(fresh, request)), cached: false };
  }
  const transient = new Set(collections.map(rebuiltWarning));
  // That an index was rebuilt, or has no words yet, is true of this one search, and further pages are not kept for as long as an answer.
  const keep = ({ warnings, cursor }: SearchAnswer) =>
    cursor === undefined &&
    !warnings.some((warning) => transient.has(warning) || isWordsMissingWarning(warning, collections));
  const paramsHash = paramsHashOf({ ...asked, query });
  const addressOf = (paramsName: string) => ({ endpointName: SEARCH_ENDPOINT, paramsName });
  const search = (using: SearchParts) => {
    const compute = () => refinedSearch(using, request);
    return parts.responseCache.getOrCompute<SearchAnswer>(addressOf(paramsHash), compute, { ...kept, keep });
  };
  if (!semantic) return finish(await search(fresh));
  const { threshold } = semantic === true ? { threshold: SEMANTIC_THRESHOLD } : semantic;
  const { ttlSeconds } = kept;
  const partition = paramsHashOf(asked);
  const question = { query, partition, paramsHash, addressOf, threshold, ttlSeconds, mayKeep: keep };
  return finish(await askByMeaning(fresh, question, search));
}

function finish({ value, cached, earlier }: SemanticAnswer): CachedSearchAnswer {
  // What took time then takes none now.
  const { rerankLatencyMs, ...answer } = value;
  return {
    ...answer,
    ...(!cached && rerankLatencyMs !== undefined && { rerankLatencyMs }),
    cached,
    ...(earlier && { earlier }),
  };
}

/** All that a collection's answers depend on; one dropped and made again begins with another creation time. */
export function stateOf({ name, version, createdAt, index, manifest }: Collection): unknown {
  return { name, version, createdAt, index, manifest };
}

/** A vector by its bytes: shorter than its numbers, and exact. */
function vectorText(vector: Float32Array | undefined): { vector?: string } {
  if (!vector) return {};
  return { vector: Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength).toString('base64') };
}

function required(collections: ReadonlyMap<string, Collection>, name: string): Collection {
  const collection = collections.get(name);
  if (collection) return collection;
  throw new StackloreError('internal', { message: `Collection "${name}" was not read. Please report this.` });
}
