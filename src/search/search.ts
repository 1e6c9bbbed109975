import type { QueryEmbedder } from '../embed/embedder.ts';
import type { Reranker } from '../embed/reranker.ts';
import type { Collection, Collections } from '../stores/knowledge/collections.ts';
import type { SearchCursors } from '../stores/knowledge/search-cursors.ts';
import type { ChunkMatch, VectorIndex } from '../stores/knowledge/vector-index.ts';
import { checkComparable, checkModel, requireModel } from './check-models.ts';
import type { Facets } from './facets.ts';
import { type CompiledFilter, compileFilter, type Filter } from './filter.ts';
import type { Highlights } from './highlight.ts';
import { findHybrid, type HybridMatch, type Question } from './hybrid.ts';
import { findLikeness } from './likeness.ts';
import { knnQuery } from './query.ts';
import {
  MAX_CANDIDATES,
  parseSearchRequest,
  type SearchInput,
  type SearchMode,
  type SearchRequest,
} from './request.ts';
import { readSurroundings, type Surroundings } from './surroundings.ts';

/** What a search works with. */
export interface SearchParts {
  readonly collections: Pick<Collections, 'getRecent'>;
  readonly vectorIndex: Pick<
    VectorIndex,
    'knn' | 'candidates' | 'contents' | 'fields' | 'embeddings' | 'matching'
  >;
  readonly cursors: Pick<SearchCursors, 'save' | 'get'>;
  /** Milliseconds since the epoch, for the age of documents; the clock of this machine by default. */
  readonly now?: () => number;
  /** Opens the model; asked only when a query is text. */
  readonly embedder: () => Promise<QueryEmbedder>;
  /** Opens what `rerank` asks for. Throws `model_unavailable`. */
  readonly reranker?: () => Promise<Reranker>;
}

/** A chunk found. */
export interface SearchHit {
  readonly chunkId: string;
  readonly docId: string;
  readonly nodeId: string;
  readonly collection: string;
  readonly text: string;
  /** Orders the hits of one answer, larger is better. */
  readonly score: number;
  /** 1 − `distance`: the cosine of the angle between query and chunk. */
  readonly vectorScore: number;
  /** Cosine distance, 0 to 2. */
  readonly distance: number;
  /** BM25 score of the query's words; absent where they were not looked up or others have far more of them. */
  readonly textScore?: number;
  /** Places among the candidates of each side, from 1; absent where a side was not asked, or did not find the chunk. */
  readonly vectorRank?: number;
  readonly textRank?: number;
  /** The query's terms that the chunk holds, as the analyser made them; absent in a vector search. */
  readonly matchedTerms?: readonly string[];
  readonly title: string;
  readonly source: string;
  /** The headings above the chunk, outermost first. */
  readonly headings: readonly string[];
  /** UTF-16 offsets into the document's text; absent in chunks of writers that store none. */
  readonly start?: number;
  readonly end?: number;
  /** Page of a paged document, from 1. */
  readonly page?: number;
  /** What the reranker gave it, larger is better; on another model's scale altogether. Only where `rerank` was asked for. */
  readonly rerankScore?: number;
  /** Words and sentence that answer the query; only where `highlight` was asked for. */
  readonly highlights?: Highlights;
  /** All of the chunk's metadata, the document's own included. */
  readonly metadata: Record<string, unknown>;
  /** The texts of the chunks around it; absent unless a window was asked for. */
  readonly window?: Surroundings;
}

/** The hits of a search, best first, and what the caller should know about them. */
export interface SearchAnswer {
  readonly hits: SearchHit[];
  readonly warnings: string[];
  /** What was looked up: `hybrid` unless asked otherwise, `vector` where no words were given or none are indexed. */
  readonly mode: SearchMode;
  /** How long reranking took, loading the model included; absent where it was not asked for. */
  readonly rerankLatencyMs?: number;
  /** How often fields have their values among all that was found; absent unless asked for. */
  readonly facets?: Facets;
  /** Where the next page begins; absent unless a cursor was asked for and there is more. */
  readonly cursor?: string;
}

/**
 * Finds the chunks nearest to a text or a vector. Throws `invalid_input`, `invalid_filter`, `not_found`,
 * `manifest_mismatch`, `dimension_mismatch`, `invalid_vector`, `too_large` or what the server answers.
 */
export async function search(parts: SearchParts, input: SearchInput | SearchRequest): Promise<SearchAnswer> {
  const request = parseSearchRequest(input);
  const collections = await Promise.all(request.collections.map((name) => parts.collections.getRecent(name)));
  const filters = collections.map(({ manifest }) => {
    const filter = filterOf(request);
    return filter === undefined ? undefined : compileFilter(filter, manifest.fields);
  });
  const warnings = checkComparable(collections);
  const mode = modeOf(request, collections, warnings);
  const likeness = request.like && (await findLikeness(parts.vectorIndex, collections[0], request));
  const questions = likeness
    ? [{ query: '', vector: likeness.vector }]
    : await questionsOf(parts, { request, collections, warnings });
  const [first] = questions as [Question];
  if (mode !== 'vector' || isRanked(request)) {
    const excluded = likeness?.chunkKey;
    const search = { collections, filters, request, mode, questions, excluded };
    const now = parts.now ?? Date.now;
    const { matches, rebuilt, ...more } = await findHybrid({ ...parts, now }, search);
    warnings.push(...rebuilt.map(rebuiltWarning));
    const hits = matches.map((match) => (mode === 'vector' ? toVectorHit(match) : toHybridHit(match)));
    return { hits: await withSurroundings(parts, hits, request), warnings, mode, ...more };
  }
  const { vector } = first;
  const answers = await Promise.all(
    collections.map((collection, index) => {
      const search = { collection, request, vector, filter: filters[index] };
      return request.maxPerDocument === undefined
        ? findNearest(parts.vectorIndex, search)
        : findNearestPerDocument(parts.vectorIndex, search, request.maxPerDocument);
    }),
  );
  for (const answer of answers) warnings.push(...answer.warnings);
  const hits = merge(answers, request).map(toHit);
  return { hits: await withSurroundings(parts, hits, request), warnings, mode };
}

