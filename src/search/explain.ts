import { z } from 'zod';
import { StackloreError } from '../errors.ts';
import { analyserOf } from '../stores/knowledge/chunk-terms.ts';
import type { Collection } from '../stores/knowledge/collections.ts';
import type { Documents } from '../stores/knowledge/documents.ts';
import type { VectorIndex } from '../stores/knowledge/vector-index.ts';
import { words } from '../text/words.ts';
import { type DocumentChunk, type FailedCondition, readDocumentChunks } from './document-chunks.ts';
import { type AnsweredSearch, type Rankings, rankAll } from './explain-ranking.ts';
import { describeOutcome, type Outcome } from './explain-reasons.ts';
import { compileFilter } from './filter.ts';
import { findDocuments } from './find-documents.ts';
import { queryTerms } from './hybrid.ts';
import { parse, parseSearchRequest, type SearchMode, searchRequest } from './request.ts';
import { type SearchParts, search } from './search.ts';

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

/** How a chunk stands on one side of a search. */
export interface Standing {
  /** `vectorScore`, or BM25 score. */
  readonly score: number;
  /** Place among all chunks that pass the filter, from 1; absent beyond 10,000 and where the filter excludes it. */
  readonly rank?: number;
  /** Whether this side gave it to the search. */
  readonly isCandidate: boolean;
}

/** How a chunk of the document stands. */
export interface ChunkExplanation {
  readonly chunkId: string;
  readonly vector?: Standing;
  readonly text?: Standing;
  /** Place and score in the order of both sides. */
  readonly fused?: { readonly rank: number; readonly score: number };
  /** Place in the answer, `offset` included. */
  readonly hit?: number;
  readonly passesFilter: boolean;
  /** Terms of the query that it holds, and those it lacks. */
  readonly matchedTerms: readonly string[];
  readonly missingTerms: readonly string[];
  /** Why it cannot be found as it is stored. */
  readonly problem?: string;
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

function explainChunk(
  chunk: DocumentChunk,
  {
    asked,
    rankings,
    collection,
    terms,
    lastFailure,
  }: {
    asked: AnsweredSearch;
    rankings: Rankings;
    collection: Collection;
    terms: readonly string[];
    lastFailure: string | undefined;
  },
): ChunkExplanation {
  const { key, chunkId, contents, distance, textScore, passesFilter } = chunk;
  const standing = (side: 'vector' | 'text', score: number): Standing => {
    const rank = rankings[side].get(key);
    return { score, ...(rank !== undefined && { rank }), isCandidate: rankings.candidates[side].has(key) };
  };
  const fused = rankings.fused.get(key);
  const hit = asked.hits.findIndex((one) => one.chunkId === chunkId && one.collection === collection.name);
  const problem = problemOf(chunk, collection, lastFailure);
  return {
    chunkId,
    ...(distance !== undefined && { vector: standing('vector', 1 - distance) }),
    ...(textScore !== undefined && { text: standing('text', textScore) }),
    ...(fused && { fused }),
    ...(hit !== -1 && { hit: asked.request.offset + hit + 1 }),
    passesFilter,
    matchedTerms: terms.filter((term) => contents?.terms.has(term)),
    missingTerms: terms.filter((term) => !contents?.terms.has(term)),
    ...(problem !== undefined && { problem }),
  };
}

/** Why a chunk cannot be found as it is stored, or `undefined`. */
function problemOf(
  { contents, isIndexed, distance }: DocumentChunk,
  { manifest }: Collection,
  lastFailure: string | undefined,
): string | undefined {
  if (!contents) return 'it is not stored, although the document counts it';
  const { embedding, terms } = contents;
  const dimensions = embedding?.length ?? 0;
  if (dimensions !== manifest.dimensions) {
    return dimensions === 0
      ? `it has no vector of ${manifest.dimensions} dimensions`
      : `its vector has ${dimensions} dimensions, the collection's have ${manifest.dimensions}`;
  }
  if (!isIndexed) {
    return `the index does not hold it${lastFailure === undefined ? '' : ` (its latest error: ${lastFailure})`}`;
  }
  if (distance === undefined) return 'its vector is all zeros or holds NaN, so that it has no direction';
  if (manifest.analyser && terms.size === 0) return 'no words are indexed for it';
  return undefined;
}

/** Hits first, then as far as the search got them, then by meaning. */
function byPlace(a: ChunkExplanation, b: ChunkExplanation): number {
  const last = Number.POSITIVE_INFINITY;
  return (
    difference(a.hit ?? last, b.hit ?? last) ||
    difference(a.fused?.rank ?? last, b.fused?.rank ?? last) ||
    difference(b.vector?.score ?? -2, a.vector?.score ?? -2)
  );
}

/** Infinity minus itself is no number. */
function difference(a: number, b: number): number {
  return a === b ? 0 : a - b;
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
