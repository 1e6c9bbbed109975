import type { RedisArgument } from '../../redis/databases.ts';
import { type ChunkMatch, DISTANCE } from './knn-reply.ts';

/** A nearest-neighbour query in RediSearch's language; user values appear in `params` only. */
export interface KnnQuery {
  readonly query: string;
  /** Name, value, name, value …; numbers as text, vectors as little-endian float32 bytes. */
  readonly params: readonly RedisArgument[];
  readonly offset: number;
  readonly limit: number;
}

/** Matches nearest first; `rebuilt` tells that the index had been lost and was made anew before answering. */
export interface KnnAnswer {
  readonly matches: ChunkMatch[];
  /** How many rows the server answered with; some may be no matches, such as keys that are gone by now. */
  readonly rows: number;
  readonly rebuilt: boolean;
}

const RETURNED = [DISTANCE, 'text', 'metadata', 'doc_id', 'node_id'] as const;

/** The FT.SEARCH of a nearest-neighbour query. */
export function knnCommand(
  alias: string,
  { query, params, offset, limit }: KnnQuery,
  timeout: string,
): RedisArgument[] {
  return [
    ...['FT.SEARCH', alias, query, 'PARAMS', String(params.length), ...params],
    ...['SORTBY', DISTANCE, 'ASC', 'LIMIT', String(offset), String(limit)],
    ...['RETURN', String(RETURNED.length), ...RETURNED, 'TIMEOUT', timeout, 'DIALECT', '2'],
  ];
}
