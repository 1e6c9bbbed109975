import { z } from 'zod';
import { StackloreError } from '../errors.ts';
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
import { queryTerms } from './hybrid.ts';
import { parse, parseSearchRequest, type SearchMode, searchRequest } from './request.ts';
import { type SearchParts, search } from './search.ts';

export type { ChunkExplanation, Standing } from './explain-chunk.ts';

/** What is explained: a search, and the document that is looked for in its answer. */
export const explainRequest = searchRequest.extend({
  /** A doc id, the `_id` of a row, or a source. */
  docId: z.string('must be the id of a document').min(1, 'must be the id of a document'),
});

/** An explanation as callers ask for it. */
export type ExplainInput = z.input<typeof explainRequest>;

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
export async function explain(parts: ExplainParts, input: ExplainInput): Promise<Explanation> {
  const { docId: name, ...rest } = parse(explainRequest, input);
  const request = parseSearchRequest(rest);
  const answer = await search(parts, request);
  const collections = await Promise.all(request.collections.map((one) => parts.collections.getRecent(one)));
  const found = await findDocuments(parts.documents, request.collections, [name]);
  const document = found.get(name);
  const docId = document?.docId ?? name;
  const query = request.query ?? '';
  const asked: AnsweredSearch = {
    ...{ collections, request, mode: answer.mode, hits: answer.hits },
    filters: collections.map(({ manifest }) =>
      request.filter === undefined ? undefined : compileFilter(request.filter, manifest.fields),
    ),
    terms: await Promise.all(
      collections.map((one) => (answer.mode === 'vector' ? [] : queryTerms(one, query))),
    ),
    vector: request.vector ?? (await (await parts.embedder()).embedQuery(query)),
  };
  const at = Math.max(
    0,
    collections.findIndex((one) => one.name === document?.collection),
  );
  const collection = collections[at] as Collection;
  const terms = [...new Set(asked.terms[at])];
  const { vector } = asked;
  const looked = { collection, document, docId, vector, terms, filter: request.filter };
  const [{ chunks, failed }, rankings, health] = await Promise.all([
    readDocumentChunks(parts.vectorIndex, looked),
    rankAll(parts.vectorIndex, asked),
    parts.vectorIndex.findHealth(collection),
  ]);
  const lastFailure = health?.lastFailure;
  const explained = chunks
    .map((chunk) => explainChunk(chunk, { asked, rankings, collection, terms, lastFailure }))
    .sort(byPlace);
  const held = new Set(chunks.flatMap(({ contents }) => [...(contents?.terms ?? [])]));
  const missingTerms = terms.filter((term) => !held.has(term));
  const stopWords = answer.mode === 'vector' ? [] : await stopWordsOf(collection, query);
  const elsewhere = document ? undefined : (await parts.documents.find(name).catch(notAnId))?.collection;
  const { outcome, reasons } = describeOutcome({
    ...{ docId, collection: collection.name, request, mode: answer.mode, isStored: document !== undefined },
    ...{ chunks: explained, failedConditions: failed, depth: rankings.depth, terms, stopWords, missingTerms },
    ...(elsewhere !== undefined && { elsewhere }),
    efRuntime: request.efRuntime ?? collection.manifest.index.efRuntime,
  });
  const hit = explained.find((chunk) => chunk.hit !== undefined)?.hit;
  return {
    ...{ docId, collection: collection.name, ...(document && { title: document.title }), mode: answer.mode },
    ...{ outcome, reasons, ...(hit !== undefined && { hit }), terms, stopWords, missingTerms },
    ...{ failedConditions: failed, depth: rankings.depth },
    ...{ chunks: explained.slice(0, MOST_CHUNKS), chunkCount: explained.length, warnings: answer.warnings },
  };
}

async function stopWordsOf({ manifest }: Collection, query: string): Promise<string[]> {
  const analyser = await analyserOf(manifest);
  return analyser ? [...new Set(words(query))].filter((word) => analyser.analyse(word) === '') : [];
}

/** A name that can be no id names no document of another collection either. */
function notAnId(error: unknown): undefined {
  if (error instanceof StackloreError && error.code === 'invalid_input') return undefined;
  throw error;
}
