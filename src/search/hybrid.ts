import { StackloreError } from '../errors.ts';
import { analyserOf } from '../stores/knowledge/chunk-terms.ts';
import type { Collection } from '../stores/knowledge/collections.ts';
import type {
  Candidate,
  CandidateAnswer,
  CandidateContents,
  CandidateQuery,
  VectorIndex,
} from '../stores/knowledge/vector-index.ts';
import type { CompiledFilter } from './filter.ts';
import { type Fused, fuse, type Scored } from './fuse.ts';
import { knnQuery } from './query.ts';
import { MAX_CANDIDATES, type SearchRequest } from './request.ts';

/** A hit of a search by words, or by meaning and words. */
export interface HybridMatch extends Omit<CandidateContents, 'embedding' | 'terms'> {
  readonly distance: number;
  readonly score: number;
  /** BM25 score; absent when the chunk was not among the best of the words' side. */
  readonly textScore?: number;
  readonly vectorRank?: number;
  readonly textRank?: number;
  /** The terms of the query that the chunk holds, in the query's order. */
  readonly matchedTerms: readonly string[];
}

/** A search whose vector and filters are at hand. */
export interface HybridSearch {
  readonly collections: readonly Collection[];
  /** One for each collection. */
  readonly filters: readonly (CompiledFilter | undefined)[];
  readonly request: SearchRequest;
  readonly mode: 'hybrid' | 'text';
  readonly query: string;
  readonly vector: Float32Array;
}

/** The hits of one page, best first, and the collections whose index had to be rebuilt. */
export interface HybridAnswer {
  readonly matches: readonly HybridMatch[];
  readonly rebuilt: readonly Collection[];
}

type CandidateSource = Pick<VectorIndex, 'candidates' | 'contents' | 'docIds'>;

/** Chunks a side is asked for at first. */
const DEPTH = 300;
/** How much further each next look goes while too few hits are left. */
const WIDENING = 4;
/** Terms of a query that are looked up: more cost the server milliseconds and change next to nothing. */
const MOST_TERMS = 1_000;
/** Hits read at a time where a smallest similarity decides how many are needed. */
const READ_AHEAD = 50;

/** Looks both sides up in one round trip, makes one order of them and reads the page asked for in another. */
export async function findHybrid(vectorIndex: CandidateSource, search: HybridSearch): Promise<HybridAnswer> {
  const { collections, request } = search;
  const terms = await Promise.all(collections.map((collection) => queryTerms(collection, search.query)));
  const rebuilt = new Set<Collection>();
  const least = Math.max(DEPTH, request.offset + request.topK);
  for (let depth = least; ; depth = Math.min(depth * WIDENING, MAX_CANDIDATES)) {
    const answers = await Promise.all(
      collections.map(async (collection, at) => {
        const sides = sideQueries(search, { at, terms: terms[at] ?? [], depth });
        const answer = await vectorIndex.candidates(collection, sides);
        if (answer.rebuilt) rebuilt.add(collection);
        return answer;
      }),
    );
    const isTextComplete = answers.every(({ lists }) => (lists.at(-1) ?? []).length < depth);
    const order = rank(search, { answers, isTextComplete });
    const ranking =
      request.maxPerDocument === undefined
        ? order
        : firstOfEach(order, await vectorIndex.docIds(order.map(({ key }) => key)), request.maxPerDocument);
    const matches = await readPage(vectorIndex, { search, ranking, terms });
    const isExhausted = answers.every(({ lists }) => lists.every((list) => list.length < depth));
    if (matches.length >= request.topK || isExhausted || depth >= MAX_CANDIDATES) {
      return { matches, rebuilt: [...rebuilt] };
    }
  }
}

/** The terms of a query as a collection's chunks have them, each as often as the query has it. */
async function queryTerms({ name, manifest }: Collection, query: string): Promise<string[]> {
  const analyser = await analyserOf(manifest);
  if (!analyser) {
    throw new StackloreError('manifest_mismatch', {
      message: `The words of collection "${name}" are not indexed. Search it in mode "vector", or index them: stacklore collections index-words ${name}.`,
    });
  }
  return analyser
    .analyse(query)
    .split(' ')
    .filter((term) => term !== '')
    .slice(0, MOST_TERMS);
}

/** The queries of a collection, the vector's first in a hybrid search. */
function sideQueries(
  { collections, filters, request, mode, vector }: HybridSearch,
  { at, terms, depth }: { at: number; terms: readonly string[]; depth: number },
): CandidateQuery[] {
  const collection = collections[at] as Collection;
  const filter = filters[at];
  const queries: CandidateQuery[] = [];
  if (mode === 'hybrid') {
    // An HNSW index gives no more than it looked at.
    const efRuntime = Math.max(request.efRuntime ?? collection.manifest.index.efRuntime, depth);
    const { query, params, limit } = knnQuery({ collection, vector, topK: depth, filter, efRuntime });
    queries.push({ by: 'distance', query, params, limit });
  }
  if (terms.length > 0) {
    const words = `@analysed:(${terms.join('|')})`;
    const query = filter ? `${words} (${filter.clause})` : words;
    queries.push({ by: 'text', query, params: filter?.params ?? [], limit: depth });
  }
  return queries;
}

