import type { Collection } from '../stores/knowledge/collections.ts';
import { chunkIdOfKey } from '../stores/knowledge/knn-reply.ts';
import type { Candidate, VectorIndex } from '../stores/knowledge/vector-index.ts';
import type { CompiledFilter } from './filter.ts';
import { DEPTH, type Look, lookUp } from './hybrid.ts';
import { nearestQuery } from './query.ts';
import { type FoundList, rank } from './rank.ts';
import { MAX_CANDIDATES, type SearchMode, type SearchRequest } from './request.ts';
import type { SearchHit } from './search.ts';
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
  /** Place and score in the search's own order, before limits for documents and similarity. */
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
  readonly vector: Float32Array;
  readonly hits: readonly SearchHit[];
}

type CandidateSource = Pick<VectorIndex, 'candidates'>;
const WIDENING = 4;

/** Ranks all chunks by each side, and once more as the search did. */
export async function rankAll(vectorIndex: CandidateSource, search: AnsweredSearch): Promise<Rankings> {
  const { collections, filters, terms, vector } = search;
  const answers = await Promise.all(
    collections.map(async (collection, at) => {
      const filter = filters[at];
      const nearest = nearestQuery({ collection, vector, topK: MAX_CANDIDATES, filter, exact: true });
      const looked = terms[at] ?? [];
      const worded = looked.length > 0 ? [wordsQuery(looked, { filter, limit: MAX_CANDIDATES })] : [];
      return (await vectorIndex.candidates(collection, [nearest, ...worded])).lists;
    }),
  );
  const order = (side: number) => answers.flatMap((lists) => lists[side] ?? []);
  const byDistance = order(0).sort((a, b) => a.value - b.value);
  const byWords = order(1).sort((a, b) => b.value - a.value);
  return {
    vector: places(byDistance),
    text: places(byWords),
    ...(search.mode === 'vector' ? rankByVector(search, byDistance) : await rankHybrid(vectorIndex, search)),
  };
}

function places(list: readonly Candidate[]): Map<string, number> {
  return new Map(list.map(({ key }, at) => [key, at + 1]));
}

type SearchOrder = Omit<Rankings, 'vector' | 'text'>;

/** A vector search has no other order than the distances, however many of them it had. */
function rankByVector({ request }: AnsweredSearch, byDistance: readonly Candidate[]): SearchOrder {
  const depth = request.offset + request.topK;
  return {
    depth,
    candidates: {
      vector: new Set(byDistance.slice(0, depth).map(({ key }) => key)),
      text: new Set(),
    },
    fused: new Map(byDistance.map(({ key, value }, at) => [key, { rank: at + 1, score: 1 - value }])),
  };
}

/** Looks as far as the search did: as far as it takes to have all of its hits. */
async function rankHybrid(vectorIndex: CandidateSource, search: AnsweredSearch): Promise<SearchOrder> {
  const { collections, filters, request, mode, vector, terms, hits } = search;
  const questions = [{ query: request.query ?? '', vector }];
  const look: Look = {
    ...{ collections, filters, request, mode, questions },
    terms: terms.map((looked) => [looked]),
  };
  const wanted = new Set(hits.map(({ collection, chunkId }) => `${collection} ${chunkId}`));
  const isFull = hits.length >= request.topK;
  for (
    let depth = Math.max(DEPTH, request.offset + request.topK);
    ;
    depth = Math.min(depth * WIDENING, MAX_CANDIDATES)
  ) {
    const found = await lookUp({ vectorIndex }, { look, depth, rebuilt: new Set() });
    const { fusion, weight } = request;
    const ranking = rank(found, { fusion, weight, mode, questions: 1, depth });
    const ids = new Set(
      ranking.map(({ at, key }) => {
        const name = collections[at]?.name ?? '';
        return `${name} ${chunkIdOfKey(name, key)}`;
      }),
    );
    const isExhausted = found.every(({ candidates }) => candidates.length < depth);
    const holdsHits = [...wanted].every((id) => ids.has(id));
    if ((isFull && holdsHits) || isExhausted || depth >= MAX_CANDIDATES) {
      return {
        depth,
        candidates: { vector: keysOf(found, 'distance'), text: keysOf(found, 'text') },
        fused: new Map(ranking.map(({ key, score }, at) => [key, { rank: at + 1, score }])),
      };
    }
  }
}

function keysOf(found: readonly FoundList[], side: FoundList['by']): Set<string> {
  const lists = found.filter(({ by }) => by === side).map(({ candidates }) => candidates);
  return new Set(lists.flat().map(({ key }) => key));
}
