import { z } from 'zod';
import { RecordError } from '../errors.ts';
import { isId } from '../schema/key.ts';
import { analyserOf } from '../stores/knowledge/chunk-terms.ts';
import type { Collection } from '../stores/knowledge/collections.ts';
import type { Documents } from '../stores/knowledge/documents.ts';
import type { VectorIndex } from '../stores/knowledge/vector-index.ts';
import { words } from '../text/words.ts';
import { type FailedCondition, readDocumentChunks } from './document-chunks.ts';
import { byPlace, type ChunkExplanation, explainChunk } from './explain-chunk.ts';
import { type AnsweredSearch, rankAll } from './explain-ranking.ts';
import { describeOutcome, type Outcome } from './explain-reasons.ts';
import { compileFilter } from './filter.ts';
import { findDocuments } from './find-documents.ts';
import { queryTerms } from './look-up.ts';
import { parse, parseSearchRequest, type SearchMode, type SearchRequest, searchRequest } from './request.ts';
import { type SearchParts, search } from './search.ts';

export type { ChunkExplanation, Standing } from './explain-chunk.ts';

/** Options that ask for something else than hits of one question, and what is made of hits once they are found. */
const UNEXPLAINED = {
  ...({ like: true, queries: true, cursor: true, facets: true, window: true } as const),
  ...({ rerank: true, highlight: true } as const),
};

/** What is explained: a search, and the document that is looked for in its answer. */
export const explainRequest = searchRequest.omit(UNEXPLAINED).extend({
  /** A doc id, the `_id` of a row, or a source. */
  docId: z.string('must be the id of a document').min(1, 'must be the id of a document'),
});

/** An explanation as callers ask for it. */
export type ExplainInput = z.input<typeof explainRequest>;

/** How an explanation is made. */
export interface ExplainOptions {
  /**
   * Whether it may name a collection that was not searched as the one that has the document; by default it may. Where
   * this is given, a document that cannot be read is as if it were not there: it may be of any collection.
   */
  readonly mayName?: (collection: string) => boolean;
}

/** What an explanation works with. */
export interface ExplainParts extends SearchParts {
  readonly documents: Pick<Documents, 'find'>;
  readonly vectorIndex: SearchParts['vectorIndex'] & Pick<VectorIndex, 'findHealth'>;
}

/** Why a document is, or is not, in the answer of a search. */
export interface Explanation {
  readonly docId: string;
  readonly collection: string;
  readonly title?: string;
  readonly mode: SearchMode;
  readonly outcome: Outcome;
  /** Sentences, the decisive one first. */
  readonly reasons: readonly string[];
  /** Place of the document's best hit in the answer, from 1, `offset` included. */
  readonly hit?: number;
  /** The query as words are looked up, and the words that say too little. */
  readonly terms: readonly string[];
  readonly stopWords: readonly string[];
  /** Terms that no chunk of the document holds. */
  readonly missingTerms: readonly string[];
  readonly failedConditions: readonly FailedCondition[];
  /** How many chunks of each side the search looked at. */
  readonly depth: number;
  /** The best 20 chunks of the document, best first, and how many it has. */
  readonly chunks: readonly ChunkExplanation[];
  readonly chunkCount: number;
  readonly warnings: readonly string[];
}

const MOST_CHUNKS = 20;

