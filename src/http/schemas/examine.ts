import { z } from 'zod';
import { SEARCH_MODES } from '../../search/request.ts';

const texts = z.array(z.string());
const standing = z.object({ score: z.number(), rank: z.int().optional(), isCandidate: z.boolean() });

/** Why a document is, or is not, in an answer, see `Explanation`. */
export const explanationAnswer = z.object({
  docId: z.string(),
  collection: z.string(),
  title: z.string().optional(),
  mode: z.enum(SEARCH_MODES),
  outcome: z.enum([
    ...(['found', 'not_stored', 'not_indexed', 'excluded_by_filter', 'below_min_score'] as const),
    ...(['without_words', 'beyond_depth', 'beyond_page', 'missed_by_index', 'left_out'] as const),
  ]),
  reasons: texts,
  hit: z.int().optional(),
  terms: texts,
  stopWords: texts,
  missingTerms: texts,
  failedConditions: z.array(
    z.object({ condition: z.unknown(), chunks: z.int(), value: z.unknown().optional() }),
  ),
  depth: z.int(),
  chunks: z.array(
    z.object({
      chunkId: z.string(),
      vector: standing.optional(),
      text: standing.optional(),
      fused: z.object({ rank: z.int(), score: z.number() }).optional(),
      hit: z.int().optional(),
      passesFilter: z.boolean(),
      matchedTerms: texts,
      missingTerms: texts,
      problem: z.string().optional(),
    }),
  ),
  chunkCount: z.int(),
  warnings: texts,
});

/** What became of a cited text, see `CitationCheck`. */
export const citationCheck = z.object({
  docId: z.string(),
  status: z.enum(['unchanged', 'moved', 'changed', 'gone', 'unreadable']),
  comparedWith: z.enum(['stored', 'source']),
  start: z.int().optional(),
  end: z.int().optional(),
  contentHash: z.string().optional(),
  documentChanged: z.boolean().optional(),
  source: z.string().optional(),
  reason: z.string(),
});
