import type { Candidate } from '../stores/knowledge/vector-index.ts';
import { fuse, type Scored } from './fuse.ts';
import type { SearchMode, SearchRequest } from './request.ts';

/** A candidate in the order of an answer, with what is known of it before it is read. */
export interface Ranked {
  readonly key: string;
  /** Its collection's place in the request. */
  readonly at: number;
  readonly score: number;
  readonly distance?: number;
  readonly textScore?: number;
  readonly vectorRank?: number;
  readonly textRank?: number;
}

/** What one side of one question found in one collection, best first. */
export interface FoundList {
  readonly by: 'distance' | 'text';
  readonly question: number;
  readonly at: number;
  readonly candidates: readonly Candidate[];
}

/** How found lists become one. */
export interface RankOptions extends Pick<SearchRequest, 'fusion' | 'weight'> {
  readonly mode: SearchMode;
  readonly questions: number;
  /** How many candidates each list could have had. */
  readonly depth: number;
}

/** One order of all that was found, best first; several questions count alike. */
export function rank(found: readonly FoundList[], options: RankOptions): Ranked[] {
  const orders = Array.from({ length: options.questions }, (_, question) =>
    rankOne(
      found.filter((list) => list.question === question),
      options,
    ),
  );
  return orders.length === 1 ? (orders[0] as Ranked[]) : combine(orders);
}

function rankOne(found: readonly FoundList[], { mode, fusion, weight, depth }: RankOptions): Ranked[] {
  // Built without copies: this runs for hundreds of candidates in every search.
  const places = new Map<string, { -readonly [Name in keyof Ranked]: Ranked[Name] }>();
  const vector: Scored[] = [];
  const text: Scored[] = [];
  for (const { by, at, candidates } of found) {
    for (const { key, value } of candidates) {
      let place = places.get(key);
      if (!place) {
        place = { key, at, score: 0 };
        places.set(key, place);
      }
      if (by === 'distance') {
        place.distance = value;
        vector.push({ key, value: 1 - value });
      } else {
        place.textScore = value;
        text.push({ key, value });
      }
    }
  }
  for (const list of [vector, text]) list.sort((a, b) => b.value - a.value || (a.key < b.key ? -1 : 1));
  const isTextComplete = found.every(({ by, candidates }) => by === 'distance' || candidates.length < depth);
  const order =
    mode === 'hybrid' ? fuse({ vector, text, isTextComplete }, { method: fusion, weight }) : undefined;
  const ranking: Ranked[] = [];
  for (const [at, one] of (order ?? (mode === 'text' ? text : vector)).entries()) {
    const ranked = places.get(one.key);
    if (!ranked) continue;
    if ('score' in one) {
      ranked.score = one.score;
      if (one.vectorRank !== undefined) ranked.vectorRank = one.vectorRank;
      if (one.textRank !== undefined) ranked.textRank = one.textRank;
    } else {
      ranked.score = one.value;
      if (mode === 'text') ranked.textRank = at + 1;
      else ranked.vectorRank = at + 1;
    }
    ranking.push(ranked);
  }
  return ranking;
}

/** The mean of the scores; what a question did not find counts as its worst. */
function combine(orders: readonly (readonly Ranked[])[]): Ranked[] {
  const all = new Map<string, Ranked>();
  for (const order of orders) {
    for (const one of order) {
      const known = all.get(one.key);
      all.set(one.key, known ? bestOf(known, one) : one);
    }
  }
  const sums = new Map<string, number>();
  for (const order of orders) {
    const scores = new Map(order.map(({ key, score }) => [key, score]));
    const worst = order.at(-1)?.score ?? 0;
    for (const key of all.keys()) sums.set(key, (sums.get(key) ?? 0) + (scores.get(key) ?? worst));
  }
  return sortRanked(
    [...all.values()].map((one) => ({ ...one, score: (sums.get(one.key) ?? 0) / orders.length })),
  );
}

function bestOf(a: Ranked, b: Ranked): Ranked {
  const distance = least(a.distance, b.distance);
  const vectorRank = least(a.vectorRank, b.vectorRank);
  const textRank = least(a.textRank, b.textRank);
  const textScore = Math.max(a.textScore ?? 0, b.textScore ?? 0);
  return {
    ...{ key: a.key, at: a.at, score: 0 },
    ...(distance !== undefined && { distance }),
    ...(vectorRank !== undefined && { vectorRank }),
    ...(textRank !== undefined && { textRank, textScore }),
  };
}

function least(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? (a ?? b) : Math.min(a, b);
}

/** Best first; equal ones by key, so that the same search gives the same order. */
export function sortRanked(ranking: readonly Ranked[]): Ranked[] {
  return ranking.toSorted((a, b) => b.score - a.score || (a.key < b.key ? -1 : 1));
}
