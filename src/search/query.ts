import { float32 } from '../schema/fields.ts';
import { float16 } from '../schema/float16.ts';
import type { VectorType } from '../schema/knowledge.ts';
import { checkFloat16, checkVector } from '../stores/knowledge/check-vector.ts';
import type { Collection } from '../stores/knowledge/collections.ts';
import { type CandidateQuery, DISTANCE, type KnnQuery } from '../stores/knowledge/vector-index.ts';
import type { CompiledFilter } from './filter.ts';

/** What a nearest-neighbour query is made of. */
export interface KnnQueryParts {
  readonly collection: Pick<Collection, 'manifest'>;
  readonly vector: Float32Array;
  readonly topK: number;
  /** How many of the nearest are left out. */
  readonly offset?: number;
  readonly filter?: CompiledFilter | undefined;
  /** How widely an HNSW index is searched; the collection's own setting by default. FLAT indexes have none. */
  readonly efRuntime?: number | undefined;
  /** Compares with every chunk that passes the filter, instead of following the links of an HNSW index. */
  readonly exact?: boolean;
}

/**
 * A condition that every chunk meets, as no id holds a control character: only beside one can the server be told to
 * compare with all.
 */
const ANY_CHUNK: CompiledFilter = { clause: '-@doc_id:{$nodoc}', params: ['nodoc', '\u0001'] };

/**
 * The nearest-neighbour query of a collection. Throws `dimension_mismatch` or `invalid_vector` for a vector that
 * cannot be compared with the collection's.
 */
export function knnQuery({
  collection,
  vector,
  topK,
  offset = 0,
  filter,
  efRuntime,
  exact = false,
}: KnnQueryParts): KnnQuery {
  const { dimensions, index, vectorType } = collection.manifest;
  checkVector(vector, dimensions);
  const bytes = vectorBytes(vectorType, vector);
  const params: (string | Buffer)[] = ['k', String(offset + topK), 'vector', bytes];
  const isHnsw = index.kind === 'hnsw';
  const condition = filter ?? (exact && isHnsw ? ANY_CHUNK : undefined);
  if (isHnsw && !exact) params.push('ef', String(efRuntime ?? index.efRuntime));
  if (condition) params.push(...condition.params);
  const how = !isHnsw ? '' : exact ? ' HYBRID_POLICY ADHOC_BF' : ' EF_RUNTIME $ef';
  const knn = `KNN $k @embedding $vector${how} AS ${DISTANCE}`;
  return { query: `${condition ? `(${condition.clause})` : '*'}=>[${knn}]`, params, offset, limit: topK };
}

/** The same query for the nearest chunks without their contents. Throws like `knnQuery`. */
export function nearestQuery(parts: KnnQueryParts): CandidateQuery {
  const { query, params, limit } = knnQuery(parts);
  return { by: 'distance', query, params, limit };
}

/** A query vector as the index of a collection compares it. Throws `invalid_vector` where float16 cannot hold it. */
export function vectorBytes(vectorType: VectorType, vector: Float32Array): string | Buffer {
  if (vectorType !== 'float16') return float32.encode(vector);
  checkFloat16(vector);
  return float16.encode(vector);
}
