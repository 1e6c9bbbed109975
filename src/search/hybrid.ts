import { StackloreError } from '../errors.ts';
import { analyserOf } from '../stores/knowledge/chunk-terms.ts';
import type { Collection } from '../stores/knowledge/collections.ts';
import type { SearchCursors } from '../stores/knowledge/search-cursors.ts';
import type { CandidateContents, CandidateQuery, VectorIndex } from '../stores/knowledge/vector-index.ts';
import { adjustScores } from './adjust-scores.ts';
import { cosine } from './cosine.ts';
import { cursorAt, keepRanking, openCursor } from './cursor.ts';
import { diversify } from './diversify.ts';
import { countFacets, type Facets } from './facets.ts';
import type { CompiledFilter } from './filter.ts';
import { nearestQuery } from './query.ts';
import { type FoundList, type Ranked, rank } from './rank.ts';
import { MAX_CANDIDATES, type SearchMode, type SearchRequest } from './request.ts';
import { wordsQuery } from './words-query.ts';

/** A hit of a search that ranks candidates before it reads them. */
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

/** One question: its words, and the vector of its meaning, which may still be in the making. */
export interface Question {
  readonly query: string;
  readonly vector: Float32Array | Promise<Float32Array>;
}

/** A search whose questions and filters are at hand. */
export interface HybridSearch {
  readonly collections: readonly Collection[];
  /** One for each collection. */
  readonly filters: readonly (CompiledFilter | undefined)[];
  readonly request: SearchRequest;
  readonly mode: SearchMode;
  readonly questions: readonly Question[];
  /** A key that cannot be a hit: what others are to be like. */
  readonly excluded?: string | undefined;
}

/** What a ranking search works with. */
export interface HybridParts {
  readonly vectorIndex: Pick<VectorIndex, 'candidates' | 'contents' | 'fields' | 'embeddings' | 'matching'>;
  readonly cursors: Pick<SearchCursors, 'save' | 'get'>;
  readonly now: () => number;
}

/** The hits of one page, best first, and the collections whose index had to be rebuilt. */
export interface HybridAnswer {
  readonly matches: readonly HybridMatch[];
  readonly rebuilt: readonly Collection[];
  readonly facets?: Facets;
  /** Where the next page begins; absent on the last one. */
  readonly cursor?: string;
}

/** Chunks a side is asked for at first. */
export const DEPTH = 300;
/** The same for a list that pages are read of. */
const CURSOR_DEPTH = 1_000;
/** How much further each next look goes while too few hits are left. */
const WIDENING = 4;
/** Terms of a query that are looked up: more cost the server milliseconds and change next to nothing. */
const MOST_TERMS = 1_000;
/** Hits read at a time where a smallest similarity decides how many are needed. */
const READ_AHEAD = 50;

/** What belongs to a search beside its request. */
export interface Look extends HybridSearch {
  /** The terms of each question, by collection. */
  readonly terms: readonly (readonly (readonly string[])[])[];
}

/** Makes terms of the questions' words, where words are looked up. */
export async function withTerms(search: HybridSearch): Promise<Look> {
  const { collections, questions, mode } = search;
  const termsIn = (collection: Collection) =>
    questions.map(({ query }) => (mode === 'vector' ? [] : queryTerms(collection, query)));
  return { ...search, terms: await Promise.all(collections.map((one) => Promise.all(termsIn(one)))) };
}

