import { placeOf } from '../stores/knowledge/chunk-metadata.ts';
import type { ChunkMatch } from '../stores/knowledge/vector-index.ts';
import type { Highlights } from './highlight.ts';
import type { HybridMatch } from './read-page.ts';
import type { Surroundings } from './surroundings.ts';

/** A chunk found. */
export interface SearchHit {
  readonly chunkId: string;
  readonly docId: string;
  readonly nodeId: string;
  readonly collection: string;
  readonly text: string;
  /** Orders the hits of one answer, larger is better. */
  readonly score: number;
  /** 1 − `distance`: the cosine of the angle between query and chunk. Absent where a query has no vector, see `SearchRequest.mode`. */
  readonly vectorScore?: number;
  /** Cosine distance, 0 to 2; absent like `vectorScore`. */
  readonly distance?: number;
  /** BM25 score of the query's words; absent where they were not looked up or others have far more of them. */
  readonly textScore?: number;
  /** Places among the candidates of each side, from 1; absent where a side was not asked, or did not find the chunk, and in a plain search by meaning. */
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

/** Boosts and decay move the score of a search by meaning, too; words play no part in it. */
export function toVectorHit({ score, vectorRank, ...match }: HybridMatch): SearchHit {
  return { ...describe(match, score), ...(vectorRank !== undefined && { vectorRank }) };
}

/** A match of words, or of meaning and words. */
export function toHybridHit(match: HybridMatch): SearchHit {
  const { score, textScore, vectorRank, textRank, matchedTerms } = match;
  return {
    ...describe(match, score),
    ...(textScore !== undefined && { textScore }),
    ...(vectorRank !== undefined && { vectorRank }),
    ...(textRank !== undefined && { textRank }),
    matchedTerms,
  };
}

/** A match of meaning alone. */
export function toHit(match: ChunkMatch): SearchHit {
  return describe(match, 1 - match.distance);
}

/** A match as callers see it. Chunks of other writers may lack title, source and offsets, or have odd ones. */
function describe(
  match: Omit<ChunkMatch, 'distance'> & Pick<HybridMatch, 'distance'>,
  score: number,
): SearchHit {
  const { metadata, distance } = match;
  const source = textOf(metadata.source) ?? match.docId;
  return {
    chunkId: match.chunkId,
    docId: match.docId,
    nodeId: match.nodeId,
    collection: match.collection,
    text: match.text,
    score,
    ...(distance !== undefined && { vectorScore: 1 - distance, distance }),
    title: textOf(metadata.title) ?? source,
    source,
    ...placeOf(metadata),
    metadata,
  };
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value.trim() !== '' ? value : undefined;
}
