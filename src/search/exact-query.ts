import type { CandidateQuery } from '../stores/knowledge/vector-index.ts';
import { type KnnQueryParts, knnQuery } from './query.ts';

/** No document has it: ids are never empty, nor may they hold control characters. */
const NO_DOC_ID = '\u0001';

/**
 * The query for the chunks that are really nearest, whatever the index. An HNSW index compares every chunk where a
 * filter asks for that, even one that excludes nothing. Throws like `knnQuery`.
 */
export function exactQuery(parts: Pick<KnnQueryParts, 'collection' | 'vector' | 'topK'>): CandidateQuery {
  const { query, params, limit } = knnQuery({
    ...parts,
    filter: { clause: '-@doc_id:{$none}', params: ['none', NO_DOC_ID] },
  });
  const bruteForce = query.replace(/( EF_RUNTIME \$ef)?( AS )/, ' HYBRID_POLICY ADHOC_BF$2');
  return { by: 'distance', query: bruteForce, params, limit };
}