/** Looks all sides up at once, makes one order of them and reads the page asked for in another. */
export async function findHybrid(parts: HybridParts, look: Look): Promise<HybridAnswer> {
  const { request } = look;
  if (typeof request.cursor === 'string') return readFurther(parts, look, request.cursor);
  const rebuilt = new Set<Collection>();
  const least = Math.max(request.cursor ? CURSOR_DEPTH : DEPTH, request.offset + request.topK);
  for (let depth = least; ; depth = Math.min(depth * WIDENING, MAX_CANDIDATES)) {
    const found = await lookUp(parts, { look, depth, rebuilt });
    const ranking = await order(parts, { look, found, depth });
    const page = await readPage(parts, { look, ranking, from: request.offset });
    const isComplete = depth >= MAX_CANDIDATES || isExhausted(found, request, depth);
    if (page.matches.length < request.topK && !isComplete) continue;
    const facets = await facetsOf(parts, look, ranking);
    const isKept = request.cursor === true && (page.end < ranking.length || !isComplete);
    const kept = { ranking, depth, isComplete };
    const cursor = isKept ? cursorAt(await keepRanking(parts.cursors, request, kept), page.end) : undefined;
    return {
      ...{ matches: page.matches, rebuilt: [...rebuilt] },
      ...(facets && { facets }),
      ...(cursor !== undefined && { cursor }),
    };
  }
}

/** A further page; where the kept list runs out before all was found, it is made longer and kept anew. */
async function readFurther(parts: HybridParts, look: Look, cursor: string): Promise<HybridAnswer> {
  const { request } = look;
  const place = await openCursor(parts.cursors, request, cursor);
  let { cursorId, ranking, depth, isComplete } = place;
  const rebuilt = new Set<Collection>();
  const matches: HybridMatch[] = [];
  let end = place.from;
  for (;;) {
    const rest = { ...look, request: { ...request, topK: request.topK - matches.length } };
    const page = await readPage(parts, { look: rest, ranking, from: end, isKept: true });
    matches.push(...page.matches);
    end = page.end;
    if (matches.length >= request.topK || isComplete) break;
    depth = Math.min(depth * WIDENING, MAX_CANDIDATES);
    const found = await lookUp(parts, { look, depth, rebuilt });
    const known = new Set(ranking.map(({ key }) => key));
    const further = await order(parts, { look, found, depth });
    ranking = [...ranking, ...further.filter(({ key }) => !known.has(key))];
    isComplete = depth >= MAX_CANDIDATES || isExhausted(found, request, depth);
    cursorId = await keepRanking(parts.cursors, request, { ranking, depth, isComplete });
  }
  const isMore = end < ranking.length || !isComplete;
  return { matches, rebuilt: [...rebuilt], ...(isMore && { cursor: cursorAt(cursorId, end) }) };
}

/** Counts over what was found, without what is too unlike. */
async function facetsOf(
  { vectorIndex }: HybridParts,
  { request, collections, questions }: Look,
  ranking: readonly Ranked[],
): Promise<Facets | undefined> {
  const { facets: names, minScore } = request;
  if (!names) return undefined;
  if (minScore === undefined) return countFacets(vectorIndex, ranking, { names, collections });
  const embeddings = await vectorIndex.embeddings(
    ranking.map(({ key, at }) => ({ key, collection: collections[at] as Collection })),
  );
  const vectors = await Promise.all(questions.map(({ vector }) => vector));
  const similar = ranking.filter((_, at) => 1 - distanceOf(embeddings[at], vectors) >= minScore);
  return countFacets(vectorIndex, similar, { names, collections });
}

