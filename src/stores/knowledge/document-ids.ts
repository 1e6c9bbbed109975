import { createHash } from 'node:crypto';
import { StackloreError } from '../../errors.ts';
import { checkId } from '../../schema/key.ts';
import { CHUNK_PREFIX, chunkRecord } from '../../schema/knowledge.ts';

/** The id of a document that was given none: the same for the same source in the same collection. */
export function defaultDocId(collection: string, source: string): string {
  return createHash('sha256').update(`${collection}\n${source}`).digest('hex').slice(0, 32);
}

/** The id of a document's nth chunk. */
export function chunkIdOf(docId: string, index: number): string {
  return `${docId}_chunk_${index}`;
}

/** Checks an id that a caller gives to a document. Throws `invalid_input`. */
export function checkDocId(docId: string): string {
  checkId('doc id', docId);
  if (docId.trim() !== docId) {
    // RediSearch trims tags, so such an id could never be filtered by.
    throw new StackloreError('invalid_input', {
      message: 'A doc id cannot begin or end with a space. Trim it.',
    });
  }
  return docId;
}

/** The key of a document's nth chunk. */
export function chunkKey(collection: string, docId: string, index: number): string {
  return chunkRecord.key.build({ collection, chunkId: chunkIdOf(docId, index) });
}

/** What precedes every chunk id in the keys of a collection. */
export function chunkPrefix(collection: string): string {
  return `${CHUNK_PREFIX}${collection}/`;
}

/** What precedes the number of a chunk, in a key or an id: the same for all chunks of a document. */
export function documentOfChunk(key: string): string {
  return key.replace(/_chunk_\d+$/, '');
}
