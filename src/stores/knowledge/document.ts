import type { DocumentMetadata } from '../../schema/knowledge.ts';

/** A document as it is listed and read: its metadata and its id. */
export type StoredDocument = DocumentMetadata & { readonly docId: string };

/** A document to publish; what the store itself knows (counts, times of an earlier version) is not asked for. */
export interface NewDocument {
  readonly docId: string;
  readonly title: string;
  readonly source: string;
  readonly contentType: string;
  readonly wordCount: number;
  /** Content hash, lower-case hex. */
  readonly hash: string;
  readonly metadata?: Readonly<Record<string, unknown>>;
  /** Where it was read from: `file`, `url`, `stdin` or `program`. */
  readonly origin?: string;
  /** Source of the file that holds the document as one of its rows. */
  readonly container?: string;
}

/** A chunk to publish, in order; `text` is the document's text from `start` to `end` (UTF-16 offsets). */
export interface NewChunk {
  readonly text: string;
  readonly start?: number;
  readonly end?: number;
  readonly headings?: readonly string[];
  readonly page?: number;
  /** Hash of exactly what was embedded, so that the vector can be kept when the chunk stays the same. */
  readonly inputHash?: string;
  /** The id by which other programs know the chunk; by default made from collection, document and number. */
  readonly nodeId?: string;
  /** Metadata of this chunk alone, over the document's. */
  readonly metadata?: Readonly<Record<string, unknown>>;
}

/** A stored chunk without its embedding. */
export interface StoredChunk {
  readonly chunkId: string;
  readonly nodeId: string;
  readonly text: string;
  readonly metadata: Readonly<Record<string, unknown>>;
}

/** Where a chunk stands in its document. */
export interface ChunkPlace {
  /** The headings it stands under, the outermost first. */
  readonly headings: readonly string[];
  /** UTF-16 offsets into the document's text; absent in chunks of writers that store none. */
  readonly start?: number;
  readonly end?: number;
  /** Page of a paged document, from 1. */
  readonly page?: number;
}

/** A stored chunk with its place; `index` is its number in the document, from 0. */
export interface PlacedChunk extends StoredChunk, ChunkPlace {
  readonly index: number;
}
