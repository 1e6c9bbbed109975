import type { Collection } from '../stores/knowledge/collections.ts';
import { againIfExchanged } from '../stores/knowledge/generations/exchanged.ts';
import type { SearchCursors } from '../stores/knowledge/search-cursors.ts';
import type { VectorIndex } from '../stores/knowledge/vector-index.ts';
import { adjustScores } from './adjust-scores.ts';
import { cursorAt, keepRanking, openCursor } from './cursor.ts';
import { diversify } from './diversify.ts';
import { countFacets, type Facets } from './facets.ts';
import { isExhausted, type Look, lookUp, vectorsOf } from './look-up.ts';
import { type FoundList, type Ranked, rank } from './rank.ts';
import { distanceOf, type HybridMatch, readPage } from './read-page.ts';
import { deeper, MAX_CANDIDATES } from './request.ts';

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
  /** Those whose words are not indexed yet, with the share of chunks, 0 to 1, that are. */
  readonly wordsMissing: ReadonlyMap<Collection, number>;
  readonly facets?: Facets;
  /** Where the next page begins; absent on the last one. */
  readonly cursor?: string;
}

/** Chunks a side is asked for at first. */
const DEPTH = 300;

/** The same for a list that pages are read of. */
const CURSOR_DEPTH = 1_000;

/** Looks all sides up at once, makes one order of them and reads the page asked for in another. */
export async function findHybrid(parts: HybridParts, look: Look): Promise<HybridAnswer> {
  const { request } = look;
  if (typeof request.cursor === 'string') return readFurther(parts, look, request.cursor);
  const rebuilt = new Set<Collection>();
  const wordsMissing = new Map<Collection, number>();
  const { ranking, depth, page, isComplete } = await findPage(parts, look, rebuilt, wordsMissing);
  const facets = await facetsOf(parts, look, ranking);
  const isKept = request.cursor === true && (page.end < ranking.length || !isComplete);
  const kept = { ranking, depth, isComplete };
  const cursor = isKept ? cursorAt(await keepRanking(parts.cursors, request, kept), page.end) : undefined;
  return {
    ...{ matches: page.matches, rebuilt: [...rebuilt], wordsMissing },
    ...(facets && { facets }),
    ...(cursor !== undefined && { cursor }),
  };
}

/** A page, and what it was read of. */
export interface FoundPage {
  readonly page: Awaited<ReturnType<typeof readPage>>;
  readonly found: readonly FoundList[];
  /** The order of all that was found. */
  readonly ranking: readonly Ranked[];
  /** How many chunks each side was asked for. */
  readonly depth: number;
  /** Whether looking further cannot give more hits. */
  readonly isComplete: boolean;
}

/** Looks as far as it takes to fill the page. Adds the collections whose index had to be rebuilt, and whose words are missing. */
export async function findPage(
  parts: HybridParts,
  look: Look,
  rebuilt = new Set<Collection>(),
  wordsMissing = new Map<Collection, number>(),
): Promise<FoundPage> {
  // A page of two versions of a document, or of neither, would be wrong.
  return againIfExchanged(() => findPageOnce(parts, { look, rebuilt, wordsMissing }));
}

async function findPageOnce(
  parts: HybridParts,
  {
    look,
    rebuilt,
    wordsMissing,
  }: { look: Look; rebuilt: Set<Collection>; wordsMissing: Map<Collection, number> },
): Promise<FoundPage> {
  const { request } = look;
  const least = Math.max(request.cursor ? CURSOR_DEPTH : DEPTH, request.offset + request.topK);
  for (let depth = least; ; depth = deeper(depth)) {
    const found = await lookUp(parts, { look, depth, rebuilt, wordsMissing });
    const ranking = await order(parts, { look, found, depth });
    const page = await readPage(parts, { look, ranking, from: request.offset });
    const isComplete = depth >= MAX_CANDIDATES || isExhausted(found, request, depth);
    if (page.matches.length >= request.topK || isComplete) return { page, found, ranking, depth, isComplete };
  }
}

/** A further page; where the kept list runs out before all was found, it is made longer and kept anew. */
async function readFurther(parts: HybridParts, look: Look, cursor: string): Promise<HybridAnswer> {
  const { request } = look;
  const place = await openCursor(parts.cursors, request, cursor);
  let { cursorId, ranking, depth, isComplete } = place;
  const rebuilt = new Set<Collection>();
  const wordsMissing = new Map<Collection, number>();
  const matches: HybridMatch[] = [];
  let end = place.from;
  for (;;) {
    const rest = { ...look, request: { ...request, topK: request.topK - matches.length } };
    const page = await readPage(parts, { look: rest, ranking, from: end, isKept: true });
    matches.push(...page.matches);
    end = page.end;
    if (matches.length >= request.topK || isComplete) break;
    depth = deeper(depth);
    const found = await lookUp(parts, { look, depth, rebuilt, wordsMissing });
    const known = new Set(ranking.map(({ key }) => key));
    const further = await order(parts, { look, found, depth });
    ranking = [...ranking, ...further.filter(({ key }) => !known.has(key))];
    isComplete = depth >= MAX_CANDIDATES || isExhausted(found, request, depth);
  }
  if (depth > place.depth) {
    cursorId = await keepRanking(parts.cursors, request, { ranking, depth, isComplete });
  }
  const isMore = end < ranking.length || !isComplete;
  return { matches, rebuilt: [...rebuilt], wordsMissing, ...(isMore && { cursor: cursorAt(cursorId, end) }) };
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
  const vectors = await vectorsOf(questions);
  const similar = ranking.filter((_, at) => 1 - distanceOf(embeddings[at], vectors) >= minScore);
  return countFacets(vectorIndex, similar, { names, collections });
}

/** The order of an answer before its page is read, with all options of the request. */
async function order(
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
