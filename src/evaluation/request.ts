import { z } from 'zod';
import { invalidRequest, parse, searchRequest } from '../search/request.ts';
import { count } from '../search/request-fields.ts';

const path = z.string('must be the path of a file').min(1, 'must be the path of a file');
const id = z.string('must be text').min(1, 'must not be empty');

/** How every query of an evaluation is searched: the options of a search, but for what the evaluation itself decides. */
export const searchSettings = searchRequest.omit({
  ...{ query: true, vector: true, collection: true, collections: true },
  ...{ topK: true, offset: true, maxPerDocument: true, userId: true },
  ...{ like: true, queries: true, cursor: true, facets: true, window: true },
});

/** What an evaluation takes; at most one of `collection` and `collections`. */
export const evaluationRequest = z.strictObject({
  /** Path of a JSON Lines file of `{"_id", "text"}`, or the queries themselves. */
  queries: z.union(
    [path, z.array(z.strictObject({ queryId: id, text: id }))],
    'must be the path of a file, or a list of { queryId, text }',
  ),
  /** Path of a file of query id, document id and grade (qrels), or the judgements themselves. */
  qrels: z.union(
    [path, z.array(z.strictObject({ queryId: id, docId: id, grade: z.int() }))],
    'must be the path of a file, or a list of { queryId, docId, grade }',
  ),
  collection: searchRequest.shape.collection,
  collections: searchRequest.shape.collections,
  /** The depth of nDCG, recall and MRR. */
  k: count(1, 1_000).default(10),
  /** How the queries are searched; the defaults of `search` otherwise. */
  search: searchSettings.prefault({}),
  /** Other settings, compared with the first over the same queries. */
  compare: searchSettings.optional(),
  /** Where the documents found are written in TREC's form; those of `compare` go into a file beside it. */
  run: path.optional(),
  /** Whether the HNSW index is compared with exact search, too. */
  indexRecall: z.boolean().default(true),
});

/** An evaluation as callers write it. */
export type EvaluationInput = z.input<typeof evaluationRequest>;
/** A checked evaluation. */
export type EvaluationRequest = z.output<typeof evaluationRequest>;
/** Search settings as callers write them. */
export type SearchSettings = z.input<typeof searchSettings>;

/** Checks an evaluation. Throws `invalid_input` naming each bad field. */
export function parseEvaluationRequest(input: unknown): EvaluationRequest {
  return parse(evaluationRequest, input);
}

/** The collections a request means, each once. Throws `invalid_input` where they are given in both ways. */
export function collectionNames({
  collection,
  collections,
}: {
  readonly collection?: string | undefined;
  readonly collections?: readonly string[] | undefined;
}): string[] {
  if (collection !== undefined && collections !== undefined) {
    throw invalidRequest('collections: give either collection or collections, not both.');
  }
  return collections ? [...new Set(collections)] : [collection ?? 'default'];
}