/** A document is like itself, which nobody asks for. */
function filterOf({ filter, like }: SearchRequest): Filter | undefined {
  if (!like || !('docId' in like)) return filter;
  return { $and: [...(filter ? [filter] : []), { docId: { $ne: like.docId } }] };
}

/** Whether candidates have to be ranked before they are read, which a search by one vector else leaves to the server. */
export function isRanked({
  like,
  queries,
  diversity,
  collapse,
  boosts,
  decay,
  facets,
  cursor,
}: SearchRequest): boolean {
  return [like, queries, diversity, collapse, boosts, decay, facets, cursor].some(
    (option) => option !== undefined && option !== false,
  );
}

async function withSurroundings(
  { vectorIndex }: SearchParts,
  hits: SearchHit[],
  { window = 0 }: SearchRequest,
): Promise<SearchHit[]> {
  if (window === 0 || hits.length === 0) return hits;
  const around = await readSurroundings(vectorIndex, hits, window);
  return hits.map((hit, at) => ({ ...hit, window: around[at] as Surroundings }));
}

/** Words count by default wherever there are some and they are indexed. */
function modeOf(
  { mode, query, queries }: SearchRequest,
  collections: readonly Collection[],
  warnings: string[],
): SearchMode {
  if (mode !== undefined) return mode;
  if (query === undefined && queries === undefined) return 'vector';
  const lacking = collections.filter(({ manifest }) => manifest.analyser === undefined);
  for (const { name, manifest } of lacking) {
    // Where a program gives the vectors, nobody expects words to be indexed.
    if (!manifest.model) continue;
    warnings.push(
      `The words of collection "${name}" are not indexed yet, so only meaning was looked up. Index them: stacklore collections index-words ${name}.`,
    );
  }
  return lacking.length === 0 ? 'hybrid' : 'vector';
}

/** Boosts and decay move the score of a search by meaning, too; words play no part in it. */
function toVectorHit({ score, vectorRank, ...match }: HybridMatch): SearchHit {
  return { ...toHit(match), score, ...(vectorRank !== undefined && { vectorRank }) };
}

function toHybridHit(match: HybridMatch): SearchHit {
  const { score, textScore, vectorRank, textRank, matchedTerms } = match;
  return {
    ...toHit(match),
    score,
    ...(textScore !== undefined && { textScore }),
    ...(vectorRank !== undefined && { vectorRank }),
    ...(textRank !== undefined && { textRank }),
    matchedTerms,
  };
}

/** A match as callers see it. Chunks of other writers may lack title, source and offsets, or have odd ones. */
export function toHit(match: ChunkMatch): SearchHit {
  const { metadata, distance } = match;
  const { start, end, page } = metadata;
  const source = textOf(metadata.source) ?? match.docId;
  const hit: { -readonly [Name in keyof SearchHit]: SearchHit[Name] } = {
    chunkId: match.chunkId,
    docId: match.docId,
    nodeId: match.nodeId,
    collection: match.collection,
    text: match.text,
    score: 1 - distance,
    vectorScore: 1 - distance,
    distance,
    title: textOf(metadata.title) ?? source,
    source,
    headings: headingsOf(metadata.headings),
    metadata,
  };
  if (isOffset(start) && isOffset(end) && start <= end) {
    hit.start = start;
    hit.end = end;
  }
  if (isOffset(page) && page > 0) hit.page = page;
  return hit;
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value.trim() !== '' ? value : undefined;
}

function headingsOf(value: unknown): readonly string[] {
  if (!Array.isArray(value)) return [];
  return value.every((heading) => typeof heading === 'string') ? value : [];
}

function isOffset(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** What is asked, with the vectors; every collection must have been embedded by the same model. */
async function questionsOf(
  parts: SearchParts,
  search: { request: SearchRequest; collections: readonly Collection[]; warnings: string[] },
): Promise<Question[]> {
  const { request, collections, warnings } = search;
  const { query = '', queries = [query], vector } = request;
  if (vector) return [{ query, vector }];
  for (const collection of collections) requireModel(collection);
  const embedder = await parts.embedder();
  for (const collection of collections) warnings.push(...checkModel(collection, embedder));
  return Promise.all(queries.map(async (text) => ({ query: text, vector: await embedder.embedQuery(text) })));
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

async function findNearest(
  vectorIndex: SearchParts['vectorIndex'],
  search: CollectionSearch,
): Promise<Nearest> {
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

/** How much further each next look goes while too few documents were found. */
const WIDENING = 4;

/**
 * At most so many chunks of each document. One document may hold all of the nearest, so the query is widened until
 * enough are left, nothing more is there, or the limit of candidates is reached.
 */
async function findNearestPerDocument(
  vectorIndex: SearchParts['vectorIndex'],
  search: CollectionSearch,
  maxPerDocument: number,
): Promise<Nearest> {
  const { collection, request } = search;
  const { minScore = -1 } = request;
  const wanted = request.topK + request.offset;
  const warnings = new Set<string>();
  for (let topK = Math.min(wanted * 2, MAX_CANDIDATES); ; topK = Math.min(topK * WIDENING, MAX_CANDIDATES)) {
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

/** What a search says after it had to rebuild the collection's index. */
export function rebuiltWarning({ name }: Pick<Collection, 'name'>): string {
  return `The index of collection "${name}" had been lost and was rebuilt from its manifest.`;
}