/** A candidate with what is known of it before it is read. */
interface Ranked extends Fused {
  readonly at: number;
  readonly distance?: number;
  readonly textScore?: number;
}

function rank(
  { request, mode }: HybridSearch,
  { answers, isTextComplete }: { answers: readonly CandidateAnswer[]; isTextComplete: boolean },
): Ranked[] {
  const places = new Map<string, { at: number; distance?: number; textScore?: number }>();
  const vector: Scored[] = [];
  const text: Scored[] = [];
  for (const [at, { lists }] of answers.entries()) {
    const [nearest, worded] = mode === 'hybrid' ? lists : [[], ...lists];
    for (const { key, value } of nearest ?? []) {
      places.set(key, { at, distance: value });
      vector.push({ key, value: 1 - value });
    }
    for (const { key, value } of worded ?? []) {
      places.set(key, { at, ...places.get(key), textScore: value });
      text.push({ key, value });
    }
  }
  for (const list of [vector, text]) list.sort(byValue);
  const fused =
    mode === 'text'
      ? text.map(({ key, value }, at) => ({ key, score: value, textRank: at + 1 }))
      : fuse({ vector, text, isTextComplete }, { method: request.fusion, weight: request.weight });
  return fused.map((one) => ({ ...one, ...(places.get(one.key) as { at: number }) }));
}

function byValue(a: Candidate, b: Candidate): number {
  return b.value - a.value || (a.key < b.key ? -1 : 1);
}

function firstOfEach(ranking: readonly Ranked[], docIds: readonly string[], most: number): Ranked[] {
  const counts = new Map<string, number>();
  return ranking.filter(({ at }, place) => {
    const document = `${at} ${docIds[place]}`;
    const count = (counts.get(document) ?? 0) + 1;
    counts.set(document, count);
    return count <= most;
  });
}

/** Reads hits until the page is full: some were deleted since they were found, or are not similar enough. */
async function readPage(
  vectorIndex: CandidateSource,
  {
    search,
    ranking,
    terms,
  }: { search: HybridSearch; ranking: readonly Ranked[]; terms: readonly string[][] },
): Promise<HybridMatch[]> {
  const { request, collections, vector } = search;
  const { offset, topK, minScore } = request;
  const matches: HybridMatch[] = [];
  // Places left out are those of the order, whether or not they are similar enough: pages must not overlap.
  for (let from = offset; from < ranking.length && matches.length < topK; ) {
    const size = minScore === undefined ? topK - matches.length : Math.max(READ_AHEAD, topK - matches.length);
    const part = ranking.slice(from, from + size);
    const contents = await readContents(vectorIndex, { collections, part });
    for (const [at, chunk] of contents.entries()) {
      const match = chunk && toMatch(part[at] as Ranked, chunk, { vector, terms });
      if (match && matches.length < topK && 1 - match.distance >= (minScore ?? -1)) matches.push(match);
    }
    from += part.length;
  }
  return matches;
}

async function readContents(
  vectorIndex: CandidateSource,
  { collections, part }: { collections: readonly Collection[]; part: readonly Ranked[] },
): Promise<(CandidateContents | undefined)[]> {
  const contents = new Map<string, CandidateContents | undefined>();
  await Promise.all(
    collections.map(async (collection, at) => {
      const keys = part.filter((one) => one.at === at).map(({ key }) => key);
      if (keys.length === 0) return;
      for (const [n, chunk] of (await vectorIndex.contents(collection, keys)).entries())
        contents.set(keys[n] as string, chunk);
    }),
  );
  return part.map(({ key }) => contents.get(key));
}

function toMatch(
  { at, distance, key: _, ...places }: Ranked,
  { embedding, terms: held, ...chunk }: CandidateContents,
  { vector, terms }: { vector: Float32Array; terms: readonly string[][] },
): HybridMatch | undefined {
  const known = distance ?? (embedding && cosineDistance(vector, embedding));
  if (known === undefined || Number.isNaN(known)) return undefined;
  const matchedTerms = [...new Set(terms[at])].filter((term) => held.has(term));
  return { ...chunk, ...places, distance: Math.min(2, Math.max(0, known)), matchedTerms };
}

/** As the index computes it; NaN where one of them has no direction or another length. */
function cosineDistance(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length) return Number.NaN;
  let [product, left, right] = [0, 0, 0];
  for (let at = 0; at < a.length; at += 1) {
    const [x, y] = [a[at] as number, b[at] as number];
    product += x * y;
    left += x * x;
    right += y * y;
  }
  return 1 - product / Math.sqrt(left * right);
}
