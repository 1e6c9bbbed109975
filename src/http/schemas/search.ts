import { z } from 'zod';

const span = z.object({ start: z.int(), end: z.int() });
const texts = z.array(z.string());

const place = {
  source: z.string(),
  title: z.string(),
  headings: texts,
  start: z.int().optional(),
  end: z.int().optional(),
  page: z.int().optional(),
};

const searchHit = z.object({
  chunkId: z.string(),
  docId: z.string(),
  nodeId: z.string(),
  collection: z.string(),
  text: z.string(),
  score: z.number(),
  vectorScore: z.number().optional(),
  distance: z.number().optional(),
  textScore: z.number().optional(),
  vectorRank: z.int().optional(),
  textRank: z.int().optional(),
  matchedTerms: texts.optional(),
  ...place,
  rerankScore: z.number().optional(),
  highlights: z
    .object({
      matchedWords: z.array(span.extend({ terms: texts })),
      nearestSentence: span.optional(),
    })
    .optional(),
  metadata: z.record(z.string(), z.unknown()),
  window: z.object({ before: texts, after: texts }).optional(),
});

/** What a search is answered with, see `SearchAnswer`. */
export const searchAnswer = z.object({
  hits: z.array(searchHit),
  warnings: texts,
  mode: z.enum(['hybrid', 'vector', 'text']),
  rerankLatencyMs: z.number().optional(),
  facets: z.record(z.string(), z.array(z.object({ value: z.string(), count: z.int() }))).optional(),
  cursor: z.string().optional(),
  /** The earlier question whose answer this is, and the cosine of both. */
  earlier: z.object({ query: z.string(), similarity: z.number() }).optional(),
});

const citation = z.object({
  number: z.int(),
  collection: z.string(),
  docId: z.string(),
  ...place,
  chunkIds: texts,
  score: z.number(),
  text: z.string(),
  contentHash: z.string().optional(),
});

const factCitation = z.object({
  label: z.string(),
  factId: z.string(),
  source: z.string(),
  category: z.string(),
  confidence: z.number(),
  verified: z.boolean(),
  score: z.number(),
});

/** What a context look-up is answered with, see `ContextAnswer`. */
export const contextAnswer = z.object({
  text: z.string(),
  citations: z.array(citation),
  tokens: z.int(),
  omitted: z.array(
    z.object({
      collection: z.string(),
      chunkId: z.string(),
      reason: z.enum(['budget', 'duplicate', 'cut']),
    }),
  ),
  messages: z.array(z.object({ role: z.enum(['system', 'user']), content: z.string() })).optional(),
  warnings: texts,
  facts: z
    .object({
      citations: z.array(factCitation),
      omitted: z.array(z.object({ factId: z.string(), reason: z.enum(['budget', 'duplicate']) })),
    })
    .optional(),
  rerankLatencyMs: z.number().optional(),
});

const mapPlace = { x: z.number(), y: z.number() };

/** What a map is answered with, see `CollectionMap`. */
export const collectionMap = z.object({
  collection: z.string(),
  version: z.int(),
  points: z.array(z.object({ chunkId: z.string(), docId: z.string(), title: z.string(), ...mapPlace })),
  documents: z.int(),
  chunks: z.int(),
  explainedVariance: z.object(mapPlace),
  query: z.object(mapPlace).optional(),
  hits: z.array(z.object({ chunkId: z.string(), ...mapPlace })).optional(),
  warnings: texts,
});
