import { StackloreError } from '../../../errors.ts';
import { chunkRecord, documentRecord } from '../../../schema/knowledge.ts';
import { publicationRecord } from '../../../schema/publication.ts';
import { chunkIdOf } from '../document-ids.ts';

/** Where the numbers of chunks begin that wait for their places, which are those from 0: beyond any document's. */
export const PARKED = 1_000_000_000;

/** The key under which the publication of a document is, in the slot of the document's key. Throws `invalid_input`. */
export function publicationKey(documentKey: string): string {
  return publicationRecord.key.buildRaw({ document: `{${slotTag(documentKey)}}` });
}

/** What decides on the slot of a key: what is between its first braces, if there is something, else all of it. */
function slotTag(key: string): string {
  const tag = /^[^{]*\{([^}]+)\}/s.exec(key)?.[1] ?? key;
  if (!tag.includes('}')) return tag;
  throw new StackloreError('invalid_input', {
    message: `"${documentRecord.key.parse(key)?.docId ?? key}" cannot be the id of a document that is published in steps: it holds a "}" without a "{…" before it. Give another id.`,
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
