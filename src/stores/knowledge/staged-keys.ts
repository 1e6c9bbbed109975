import { STAGED_CHUNK_PREFIX, stagedChunkRecord, stagedDocumentRecord } from '../../schema/staged.ts';
import { chunkIdOf } from './document-ids.ts';

/** What precedes the keys of a collection's staged chunks; an index of them has exactly this prefix. */
export function stagedPrefix(collection: string): string {
  return `${STAGED_CHUNK_PREFIX}${collection}:`;
}

/** What precedes the number in the keys of a document's staged chunks. */
export function stagedKeyPrefix(collection: string, docId: string): string {
  return stagedChunkRecord.key.build({ collection, chunkId: chunkIdOf(docId, 0) }).slice(0, -1);
}

/** The globs of everything that is staged of a collection. */
export function stagedPatterns(collection: string): string[] {
  return [stagedChunkRecord, stagedDocumentRecord].flatMap(({ key }) => key.patternsOf({ collection }));
}
