import { z } from 'zod';

/** A document's metadata, see `StoredDocument`. */
export const documentAnswer = z.object({
  docId: z.string(),
  title: z.string(),
  source: z.string(),
  contentType: z.string(),
  createdAt: z.coerce.date(),
  updatedAt: z.coerce.date(),
  chunkCount: z.int(),
  wordCount: z.int(),
  hash: z.string(),
  collection: z.string().optional(),
  manifestHash: z.string().optional(),
  metadata: z.record(z.string(), z.unknown()).optional(),
  origin: z.string().optional(),
  container: z.string().optional(),
});

/** Documents, and those of the page whose records cannot be read. */
export const documentList = z.object({
  items: z.array(documentAnswer),
  total: z.int(),
  isTotalExact: z
    .boolean()
    .describe(
      'False where total is how many of the first 10,000 documents fit: there may be more, see next.',
    ),
  next: z.string().optional().describe('Given as after, it lists what follows; absent at the end.'),
  unreadable: z.array(z.object({ docId: z.string(), key: z.string(), problem: z.string() })),
});

/** The chunks of a document, in order. */
export const chunkList = z.object({
  items: z.array(
    z.object({
      chunkId: z.string(),
      nodeId: z.string(),
      index: z.int(),
      text: z.string(),
      start: z.int().optional(),
      end: z.int().optional(),
      headings: z.array(z.string()),
      page: z.int().optional(),
      metadata: z.record(z.string(), z.unknown()),
    }),
  ),
  total: z.int(),
});

export const deletedDocument = z.object({ docId: z.string(), deleted: z.int() });
