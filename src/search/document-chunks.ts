import { isId } from '../schema/key.ts';
import type { Collection } from '../stores/knowledge/collections.ts';
import type { StoredDocument } from '../stores/knowledge/document.ts';
import { chunkIdOf, chunkKey } from '../stores/knowledge/document-ids.ts';
import type { CandidateContents, CandidateQuery, VectorIndex } from '../stores/knowledge/vector-index.ts';
import { type CompiledFilter, compileFilter, type Filter } from './filter.ts';
import { nearestQuery } from './query.ts';
import { MAX_CANDIDATES, type SearchMode } from './request.ts';
import { wordsQuery } from './words-query.ts';

/** What the index and the store say of one chunk of a document, whatever the rest of the collection is like. */
export interface DocumentChunk {
  readonly key: string;
  readonly chunkId: string;
  /** Absent where nothing is stored under its key. */
  readonly contents?: CandidateContents;
  readonly isIndexed: boolean;
  /** Cosine distance, 0 to 2; absent where the chunk has no vector that can be compared. */
  readonly distance?: number;
  /** BM25 score of the query's terms; absent where it has none of them. */
  readonly textScore?: number;
  readonly passesFilter: boolean;
}

/** A condition of the filter that some chunk of the document does not meet. */
export interface FailedCondition {
  readonly condition: Filter;
  /** How many of the document's indexed chunks meet it. */
  readonly chunks: number;
  /** What the document has instead, where the condition is on one field and there is a value. */
  readonly value?: unknown;
}

/** What is looked for in a document. */
export interface DocumentQuery {
  readonly collection: Collection;
  readonly document: StoredDocument | undefined;
  readonly docId: string;
  /** Absent where words alone are looked up and no model makes one. */
  readonly vector?: Float32Array | undefined;
  readonly terms: readonly string[];
  readonly filter: Filter | undefined;
  readonly mode: SearchMode;
}

type ChunkSource = Pick<VectorIndex, 'candidates' | 'contents'>;

/** Longer than the analyser leaves any. */
const NO_TERM = 'x'.repeat(100);
/** Conditions that are tried one by one; a filter with more of them is tried as a whole. */
const MOST_CONDITIONS = 50;

/** Looks up all chunks of a document, in their order, and the conditions they fail. */
export async function readDocumentChunks(
  vectorIndex: ChunkSource,
  query: DocumentQuery,
): Promise<{ chunks: DocumentChunk[]; failed: FailedCondition[] }> {
  const { collection, document, docId, vector, terms, filter, mode } = query;
  // What cannot be an id has no chunks, and could not be asked for.
  if (!isId(docId)) return { chunks: [], failed: [] };
  const own = compile(collection, [{ docId }]);
  const worded = { own: mode === 'text', filter: own, limit: MAX_CANDIDATES };
  // Terms no chunk can hold keep the lists in their places where there is nothing to look up.
  const none = wordsQuery([NO_TERM], worded);
  const conditions = filter === undefined ? [] : conditionsOf(filter);
  const queries: CandidateQuery[] = [
    byText(own),
    vector ? nearestQuery({ collection, vector, topK: MAX_CANDIDATES, filter: own, exact: true }) : none,
    terms.length > 0 ? wordsQuery(terms, worded) : none,
    filter === undefined ? byText(own) : byText(compile(collection, [{ docId }, filter])),
    ...conditions.map((condition) => byText(compile(collection, [{ docId }, condition]))),
  ];
  const { lists } = await vectorIndex.candidates(collection, queries);
  const [indexed = new Map(), distances, scores, passing, ...meeting] = lists.map(
    (list) => new Map(list.map(({ key, value }) => [key, value])),
  );
  const places = placesOf(collection.name, { docId, document, indexed: [...indexed.keys()] });
  const contents = await vectorIndex.contents(collection, places);
  const chunks = places.map((key, at): DocumentChunk => {
    const distance = distances?.get(key);
    const textScore = scores?.get(key);
    const held = contents[at];
    return {
      ...{ key, chunkId: held?.chunkId ?? chunkIdOf(docId, at) },
      ...(held && { contents: held }),
      isIndexed: indexed.has(key),
      ...(distance !== undefined && { distance: Math.min(2, Math.max(0, distance)) }),
      ...(textScore !== undefined && { textScore }),
      passesFilter: passing?.has(key) ?? false,
    };
  });
  const failed = conditions.flatMap((condition, at): FailedCondition[] => {
    const met = meeting[at]?.size ?? 0;
    return met === indexed.size ? [] : [{ condition, chunks: met, ...valueFor(condition, query, chunks) }];
  });
  return { chunks, failed };
}

/** Where chunks of the document are, or should be: those its record counts first, then what else the index holds. */
function placesOf(
  collection: string,
  {
    docId,
    document,
    indexed,
  }: { docId: string; document: StoredDocument | undefined; indexed: readonly string[] },
): string[] {
  const { chunkCount = 0, chunkStart = 0 } = document ?? {};
  const counted = Array.from({ length: chunkCount }, (_, n) => chunkKey(collection, docId, n + chunkStart));
  // Other writers do not escape ids in keys: theirs are found through the index alone.
  const isForeign = counted.length > 0 && indexed.length > 0 && !counted.some((key) => indexed.includes(key));
  return [...new Set([...(isForeign ? [] : counted), ...indexed])].slice(0, MAX_CANDIDATES);
}

function compile({ manifest }: Collection, filters: readonly Filter[]): CompiledFilter {
  return compileFilter(filters.length === 1 ? filters[0] : { $and: filters }, manifest.fields);
}

function byText({ clause, params }: CompiledFilter): CandidateQuery {
  return { by: 'text', query: clause, params, limit: MAX_CANDIDATES };
}

/** What must hold all at once, one by one. */
function conditionsOf(filter: Filter): Filter[] {
  const conditions = Object.entries(filter).flatMap(([name, value]) => {
    // Checked when the filter was compiled as a whole.
    return name === '$and' ? (value as readonly Filter[]).flatMap(conditionsOf) : [{ [name]: value }];
  });
  return conditions.length > MOST_CONDITIONS ? [filter] : conditions;
}

function valueFor(
  condition: Filter,
  { document }: DocumentQuery,
  chunks: readonly DocumentChunk[],
): { value?: unknown } {
  const [field = '', ...others] = Object.keys(condition);
  if (others.length > 0 || field.startsWith('$')) return {};
  const own: Readonly<Record<string, unknown>> = {
    docId: document?.docId,
    source: document?.source,
    contentType: document?.contentType,
    updated: document?.updatedAt.toISOString(),
  };
  const failing = chunks.find(({ contents }) => contents !== undefined);
  const value = Object.hasOwn(own, field) ? own[field] : failing?.contents?.metadata[field];
  return value === undefined ? {} : { value };
}
