import { chunkIdOf } from '../../stores/knowledge/document-ids.ts';
import { aliasOf } from '../../stores/knowledge/index-aliases.ts';

/** A chunk that is to be looked at, with the id of the document that it named; empty where it named none. */
export interface ChunkPlace {
  readonly key: string;
  readonly collection: string;
  readonly chunkId: string;
  readonly docId: string;
}

/** What is true of a chunk. */
export interface ChunkLook {
  readonly key: string;
  readonly collection: string;
  /** Of its vector. */
  readonly bytes: number;
  /** 0 when its document counts it, else `GONE` or `UNCOUNTED`. */
  readonly state: number;
  /** Absent where no index can tell. */
  readonly isIndexed?: boolean;
}

/** Its document is gone, or shows other chunks. */
export const GONE = 1;
/** Its document is in another collection or counts fewer chunks. */
export const UNCOUNTED = 2;

/** The search that tells which of these chunks an index holds. */
export function findIndexed(collection: string, keys: readonly string[]): string[] {
  const limit = ['NOCONTENT', 'LIMIT', '0', String(keys.length), 'TIMEOUT', '0', 'DIALECT', '2'];
  return ['FT.SEARCH', aliasOf(collection), '*', 'INKEYS', String(keys.length), ...keys, ...limit];
}

/** The number in a chunk's id; nothing where it has none of a document in its steady state. */
export function numberOf(chunkId: string, docId: string): string {
  const prefix = chunkIdOf(docId, 0).slice(0, -1);
  const number = chunkId.startsWith(prefix) ? chunkId.slice(prefix.length) : '';
  return /^\d{1,9}$/.test(number) ? number : '';
}
