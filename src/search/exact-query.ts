import { checkVector } from '../stores/knowledge/check-vector.ts';
import { type CandidateQuery, DISTANCE } from '../stores/knowledge/vector-index.ts';
import type { CompiledFilter } from './filter.ts';
import type { KnnQueryParts } from './query.ts';

/** No document has this id: an id cannot hold a control character. */
const EVERYTHING: CompiledFilter = { clause: '-@doc_id:{$nobody}', params: ['nobody', '\u0001'] };

/**
 * The query for the chunks that are really nearest. An HNSW index compares every chunk that passes a filter when it is
 * told to, so there always is one. Throws like `knnQuery`.
 */
export function exactQuery({ collection, vector, topK, filter = EVERYTHING }: KnnQueryParts): CandidateQuery {
  const { dimensions } = collection.manifest;
  checkVector(vector, dimensions);
  const bytes = Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength);
  return {
    by: 'distance',
    query: `(${filter.clause})=>[KNN $k @embedding $vector HYBRID_POLICY ADHOC_BF AS ${DISTANCE}]`,
    params: ['k', String(topK), 'vector', bytes, ...filter.params],
    limit: topK,
  };
}
