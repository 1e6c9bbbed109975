import type { QueryEmbedder } from '../embed/embedder.ts';
import type { Reranker } from '../embed/reranker.ts';
import { checkVector } from '../stores/knowledge/check-vector.ts';
import type { Collection, Collections } from '../stores/knowledge/collections.ts';
import type { SearchCursors } from '../stores/knowledge/search-cursors.ts';
import type { VectorIndex } from '../stores/knowledge/vector-index.ts';
import { checkComparable, checkModel, requireModel } from './check-models.ts';
import type { Facets } from './facets.ts';
import { compileFilter, type Filter } from './filter.ts';
import { type SearchHit, toHit, toHybridHit, toVectorHit } from './hit.ts';
import { findHybrid } from './hybrid.ts';
import { findLikeness } from './likeness.ts';
import { type Question, vectorsOf, withTerms } from './look-up.ts';
import { findNearestChunks } from './nearest.ts';
import { rebuiltWarning } from './rebuilt-warning.ts';
import {
  invalidRequest,
  parseSearchRequest,
  type SearchInput,
  type SearchMode,
  type SearchRequest,
} from './request.ts';
import { readSurroundings, type Surroundings } from './surroundings.ts';
import { wordlessWarnings } from './wordless.ts';
import { wordsMissingWarning } from './words-missing.ts';

export type { SearchHit } from './hit.ts';

/** What a search works with. */
export interface SearchParts {
  readonly collections: Pick<Collections, 'getRecent'>;
  readonly vectorIndex: Pick<
    VectorIndex,
    'knn' | 'candidates' | 'contents' | 'fields' | 'embeddings' | 'matching' | 'usesGenerations' | 'visible'
  >;
  readonly cursors: Pick<SearchCursors, 'save' | 'get'>;
  /** Milliseconds since the epoch, for the age of documents; the clock of this machine by default. */
  readonly now?: () => number;
  /** Opens the model; asked only when a query is text. */
  readonly embedder: () => Promise<QueryEmbedder>;
  /** Opens what `rerank` asks for. Throws `model_unavailable`. */
  readonly reranker?: () => Promise<Reranker>;
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
 * Finds the chunks that answer best, by meaning and words. Throws `invalid_input`, `invalid_filter`, `not_found`,
 * `manifest_mismatch`, `dimension_mismatch`, `invalid_vector`, `too_large` or what the server answers.
 */
export async function search(parts: SearchParts, input: SearchInput | SearchRequest): Promise<SearchAnswer> {
  const request = parseSearchRequest(input);
  const collections = await Promise.all(request.collections.map((name) => parts.collections.getRecent(name)));
  const likeness = request.like && (await findLikeness(parts.vectorIndex, collections[0], request));
  const filters = collections.map(({ manifest }) => {
    const filter = filterOf(request, likeness?.docId);
    return filter === undefined ? undefined : compileFilter(filter, manifest.fields);
  });
  // Checked here, as a search that finds nothing would never come to look at them.
  for (const { filter } of request.boosts ?? []) {
    for (const { manifest } of collections) compileFilter(filter, manifest.fields);
  }
  const warnings = checkComparable(collections);
  const { vector: given } = request;
  if (given) for (const { manifest } of collections) checkVector(given, manifest.dimensions);
  const mode = modeOf(request, collections, warnings);
  const questions = likeness
    ? [{ query: '', vector: likeness.vector }]
    : await questionsOf(parts, { request, mode, collections, warnings });
  const isChecked = collections.some((collection) => parts.vectorIndex.usesGenerations(collection));
  if (mode !== 'vector' || isRanked(request) || isChecked) {
    const excluded = likeness?.chunkKey;
    const look = await withTerms({ collections, filters, request, mode, questions, excluded });
    warnings.push(...wordlessWarnings(look));
    const now = parts.now ?? Date.now;
    const { matches, rebuilt, wordsMissing, ...more } = await findHybrid({ ...parts, now }, look);
    warnings.push(...rebuilt.map(rebuiltWarning));
    warnings.push(...[...wordsMissing].map(([collection, share]) => wordsMissingWarning(collection, share)));
    const hits = matches.map((match) => (mode === 'vector' ? toVectorHit(match) : toHybridHit(match)));
    return { hits: await withSurroundings(parts, hits, request), warnings, mode, ...more };
  }
  const [vector] = (await vectorsOf(questions)) as [Float32Array];
  const nearest = { collections, filters, request, vector };
  const found = await findNearestChunks(parts.vectorIndex, nearest);
  warnings.push(...found.warnings);
  const hits = found.matches.map(toHit);
  return { hits: await withSurroundings(parts, hits, request), warnings, mode };
}

/** A document is like itself, which nobody asks for. */
function filterOf({ filter }: SearchRequest, likeDocId: string | undefined): Filter | undefined {
  if (likeDocId === undefined) return filter;
  return { $and: [...(filter ? [filter] : []), { docId: { $ne: likeDocId } }] };
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

/** What is asked, with the vectors; every collection must have been embedded by the same model. */
async function questionsOf(
  parts: SearchParts,
  search: {
    request: SearchRequest;
    mode: SearchMode;
    collections: readonly Collection[];
    warnings: string[];
  },
): Promise<Question[]> {
  const { request, mode, collections, warnings } = search;
  const { query = '', queries = [query], vector } = request;
  if (vector) return [{ query, vector }];
  if (mode === 'text' && isWithoutVectors(collections, request)) {
    return queries.map((text) => ({ query: text }));
  }
  for (const collection of collections) requireModel(collection);
  const embedder = await parts.embedder();
  for (const collection of collections) warnings.push(...checkModel(collection, embedder));
  return queries.map((text) => {
    const made = embedder.embedQuery(text);
    // Whoever awaits it meets its failure; a search that failed before that must not end the process.
    made.catch(() => undefined);
    return { query: text, vector: made };
  });
}

/** Whether hits cannot be compared with the query, as no model made the vectors. Throws `invalid_input` where they have to be. */
function isWithoutVectors(collections: readonly Collection[], { minScore }: SearchRequest): boolean {
  if (collections.some(({ manifest }) => manifest.model)) return false;
  if (minScore === undefined) return true;
  throw invalidRequest(
    `minScore: compares vectors, as does maxDistance, and collection "${collections[0]?.name}" has no model to make one of the query. Give a vector beside it, or leave them out.`,
  );
}
