import type { Collection } from '../stores/knowledge/collections.ts';
import type { ChunkMatch, VectorIndex } from '../stores/knowledge/vector-index.ts';
import type { CompiledFilter } from './filter.ts';
import { knnQuery } from './query.ts';
import { rebuiltWarning } from './rebuilt-warning.ts';
import { deeper, MAX_CANDIDATES, type SearchRequest } from './request.ts';

/** A search by one vector whose order the server makes. */
export interface NearestSearch {
  readonly collections: readonly Collection[];
  /** One for each collection. */
  readonly filters: readonly (CompiledFilter | undefined)[];
  readonly request: SearchRequest;
  readonly vector: Float32Array;
}

type KnnIndex = Pick<VectorIndex, 'knn'>;

/** The page of nearest chunks that a request asks for, nearest first. */
export async function findNearestChunks(
  vectorIndex: KnnIndex,
  { collections, filters, request, vector }: NearestSearch,
): Promise<{ matches: ChunkMatch[]; warnings: string[] }> {
  const answers = await Promise.all(
    collections.map((collection, index) => {
      const search = { collection, request, vector, filter: filters[index] };
      return request.maxPerDocument === undefined
        ? findNearest(vectorIndex, search)
        : findNearestPerDocument(vectorIndex, search, request.maxPerDocument);
    }),
  );
  return { matches: merge(answers, request), warnings: answers.flatMap((answer) => answer.warnings) };
}

/** One collection's part of a search. */
interface CollectionSearch {
  readonly collection: Collection;
  readonly request: SearchRequest;
  readonly vector: Float32Array;
  readonly filter: CompiledFilter | undefined;
}

interface Nearest {
  readonly matches: readonly ChunkMatch[];
  readonly warnings: readonly string[];
}

async function findNearest(vectorIndex: KnnIndex, search: CollectionSearch): Promise<Nearest> {
  const { collection, request } = search;
  const { topK, offset } = pageOf(request);
  const { vector, filter } = search;
  const { efRuntime, exact } = request;
  const query = knnQuery({ collection, vector, filter, topK, offset, efRuntime, exact });
  const { matches, rebuilt } = await vectorIndex.knn(collection, query);
  return { matches, warnings: rebuilt ? [rebuiltWarning(collection)] : [] };
}

/** The server pages when one collection alone decides the order; otherwise all candidates from the first on are needed. */
function pageOf(request: SearchRequest): { topK: number; offset: number } {
  const { topK, offset } = request;
  return isPagedByServer(request) ? { topK, offset } : { topK: topK + offset, offset: 0 };
}

function isPagedByServer({ collections, maxPerDocument }: SearchRequest): boolean {
  return collections.length === 1 && maxPerDocument === undefined;
}

/**
 * At most so many chunks of each document. One document may hold all of the nearest, so the query is widened until
 * enough are left, nothing more is there, or the limit of candidates is reached.
 */
async function findNearestPerDocument(
  vectorIndex: KnnIndex,
  search: CollectionSearch,
  maxPerDocument: number,
): Promise<Nearest> {
  const { collection, request } = search;
  const { minScore = -1 } = request;
  const wanted = request.topK + request.offset;
  const warnings = new Set<string>();
  for (let topK = Math.min(wanted * 2, MAX_CANDIDATES); ; topK = deeper(topK)) {
    const query = knnQuery({
      collection,
      vector: search.vector,
      filter: search.filter,
      topK,
      efRuntime: request.efRuntime,
      exact: request.exact,
    });
    const { matches: candidates, rows, rebuilt } = await vectorIndex.knn(collection, query);
    if (rebuilt) warnings.add(rebuiltWarning(collection));
    const last = candidates.at(-1);
    // Rows, not matches: keys that are gone by now take places too.
    const isExhausted = rows < topK || (last !== undefined && 1 - last.distance < minScore);
    const matches = firstOfEachDocument(candidates.toSorted(compareMatches), maxPerDocument);
    if (matches.length >= wanted || isExhausted) return { matches, warnings: [...warnings] };
    if (topK === MAX_CANDIDATES) {
      warnings.add(
        `Only the nearest ${MAX_CANDIDATES} chunks of collection "${collection.name}" were looked at: a few documents hold most of them.`,
      );
      return { matches, warnings: [...warnings] };
    }
  }
}

function firstOfEachDocument(matches: readonly ChunkMatch[], maxPerDocument: number): ChunkMatch[] {
  const counts = new Map<string, number>();
  return matches.filter(({ docId }) => {
    const count = (counts.get(docId) ?? 0) + 1;
    counts.set(docId, count);
    return count <= maxPerDocument;
  });
}

/** All matches in one order, cut to the page asked for. */
function merge(answers: readonly Nearest[], request: SearchRequest): ChunkMatch[] {
  const { topK, minScore = -1 } = request;
  const offset = isPagedByServer(request) ? 0 : request.offset;
  const matches = answers.flatMap((answer) => answer.matches).sort(compareMatches);
  return matches.slice(offset, offset + topK).filter(({ distance }) => 1 - distance >= minScore);
}

/** Nearest first; equally near ones by name, so that the same search gives the same order. */
function compareMatches(a: ChunkMatch, b: ChunkMatch): number {
  return (
    a.distance - b.distance || compareText(a.chunkId, b.chunkId) || compareText(a.collection, b.collection)
  );
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
