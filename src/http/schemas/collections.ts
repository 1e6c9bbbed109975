import { z } from 'zod';
import { manifest } from '../../schema/knowledge.ts';

const bytes = z.int();

/** What a chunk takes by part, see `ChunkMemory`. */
const chunkMemory = z.object({
  totalBytes: bytes,
  hash: z.object({
    totalBytes: bytes,
    vectorBytes: bytes,
    textBytes: bytes,
    wordsBytes: bytes,
    otherBytes: bytes,
  }),
  index: z.object({
    totalBytes: bytes,
    vectorBytes: bytes,
    graphBytes: bytes,
    wordsBytes: bytes,
    otherBytes: bytes,
  }),
  savings: z.object({
    float16Bytes: bytes.optional(),
    flatBytes: bytes.optional(),
    packedBytes: bytes.optional(),
  }),
});

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
  memory: chunkMemory.optional(),
  indexKind: z.enum(['hnsw', 'flat']),
  auto: z.boolean(),
  building: z.object({ index: z.string(), kind: z.string(), indexed: z.number() }).optional(),
});

/** Collections whose records cannot be read, and why. */
export const unreadableCollections = z.array(
  z.object({ name: z.string(), key: z.string(), problem: z.string() }),
);

export const collectionList = z.object({
  items: z.array(collectionStatus),
  unreadable: unreadableCollections,
});

/** One collection, with what it was made with. */
export const collectionAnswer = collectionStatus.extend({
  version: z.int(),
  createdAt: z.coerce.date(),
  manifest,
});

export const deletedCollection = z.object({ deleted: z.int() });
