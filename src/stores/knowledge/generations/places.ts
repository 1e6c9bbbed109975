import { StackloreError } from '../../../errors.ts';
import { slotText } from '../../../schema/key.ts';
import { chunkRecord, documentRecord } from '../../../schema/knowledge.ts';
import { publicationRecord } from '../../../schema/publication.ts';
import { chunkIdOf } from '../document-ids.ts';

/** Where the numbers of chunks begin that wait for their places, which are those from 0: beyond any document's. */
export const PARKED = 1_000_000_000;

/** The key under which the publication of a document is, in the slot of the document's key. Throws `invalid_input`. */
export function publicationKey(documentKey: string): string {
  const tag = slotText(documentKey);
  const key = publicationRecord.key.buildRaw({ document: `{${tag}}` });
  if (slotText(key) === tag) return key;
  throw new StackloreError('invalid_input', {
    message: `"${documentRecord.key.parse(documentKey)?.docId ?? documentKey}" cannot be the id of a document that is published in steps, because of its braces. Give an id without them.`,
  });
}

/** Where the nth chunk of a document may be: under the raw key of other writers, where that differs, and our own. */
export function chunkKeysAt(collection: string, docId: string, n: number): readonly string[] {
  return chunkRecord.key.candidates({ collection, chunkId: chunkIdOf(docId, n) });
}

/** Numbers in order, some at a time. */
export function* numbersInBatches(from: number, to: number, size: number): Generator<number[]> {
  for (let at = from; at < to; at += size) {
    yield Array.from({ length: Math.min(size, to - at) }, (_, n) => at + n);
  }
}
