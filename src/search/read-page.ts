import type { Collection } from '../stores/knowledge/collections.ts';
import type { PageGenerations } from '../stores/knowledge/generations/visible-chunks.ts';
import type { CandidateContents, VectorIndex } from '../stores/knowledge/vector-index.ts';
import { cosine } from './cosine.ts';
import { type Look, vectorsOf } from './look-up.ts';
import type { Ranked } from './rank.ts';

/** A hit of a search that ranks candidates before it reads them. */
export interface HybridMatch extends Omit<CandidateContents, 'embedding' | 'terms'> {
  /** Absent where there is no vector to compare with. */
  readonly distance?: number;
  readonly score: number;
  /** BM25 score; absent when the chunk was not among the best of the words' side. */
  readonly textScore?: number;
  readonly vectorRank?: number;
  readonly textRank?: number;
  /** The terms of the query that the chunk holds, in the query's order. */
  readonly matchedTerms: readonly string[];
}

/** What a page is read from. */
export interface PageParts {
  readonly vectorIndex: Pick<VectorIndex, 'contents' | 'matching'>;
}

/** Hits read at a time where a smallest similarity decides how many are needed. */
const READ_AHEAD = 50;

/** Reads hits until the page is full: some were deleted since they were found, or are not similar enough. */
export async function readPage(
  { vectorIndex }: PageParts,
  {
    look,
    ranking,
    from,
    isKept = false,
  }: { look: Look; ranking: readonly Ranked[]; from: number; isKept?: boolean },
): Promise<{ matches: HybridMatch[]; end: number }> {
  const { topK, minScore } = look.request;
  const vectors = await vectorsOf(look.questions);
  // What one question alone found may be nearer to another one.
  const isAnew = isKept || vectors.length > 1;
  const isLacking = ({ distance }: Ranked) => vectors.length > 0 && (isAnew || distance === undefined);
  // A list that was kept may name chunks that were replaced since; they are left out like those that were deleted.
  const generations: PageGenerations | undefined = isKept ? undefined : new Map();
  const matches: HybridMatch[] = [];
  // Places left out are those of the order, whether or not they are similar enough: pages must not overlap.
  let end = from;
  while (end < ranking.length && matches.length < topK) {
    const wanted = topK - matches.length;
    const part = ranking.slice(end, end + (minScore === undefined ? wanted : Math.max(READ_AHEAD, wanted)));
    // Since a list was kept, chunks may have changed so that the filter excludes them now.
    const passing = isKept ? await stillPassing(vectorIndex, look, part) : undefined;
    const asked = { collections: look.collections, part, isLacking, generations };
    const contents = await readContents(vectorIndex, asked);
    for (const [at, chunk] of contents.entries()) {
      if (matches.length >= topK) break;
      end += 1;
      const ranked = part[at] as Ranked;
      if (!chunk || passing?.has(ranked.key) === false) continue;
      const match = toMatch(ranked, chunk, { vectors, terms: look.terms, isAnew });
      if (match && 1 - (match.distance ?? 0) >= (minScore ?? -1)) matches.push(match);
    }
  }
  return { matches, end };
}

async function stillPassing(
  vectorIndex: PageParts['vectorIndex'],
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
  vectorIndex: PageParts['vectorIndex'],
  {
    collections,
    part,
    isLacking,
    generations,
  }: {
    collections: readonly Collection[];
    part: readonly Ranked[];
    /** Whether the distance has to be computed, from the stored vector. */
    isLacking: (one: Ranked) => boolean;
    generations: PageGenerations | undefined;
  },
): Promise<(CandidateContents | undefined)[]> {
  const lacking = new Set(part.filter(isLacking).map(({ key }) => key));
  const contents = new Map<string, CandidateContents | undefined>();
  await Promise.all(
    collections.map(async (collection, at) => {
      const keys = part.filter((one) => one.at === at).map(({ key }) => key);
      if (keys.length === 0) return;
      const chunks = await vectorIndex.contents(collection, keys, (key) => lacking.has(key), generations);
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
  const matchedTerms = [...new Set(terms[at]?.flat())].filter((term) => held.has(term));
  if (vectors.length === 0) return { ...chunk, ...places, matchedTerms };
  const known = (isAnew ? undefined : distance) ?? distanceOf(embedding, vectors);
  if (Number.isNaN(known)) return undefined;
  return { ...chunk, ...places, distance: Math.min(2, Math.max(0, known)), matchedTerms };
}

/** The distance to the nearest question; NaN where the chunk has no vector that can be compared. */
export function distanceOf(embedding: Float32Array | undefined, vectors: readonly Float32Array[]): number {
  if (!embedding) return Number.NaN;
  return Math.min(...vectors.map((vector) => 1 - cosine(vector, embedding)));
}
