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

/** The document whose chunk has this id, by the form of the id; `undefined` where other programs form it otherwise. */
export function docIdOfChunk(chunkId: string): string | undefined {
  return /^(.+)_chunk_/su.exec(chunkId)?.[1];
}

/**
 * The ids of chunks so many places away in the same document, or their keys for a key; `undefined` before the first one.
 * Nothing at all where other programs do not number their chunks.
 */
export function chunksBeside(chunkId: string, steps: readonly number[]): (string | undefined)[] {
  const [, start, number] = /^(.*_chunk_)(\d+)$/su.exec(chunkId) ?? [];
  if (start === undefined) return [];
  return steps.map((step) => {
    const place = Number(number) + step;
    return place < 0 ? undefined : `${start}${place}`;
  });
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

/** What precedes the number in the keys of a document's chunks: checking the same id for each would take longer. */
export function chunkKeyPrefix(collection: string, docId: string): string {
  return chunkKey(collection, docId, 0).slice(0, -1);
}

/** What precedes every chunk id in the keys of a collection. */
export function chunkPrefix(collection: string): string {
  return `${CHUNK_PREFIX}${collection}/`;
}

/** What a document's chunk ids are in a key before their number: escaped, and raw as other writers have them. */
export function chunkTails(docId: string): [escaped: string, raw: string] {
  const ids = { collection: 'x', chunkId: chunkIdOf(docId, 0) };
  const tail = (key: string) => key.slice(chunkPrefix('x').length, -1);
  const built = chunkRecord.key.build(ids);
  return [tail(built), tail(chunkRecord.key.candidates(ids)[0] ?? built)];
}
