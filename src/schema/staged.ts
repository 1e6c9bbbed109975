import { integer, text } from './fields.ts';
import { chunkRecord } from './knowledge.ts';
import { hash, type ValueOf } from './record.ts';

/** What precedes the keys of chunks that are staged, followed by the collection and `:`. */
export const STAGED_CHUNK_PREFIX = 'stacklore:staged-chunk:';

/** A chunk that waits beside the live ones of its document: cut anew and not live yet, or kept to be rolled back to. */
export const stagedChunkRecord = hash({
  database: 'knowledge',
  key: 'stacklore:staged-chunk:{collection}:{chunkId}',
  description:
    'A chunk of another size beside the live ones: not live yet, or live before a reindex that can still be rolled back.',
  isHelper: true,
  fields: chunkRecord.fields,
});

/** The staged chunks of a document, which all of them take the place of its live ones. */
export const stagedDocumentRecord = hash({
  database: 'knowledge',
  key: 'stacklore:staged-document:{collection}:{docId}',
  description: 'How many chunks of a document are staged, what they fit, and how they came about.',
  isHelper: true,
  fields: {
    chunkCount: integer,
    /** Hash of the manifest that the staged chunks fit. */
    manifestHash: text,
    /** What tells the version of the document that they are of from others. */
    version: text,
    /** Digest of what else they depend on: declared fields, analyser, vector type. */
    madeWith: text,
    way: text,
  },
});
export type StagedDocument = ValueOf<typeof stagedDocumentRecord>;
