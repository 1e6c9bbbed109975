import type { RedisArgument } from '../../redis/databases.ts';
import type { Manifest } from '../../schema/knowledge.ts';
import { parseMetadata } from './chunk-metadata.ts';
import type { Collection } from './collections.ts';
import { embeddingField, termsFields } from './index-fields.ts';
import { type ChunkMatch, chunkIdOfKey, DISTANCE, type SearchReply } from './knn-reply.ts';
import { decodeVector } from './stored-vectors.ts';

/** A query for chunks alone; user values appear in `params` only, terms of the analyser in the query itself. */
export interface CandidateQuery {
  /** What the chunks are ordered by: their distance to a vector, smallest first, or their text score, largest first. */
  readonly by: 'distance' | 'text';
  readonly query: string;
  readonly params: readonly RedisArgument[];
  readonly limit: number;
}

/** A chunk that a query found. */
export interface Candidate {
  readonly key: string;
  /** Cosine distance, 0 to 2, or BM25 score, above 0. */
  readonly value: number;
}

/** The candidates of each query, best first; `rebuilt` tells that the index had been lost and was made anew. */
export interface CandidateAnswer {
  readonly lists: Candidate[][];
  readonly rebuilt: boolean;
  /** The share of chunks, 0 to 1, whose words are indexed so far; absent where all are. Until then queries by words find nothing. */
  readonly wordsIndexed?: number;
}

export function candidateCommand(
  alias: string,
  { by, query, params, limit }: CandidateQuery,
  timeout: string,
  fields: readonly string[] = [],
): RedisArgument[] {
  const command: RedisArgument[] = ['FT.SEARCH', alias, query];
  if (params.length > 0) command.push('PARAMS', String(params.length), ...params);
  // The distance is no part of the hash, so that no chunk is loaded for it.
  const returned = by === 'distance' ? [DISTANCE, ...fields] : fields;
  command.push(...(returned.length === 0 ? ['NOCONTENT'] : ['RETURN', String(returned.length), ...returned]));
  if (by === 'distance') command.push('SORTBY', DISTANCE, 'ASC');
  else command.push('WITHSCORES', 'VERBATIM', 'SCORER', 'BM25STD');
  command.push('LIMIT', '0', String(limit), 'TIMEOUT', timeout, 'DIALECT', '2');
  return command;
}

export function readCandidates(reply: SearchReply, { by }: CandidateQuery): Candidate[] {
  const found: Candidate[] = [];
  for (let at = 1; at < reply.length; at += 2) {
    const key = reply[at] as string;
    const next = reply[at + 1];
    const value = by === 'text' ? Number(next) : Number(Array.isArray(next) ? next[1] : Number.NaN);
    // A vector of zeros or NaN has no direction, and a chunk deleted since the match has nothing.
    if (!Number.isNaN(value)) found.push({ key, value });
  }
  return found;
}

/** What is read of a candidate that becomes a hit. */
export interface CandidateContents extends Omit<ChunkMatch, 'distance'> {
  /** The chunk's vector; absent where it has not the bytes of one. */
  readonly embedding?: Float32Array;
  /** The terms its words were indexed as. */
  readonly terms: ReadonlySet<string>;
}

/** A vector is most of a chunk, so it is read only where it is needed. */
export function contentsCommand(key: string, manifest: Manifest, withVector: boolean): string[] {
  const fields = ['text', 'metadata', 'doc_id', 'node_id', termsFields(manifest).own];
  return ['HMGET', key, ...fields, ...(withVector ? [embeddingField(manifest)] : [])];
}

/** The contents of a chunk, or `undefined` when it was deleted since it was found. */
export function readContents(
  { name: collection, manifest }: Pick<Collection, 'name' | 'manifest'>,
  key: string,
  reply: readonly (Buffer | null)[],
): CandidateContents | undefined {
  const [text, metadata, docId, nodeId, analysed] = reply.slice(0, 5).map((value) => value?.toString());
  const embedding = decodeVector(manifest, reply[5] ?? undefined);
  if (text === undefined) return undefined;
  return {
    collection,
    chunkId: chunkIdOfKey(collection, key),
    docId: docId ?? '',
    nodeId: nodeId ?? '',
    text,
    metadata: metadata === undefined ? {} : parseMetadata(metadata),
    terms: new Set(analysed?.split(' ')),
    ...(embedding && { embedding }),
  };
}
