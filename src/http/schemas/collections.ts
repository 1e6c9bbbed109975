import { z } from 'zod';
import { manifest } from '../../schema/knowledge.ts';

/** What a collection holds and how its index is, see `CollectionStatus`. */
export const collectionStatus = z.object({
  name: z.string(),
  documents: z.int(),
  chunks: z.int().nullable(),
  dimensions: z.int(),
  model: z.string().nullable(),
  indexState: z.enum(['ready', 'indexing', 'lost']),
  index: z
    .object({
      index: z.string(),
      documents: z.int(),
      indexing: z.boolean(),
      percentIndexed: z.number(),
      failures: z.int(),
      lastFailure: z.string().optional(),
      memoryBytes: z.number(),
    })
    .optional(),
  indexKind: z.enum(['hnsw', 'flat']),
  auto: z.boolean(),
  building: z.object({ index: z.string(), kind: z.string(), indexed: z.number() }).optional(),
});

export const collectionList = z.object({ items: z.array(collectionStatus) });

/** One collection, with what it was made with. */
export const collectionAnswer = collectionStatus.extend({
  version: z.int(),
  createdAt: z.coerce.date(),
  manifest,
});

export const deletedCollection = z.object({ deleted: z.int() });
