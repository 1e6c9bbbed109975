import { type ErrorCode, errorMessage, StackloreError } from '../errors.ts';
import { nameOf } from '../search/find-documents.ts';
import { refinedSearch } from '../search/refined-search.ts';
import type { SearchParts } from '../search/search.ts';
import type { SearchSettings } from './request.ts';
import type { EvaluationQuery } from './test-set.ts';
import type { RankedDocument } from './trec-run.ts';

/** What one setting found for one query. */
export interface QueryRun {
  /** Documents by their best chunk, best first. */
  readonly ranking: readonly RankedDocument[];
  /** How the file they are rows of names the documents, by doc id. */
  readonly names: ReadonlyMap<string, string>;
  readonly latencyMs: number;
  readonly warnings: readonly string[];
  /** Why the query could not be searched; it counts as one that found nothing. */
  readonly failure?: string;
}

/** How a query is searched. */
export interface QueryRunOptions {
  readonly collections: readonly string[];
  readonly settings: SearchSettings;
  /** How many documents. */
  readonly depth: number;
}

/** Codes that say something of this query alone: the others can still be searched. */
const OF_ONE_QUERY: readonly ErrorCode[] = ['too_large', 'embedding_failed', 'invalid_vector'];

/** Searches one query as a caller would, reranking included, with the best chunk of each document. Throws what other queries would meet too. */
export async function runQuery(
  parts: SearchParts,
  { text }: EvaluationQuery,
  { collections, settings, depth }: QueryRunOptions,
): Promise<QueryRun> {
  const started = performance.now();
  try {
    const { hits, warnings } = await refinedSearch(parts, {
      ...settings,
      ...{ query: text, collections: [...collections], topK: depth, maxPerDocument: 1 },
    });
    return {
      ranking: hits.map(({ docId, score }) => ({ docId, score })),
      names: new Map(hits.map((hit) => [hit.docId, nameOf(hit)])),
      latencyMs: performance.now() - started,
      warnings,
    };
  } catch (error) {
    if (!(error instanceof StackloreError && OF_ONE_QUERY.includes(error.code))) throw error;
    const latencyMs = performance.now() - started;
    return { ranking: [], names: new Map(), latencyMs, warnings: [], failure: errorMessage(error) };
  }
}