/** Explains where a document stands in the answer of a search. Throws what `search` throws. */
export async function explain(
  parts: ExplainParts,
  input: ExplainInput,
  { mayName }: ExplainOptions = {},
): Promise<Explanation> {
  const { docId: name, ...rest } = parse(explainRequest, input);
  const { asked, warnings } = await carryOut(parts, parseSearchRequest(rest));
  const { request, mode, collections } = asked;
  const documents = mayName ? readableOf(parts.documents) : parts.documents;
  const document = (await findDocuments(documents, request.collections, [name])).get(name);
  const docId = document?.docId ?? name;
  const place = collections.findIndex((one) => one.name === document?.collection);
  const collection = collections[Math.max(0, place)] as Collection;
  const terms = [...new Set(asked.terms[Math.max(0, place)])];
  const looked = { collection, document, docId, vector: asked.vector, terms, mode, filter: request.filter };
  const [{ chunks, failed: failedConditions }, rankings, health] = await Promise.all([
    readDocumentChunks(parts.vectorIndex, looked),
    rankAll({ ...parts, now: parts.now ?? Date.now }, asked),
    parts.vectorIndex.findHealth(collection),
  ]);
  const context = { asked, rankings, collection, terms, lastFailure: health?.lastFailure };
  const explained = chunks.map((chunk) => explainChunk(chunk, context)).sort(byPlace);
  const held = new Set(chunks.flatMap(({ contents }) => [...(contents?.terms ?? [])]));
  const findings = {
    ...{ docId, collection: collection.name, mode, terms, failedConditions, depth: rankings.depth },
    stopWords: mode === 'vector' ? [] : await stopWordsOf(collection, request.query ?? ''),
    missingTerms: terms.filter((term) => !held.has(term)),
  };
  const elsewhere = document ? undefined : await findElsewhere(documents, name);
  const { index } = collection.manifest;
  const isApproximate = index.kind === 'hnsw' && !request.exact;
  const { outcome, reasons } = describeOutcome({
    ...{ ...findings, request, isStored: document !== undefined, chunks: explained },
    ...(decidesBy(rest) && { maxDistance: rest.maxDistance }),
    ...(elsewhere !== undefined && (mayName?.(elsewhere) ?? true) && { elsewhere }),
    ...(isApproximate && { efRuntime: request.efRuntime ?? index.efRuntime }),
  });
  const hit = explained[0]?.hit;
  return {
    ...{ ...findings, ...(document && { title: document.title }), outcome, reasons },
    ...(hit !== undefined && { hit }),
    ...{ chunks: explained.slice(0, MOST_CHUNKS), chunkCount: explained.length, warnings },
  };
}

/** Whether `maxDistance` is what became the least score. */
function decidesBy({ maxDistance, minScore = -1 }: Pick<ExplainInput, 'maxDistance' | 'minScore'>): boolean {
  return maxDistance !== undefined && 1 - maxDistance >= minScore;
}

/** Searches as `search` does, and keeps what it was made of. */
async function carryOut(
  parts: ExplainParts,
  request: SearchRequest,
): Promise<{ asked: AnsweredSearch; warnings: readonly string[] }> {
  const { hits, mode, warnings } = await search(parts, request);
  const collections = await Promise.all(request.collections.map((name) => parts.collections.getRecent(name)));
  const { filter, query = '' } = request;
  const filters = collections.map(({ manifest }) => filter && compileFilter(filter, manifest.fields));
  const terms = await Promise.all(
    collections.map((one) => (mode === 'vector' ? [] : queryTerms(one, query))),
  );
  // In mode "text" collections of given vectors are searched without one.
  const isEmbedded = collections.some(({ manifest }) => manifest.model);
  const vector =
    request.vector ?? (isEmbedded ? await (await parts.embedder()).embedQuery(query) : undefined);
  return { asked: { collections, request, mode, hits, filters, terms, vector }, warnings };
}

/** The collection of a document that none of those searched has. */
async function findElsewhere(
  documents: ExplainParts['documents'],
  name: string,
): Promise<string | undefined> {
  return isId(name) ? (await documents.find(name))?.collection : undefined;
}

/** The same documents without those that cannot be read. */
function readableOf(documents: ExplainParts['documents']): ExplainParts['documents'] {
  return {
    find: (docId) =>
      documents.find(docId).catch((error: unknown) => {
        if (error instanceof RecordError) return undefined;
        throw error;
      }),
  };
}

async function stopWordsOf({ manifest }: Collection, query: string): Promise<string[]> {
  const analyser = await analyserOf(manifest);
  return analyser ? [...new Set(words(query))].filter((word) => analyser.analyse(word) === '') : [];
}
