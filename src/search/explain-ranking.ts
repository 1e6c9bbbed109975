import type { Collection } from '../stores/knowledge/collections.ts';
import type { Candidate } from '../stores/knowledge/vector-index.ts';
import type { CompiledFilter } from './filter.ts';
import { findPage, firstOfEach, type HybridParts } from './hybrid.ts';
import type { Look } from './look-up.ts';
import { nearestQuery } from './query.ts';
import type { FoundList, Ranked } from './rank.ts';
import { MAX_CANDIDATES, type SearchMode, type SearchRequest } from './request.ts';
import { isRanked, type SearchHit } from './search.ts';
import { wordsQuery } from './words-query.ts';

/** Where the chunks of a search stand, each by its key. */
export interface Rankings {
  /** How many chunks a side gave the search that is explained. */
  readonly depth: number;
  /** Places among all chunks that pass the filter, from 1, as far as 10,000. */
  readonly vector: ReadonlyMap<string, number>;
  readonly text: ReadonlyMap<string, number>;
  /** Chunks that the search itself had of either side. */
  readonly candidates: { readonly vector: ReadonlySet<string>; readonly text: ReadonlySet<string> };
  /** Place and score in the search's own order, of which the page is read. */
  readonly fused: ReadonlyMap<string, { readonly rank: number; readonly score: number }>;
}

/** A search as it was carried out. */
export interface AnsweredSearch {
  readonly collections: readonly Collection[];
  /** One for each collection, and so are the terms. */
  readonly filters: readonly (CompiledFilter | undefined)[];
  readonly terms: readonly (readonly string[])[];
  readonly request: SearchRequest;
  readonly mode: SearchMode;
  /** Absent where words alone are looked up and no model makes one. */
  readonly vector?: Float32Array | undefined;
  readonly hits: readonly SearchHit[];
}

/** Ranks all chunks by each side, and once more as the search did. */
export async function rankAll(parts: HybridParts, search: AnsweredSearch): Promise<Rankings> {
  const { collections, filters, terms, vector, mode } = search;
  const answers = await Promise.all(
    collections.map(async (collection, at) => {
      const filter = filters[at];
      const nearest = vector
        ? [nearestQuery({ collection, vector, topK: MAX_CANDIDATES, filter, exact: true })]
        : [];
      const looked = terms[at] ?? [];
      const worded =
        looked.length > 0
          ? [wordsQuery(looked, { own: mode === 'text', filter, limit: MAX_CANDIDATES })]
          : [];
      const queries = [...nearest, ...worded];
      if (queries.length === 0) return [];
      const { lists } = await parts.vectorIndex.candidates(collection, queries);
      return queries.map(({ by }, n) => ({ by, at, candidates: lists[n] ?? [] }));
    }),
  );
  const listOf = (side: FoundList['by']) =>
    answers
      .flat()
      .filter(({ by }) => by === side)
      .flatMap(({ at, candidates }) => candidates.map((candidate) => ({ ...candidate, at })));
  const byDistance = listOf('distance').sort((a, b) => a.value - b.value || (a.key < b.key ? -1 : 1));
  const byWords = listOf('text').sort((a, b) => b.value - a.value);
  return {
    vector: places(byDistance),
    text: places(byWords),
    ...(mode === 'vector' && !isRanked(search.request)
      ? await rankByVector(parts, search, byDistance)
      : await rankAsSearched(parts, search)),
  };
}

function places(list: readonly Candidate[]): Map<string, number> {
  return new Map(list.map(({ key }, at) => [key, at + 1]));
}

type SearchOrder = Omit<Rankings, 'vector' | 'text'>;

/** A vector search has no other order than the distances, of which a limit per document leaves some out. */
async function rankByVector(
  parts: HybridParts,
  { request }: AnsweredSearch,
  byDistance: readonly (Candidate & { readonly at: number })[],
): Promise<SearchOrder> {
  const { offset, topK, maxPerDocument } = request;
  const nearest = byDistance.map(({ key, at, value }): Ranked => ({ key, at, score: 1 - value }));
  const order = maxPerDocument === undefined ? nearest : await firstOfEach(parts, nearest, maxPerDocument);
  const last = order[offset + topK - 1];
  // With a limit, the search looks on until the page is full or nothing more is there.
  const all = last ? nearest.indexOf(last) + 1 : nearest.length;
  const depth = maxPerDocument === undefined ? offset + topK : all;
  return {
    depth,
    candidates: { vector: new Set(nearest.slice(0, depth).map(({ key }) => key)), text: new Set() },
    fused: new Map(order.map(({ key, score }, at) => [key, { rank: at + 1, score }])),
  };
}

/** Looks as far as the search did. */
async function rankAsSearched(parts: HybridParts, search: AnsweredSearch): Promise<SearchOrder> {
  const { collections, filters, request, mode, vector, terms } = search;
  const look: Look = {
    ...{ collections, filters, request, mode },
    questions: [{ query: request.query ?? '', ...(vector && { vector }) }],
    terms: terms.map((asked) => [[...asked]]),
  };
  const { found, ranking, depth } = await findPage(parts, look);
  return {
    depth,
    candidates: { vector: keysOf(found, 'distance'), text: keysOf(found, 'text') },
    fused: new Map(ranking.map(({ key, score }, at) => [key, { rank: at + 1, score }])),
  };
}

function keysOf(found: readonly FoundList[], side: FoundList['by']): Set<string> {
  const lists = found.filter(({ by }) => by === side);
  return new Set(lists.flatMap(({ candidates }) => candidates.map(({ key }) => key)));
}