/** The terms of a query as a collection's chunks have them, each as often as the query has it. */
export async function queryTerms({ name, manifest }: Collection, query: string): Promise<string[]> {
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

/** What each side finds for each question in each collection. Words are looked up while the question is being embedded. */
export async function lookUp(
  { vectorIndex }: { readonly vectorIndex: Pick<VectorIndex, 'candidates'> },
  { look, depth, rebuilt }: { look: Look; depth: number; rebuilt: Set<Collection> },
): Promise<FoundList[]> {
  const ask = async (collection: Collection, at: number, queries: readonly SideQuery[]) => {
    if (queries.length === 0) return [];
    const answer = await vectorIndex.candidates(
      collection,
      queries.map(({ query }) => query),
    );
    if (answer.rebuilt) rebuilt.add(collection);
    return queries.map(({ query: { by }, question }, n): FoundList => {
      return { by, question, at, candidates: answer.lists[n] ?? [] };
    });
  };
  const found = await Promise.all(
    look.collections.flatMap((collection, at) => [
      ask(collection, at, wordsQueries(look, at, depth)),
      vectorQueries(look, at, depth).then((queries) => ask(collection, at, queries)),
    ]),
  );
  return found.flat();
}

/** A query, and the place of the question that it belongs to. */
interface SideQuery {
  readonly query: CandidateQuery;
  readonly question: number;
}

async function vectorQueries(look: Look, at: number, depth: number): Promise<SideQuery[]> {
  const { filters, request, mode, questions } = look;
  if (mode === 'text') return [];
  const collection = look.collections[at] as Collection;
  const vectors = await Promise.all(questions.map(({ vector }) => vector));
  // An HNSW index gives no more than it looked at.
  const efRuntime = Math.max(request.efRuntime ?? collection.manifest.index.efRuntime, depth);
  const same = { collection, topK: depth, filter: filters[at], efRuntime, exact: request.exact };
  return vectors.map((vector, question) => ({ question, query: nearestQuery({ ...same, vector }) }));
}

function wordsQueries({ filters, mode, terms }: Look, at: number, depth: number): SideQuery[] {
  // Beside the vectors the words around a chunk may find it; whoever asks for words alone wants to see one in each hit.
  const options = { filter: filters[at], limit: depth, own: mode === 'text' };
  return (terms[at] ?? []).flatMap((asked, question) =>
    asked.length === 0 ? [] : [{ question, query: wordsQuery(asked, options) }],
  );
}

/** Whether looking further cannot give more hits: all was found, or the farthest is too unlike already. */
function isExhausted(found: readonly FoundList[], { minScore }: SearchRequest, depth: number): boolean {
  const nearest = found.filter(({ by }) => by === 'distance');
  const isBeyond = ({ candidates }: FoundList) =>
    candidates.length < depth || (minScore !== undefined && 1 - (candidates.at(-1)?.value ?? 0) < minScore);
  if (minScore !== undefined && nearest.length > 0) return nearest.every(isBeyond);
  return found.every(({ candidates }) => candidates.length < depth);
}

/** The order of an answer before its page is read, with all options of the request. */
export async function order(
  parts: HybridParts,
  { look, found, depth }: { look: Look; found: readonly FoundList[]; depth: number },
): Promise<readonly Ranked[]> {
  const { request, mode, questions, collections, excluded } = look;
  const { fusion, weight, maxPerDocument } = request;
  const all = rank(found, { fusion, weight, mode, questions: questions.length, depth });
  const others = excluded === undefined ? all : all.filter(({ key }) => key !== excluded);
  const { vectorIndex } = parts;
  const adjusted = await adjustScores({ vectorIndex, collections, now: parts.now() }, others, request);
  const limited =
    maxPerDocument === undefined ? adjusted : await firstOfEach(parts, adjusted, maxPerDocument);
  return diversify({ vectorIndex, collections }, limited, request);
}

/** The best `most` chunks of each document, in the order they had. */
export async function firstOfEach(
  { vectorIndex }: Pick<HybridParts, 'vectorIndex'>,
  ranking: readonly Ranked[],
  most: number,
): Promise<readonly Ranked[]> {
  const rows = await vectorIndex.fields(
    ranking.map(({ key }) => key),
    ['doc_id'],
  );
  const counts = new Map<string, number>();
  return ranking.filter(({ at, key }, place) => {
    // A chunk that was deleted meanwhile counts for itself.
    const document = `${at} ${rows[place]?.[0] ?? key}`;
    const count = (counts.get(document) ?? 0) + 1;
    counts.set(document, count);
    return count <= most;
  });
}

/** Reads hits until the page is full: some were deleted since they were found, or are not similar enough. */
async function readPage(
  { vectorIndex }: HybridParts,
  {
    look,
    ranking,
    from,
    isKept = false,
  }: { look: Look; ranking: readonly Ranked[]; from: number; isKept?: boolean },
): Promise<{ matches: HybridMatch[]; end: number }> {
  const { topK, minScore } = look.request;
  const vectors = await Promise.all(look.questions.map(({ vector }) => vector));
  // What one question alone found may be nearer to another one.
  const isAnew = isKept || vectors.length > 1;
  const matches: HybridMatch[] = [];
  // Places left out are those of the order, whether or not they are similar enough: pages must not overlap.
  let end = from;
  while (end < ranking.length && matches.length < topK) {
    const wanted = topK - matches.length;
    const part = ranking.slice(end, end + (minScore === undefined ? wanted : Math.max(READ_AHEAD, wanted)));
    // Since a list was kept, chunks may have changed so that the filter excludes them now.
    const passing = isKept ? await stillPassing(vectorIndex, look, part) : undefined;
    const contents = await readContents(vectorIndex, { collections: look.collections, part, isAnew });
    for (const [at, chunk] of contents.entries()) {
      if (matches.length >= topK) break;
      end += 1;
      const ranked = part[at] as Ranked;
      if (!chunk || passing?.has(ranked.key) === false) continue;
      const match = toMatch(ranked, chunk, { vectors, terms: look.terms, isAnew });
      if (match && 1 - match.distance >= (minScore ?? -1)) matches.push(match);
    }
  }
  return { matches, end };
}

async function stillPassing(
  vectorIndex: HybridParts['vectorIndex'],
  { collections, filters }: Look,
  part: readonly Ranked[],
): Promise<Set<string>> {
  const passing = await Promise.all(
    collections.map((collection, at) => {
      const keys = part.filter((one) => one.at === at).map(({ key }) => key);
      const filter = filters[at];
      return filter ? vectorIndex.matching(collection, filter, keys) : keys;
    }),
  );
  return new Set(passing.flat());
}

async function readContents(
  vectorIndex: HybridParts['vectorIndex'],
  {
    collections,
    part,
    isAnew,
  }: { collections: readonly Collection[]; part: readonly Ranked[]; isAnew: boolean },
): Promise<(CandidateContents | undefined)[]> {
  const known = new Set(
    part.filter(({ distance }) => distance !== undefined && !isAnew).map(({ key }) => key),
  );
  const contents = new Map<string, CandidateContents | undefined>();
  await Promise.all(
    collections.map(async (collection, at) => {
      const keys = part.filter((one) => one.at === at).map(({ key }) => key);
      if (keys.length === 0) return;
      const chunks = await vectorIndex.contents(collection, keys, (key) => !known.has(key));
      for (const [n, chunk] of chunks.entries()) contents.set(keys[n] as string, chunk);
    }),
  );
  return part.map(({ key }) => contents.get(key));
}

function toMatch(
  { at, distance, key: _, ...places }: Ranked,
  { embedding, terms: held, ...chunk }: CandidateContents,
  {
    vectors,
    terms,
    isAnew,
  }: Pick<Look, 'terms'> & { readonly vectors: readonly Float32Array[]; readonly isAnew: boolean },
): HybridMatch | undefined {
  const known = (isAnew ? undefined : distance) ?? distanceOf(embedding, vectors);
  if (Number.isNaN(known)) return undefined;
  const matchedTerms = [...new Set(terms[at]?.flat())].filter((term) => held.has(term));
  return { ...chunk, ...places, distance: Math.min(2, Math.max(0, known)), matchedTerms };
}

/** The distance to the nearest question; NaN where the chunk has no vector that can be compared. */
function distanceOf(embedding: Float32Array | undefined, vectors: readonly Float32Array[]): number {
  if (!embedding) return Number.NaN;
  return Math.min(...vectors.map((vector) => 1 - cosine(vector, embedding)));
}
