import type { CandidateQuery } from '../stores/knowledge/vector-index.ts';
import { type KnnQueryParts, knnQuery } from './query.ts';

/** The query for the chunks that are really nearest, whatever the index. Throws like `knnQuery`. */
export function exactQuery(
  parts: Pick<KnnQueryParts, 'collection' | 'vector' | 'topK' | 'filter'>,
): CandidateQuery {
  const { query, params, limit } = knnQuery({ ...parts, exact: true });
  return { by: 'distance', query, params, limit };
}
