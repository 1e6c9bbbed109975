import { StackloreError } from '../errors.ts';
import type { Collection, Collections } from '../stores/knowledge/collections.ts';
import type { ResponseCache } from '../stores/main/response-cache.ts';
import { rebuiltWarning } from './rebuilt-warning.ts';
import { refinedSearch } from './refined-search.ts';
import { parseSearchRequest, type SearchInput } from './request.ts';
import type { SearchAnswer, SearchParts } from './search.ts';

/** What a cached search works with. */
export interface CachedSearchParts extends SearchParts {
  readonly collections: Pick<Collections, 'get' | 'getRecent'>;
  readonly responseCache: Pick<ResponseCache, 'getOrCompute'>;
  /** What query texts are embedded with, as JSON: answers of another model are others. */
  readonly model: unknown;
  /** What reranks, as JSON; reranked answers are not cached where it is absent, as another program's would be taken. */
  readonly rerankModel?: unknown;
}

/** How long an answer is kept, and for another process that computes the same is waited. */
export interface CachedSearchOptions {
  readonly ttlSeconds?: number | undefined;
  readonly waitMs?: number | undefined;
  /** Whose answers these are, e.g. a tenant's; those of another scope are never given. */
  readonly scope?: string | undefined;
}

/** An answer, and whether it was kept from an earlier search. */
export interface CachedSearchAnswer extends SearchAnswer {
  readonly cached: boolean;
}

/** What stands for searches in the keys of the response cache. */
export const SEARCH_ENDPOINT = 'search';

/**
 * Searches, or gives the answer that an equal search had since the collections last changed. Their corpus versions are
 * read before anything else and are part of the key, so an answer from before a publish cannot be found after it; an
 * answer that is newer than its key's version is only found by who read that version.
 */
export async function cachedSearch(
  parts: CachedSearchParts,
  input: SearchInput,
  { scope, ...options }: CachedSearchOptions = {},
): Promise<CachedSearchAnswer> {
  const request = parseSearchRequest(input);
  const collections = await Promise.all(request.collections.map((name) => parts.collections.get(name)));
  const byName = new Map(collections.map((collection) => [collection.name, collection]));
  const params = {
    ...request,
    ...vectorText(request.vector),
    collections: collections.map(stateOf),
    model: parts.model,
    ...(scope !== undefined && { scope }),
    ...(request.rerank && { reranker: parts.rerankModel }),
  };
  const fresh: SearchParts = { ...parts, collections: { getRecent: async (name) => required(byName, name) } };
  if (request.rerank && parts.rerankModel === undefined) {
    return { ...(await refinedSearch(fresh, request)), cached: false };
  }
  const transient = new Set(collections.map(rebuiltWarning));
  const { value, cached } = await parts.responseCache.getOrCompute<SearchAnswer>(
    { endpointName: SEARCH_ENDPOINT, params },
    () => refinedSearch(fresh, request),
    {
      ...options,
      // That an index was rebuilt is true of this one search, and further pages are not kept for as long as an answer.
      keep: ({ warnings, cursor }) =>
        cursor === undefined && !warnings.some((warning) => transient.has(warning)),
    },
  );
  // What took time then takes none now.
  const { rerankLatencyMs, ...answer } = value;
  return { ...answer, ...(!cached && rerankLatencyMs !== undefined && { rerankLatencyMs }), cached };
}

/** All that a collection's answers depend on; one dropped and made again begins with another creation time. */
function stateOf({ name, version, createdAt, index, manifest }: Collection): unknown {
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
