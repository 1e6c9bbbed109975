import type { Collection } from '../stores/knowledge/collections.ts';
import type { DocumentChunk } from './document-chunks.ts';
import type { AnsweredSearch, Rankings } from './explain-ranking.ts';

/** How a chunk stands on one side of a search. */
export interface Standing {
  /** `vectorScore`, or BM25 score. */
  readonly score: number;
  /** Place among all chunks that pass the filter, from 1; absent beyond 10,000 and where the filter excludes it. */
  readonly rank?: number;
  /** Whether this side gave it to the search. */
  readonly isCandidate: boolean;
}

/** How a chunk of the document stands. */
export interface ChunkExplanation {
  readonly chunkId: string;
  readonly vector?: Standing;
  readonly text?: Standing;
  /** Place and score in the order of both sides. */
  readonly fused?: { readonly rank: number; readonly score: number };
  /** Place in the answer, `offset` included. */
  readonly hit?: number;
  readonly passesFilter: boolean;
  /** Terms of the query that it holds, and those it lacks. */
  readonly matchedTerms: readonly string[];
  readonly missingTerms: readonly string[];
  /** Why it cannot be found as it is stored. */
  readonly problem?: string;
}

/** How a chunk of a document stands in a search. */
export function explainChunk(
  chunk: DocumentChunk,
  {
    asked,
    rankings,
    collection,
    terms,
    lastFailure,
  }: {
    asked: AnsweredSearch;
    rankings: Rankings;
    collection: Collection;
    terms: readonly string[];
    lastFailure: string | undefined;
  },
): ChunkExplanation {
  const { key, chunkId, contents, distance, textScore, passesFilter } = chunk;
  const standing = (side: 'vector' | 'text', score: number): Standing => {
    const rank = rankings[side].get(key);
    return { score, ...(rank !== undefined && { rank }), isCandidate: rankings.candidates[side].has(key) };
  };
  const fused = rankings.fused.get(key);
  const hit = asked.hits.findIndex((one) => one.chunkId === chunkId && one.collection === collection.name);
  const problem = problemOf(chunk, { collection, lastFailure, vector: asked.vector });
  return {
    chunkId,
    ...(distance !== undefined && { vector: standing('vector', 1 - distance) }),
    ...(textScore !== undefined && { text: standing('text', textScore) }),
    ...(fused && { fused }),
    ...(hit !== -1 && { hit: asked.request.offset + hit + 1 }),
    passesFilter,
    matchedTerms: terms.filter((term) => contents?.terms.has(term)),
    missingTerms: terms.filter((term) => !contents?.terms.has(term)),
    ...(problem !== undefined && { problem }),
  };
}

/** Why a chunk cannot be found as it is stored, or `undefined`. */
function problemOf(
  { contents, isIndexed, distance }: DocumentChunk,
  {
    collection: { manifest },
    lastFailure,
    vector,
  }: Pick<AnsweredSearch, 'vector'> & { collection: Collection; lastFailure: string | undefined },
): string | undefined {
  if (!contents) return 'it is not stored, although the document counts it';
  const { embedding, terms } = contents;
  const dimensions = embedding?.length ?? 0;
  if (dimensions !== manifest.dimensions) {
    return dimensions === 0
      ? `it has no vector of ${manifest.dimensions} dimensions`
      : `its vector has ${dimensions} dimensions, the collection's have ${manifest.dimensions}`;
  }
  if (!isIndexed) {
    return `the index does not hold it${lastFailure === undefined ? '' : ` (its latest error: ${lastFailure})`}`;
  }
  if (vector && distance === undefined)
    return 'its vector is all zeros or holds NaN, so that it has no direction';
  if (manifest.analyser && terms.size === 0) return 'no words are indexed for it';
  return undefined;
}

/** Hits first, then as far as the search got them, then by meaning. */
export function byPlace(a: ChunkExplanation, b: ChunkExplanation): number {
  const last = Number.POSITIVE_INFINITY;
  return (
    difference(a.hit ?? last, b.hit ?? last) ||
    difference(a.fused?.rank ?? last, b.fused?.rank ?? last) ||
    difference(b.vector?.score ?? -2, a.vector?.score ?? -2)
  );
}

/** Infinity minus itself is no number. */
function difference(a: number, b: number): number {
  return a === b ? 0 : a - b;
}
