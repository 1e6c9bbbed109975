import type { FactFilter } from '../../schema/fact-input.ts';
import type { FactsManifest } from '../../schema/knowledge.ts';
import { checkVector } from './check-vector.ts';
import { MAX_DUPLICATES, SHOWN_FIELDS, type StoredFact } from './fact.ts';
import { compileFactFilter } from './fact-filter.ts';
import type { FactQuery } from './fact-index.ts';
import { contentHash, type EmbeddedFact } from './fact-vector.ts';
import { DISTANCE } from './knn-reply.ts';

/** A nearest-neighbour look-up of facts. */
export interface FactNearest {
  readonly vector: Float32Array;
  readonly topK: number;
  /** How many of the nearest are left out. */
  readonly offset?: number;
  readonly filter?: FactFilter;
}

/** A page of the facts that pass a filter, newest first. Throws `invalid_filter`. */
export function listQuery(filter: FactFilter, page: { offset: number; limit: number }): FactQuery {
  const { clause, params } = compileFactFilter(filter);
  return { query: clause, params, sortBy: ['created_at', 'DESC'], ...page, fields: SHOWN_FIELDS };
}

/** The facts nearest to a vector. Throws `invalid_filter`, `dimension_mismatch` or `invalid_vector`. */
export function nearestQuery(
  { dimensions }: FactsManifest,
  { vector, topK, offset = 0, filter = {} }: FactNearest,
): FactQuery {
  checkVector(vector, dimensions, 'facts');
  const { clause, params } = compileFactFilter(filter);
  const bytes = Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength);
  return {
    query: `${clause === '*' ? '*' : `(${clause})`}=>[KNN $k @embedding $vector AS ${DISTANCE}]`,
    params: [...params, 'k', String(offset + topK), 'vector', bytes],
    sortBy: [DISTANCE, 'ASC'],
    ...{ offset, limit: topK, dimensions },
    fields: [DISTANCE, 'input_hash', ...SHOWN_FIELDS],
  };
}

/** Queries of the facts that say the same, itself among them, of a user's fact only the user's own: first word for word, then, given a vector, nearly. */
export function duplicateQueries(
  { content, userId: ownedBy }: Pick<StoredFact, 'content' | 'userId'>,
  embedded: EmbeddedFact | undefined,
): readonly FactQuery[] {
  const limit = MAX_DUPLICATES + 1;
  const filter = ownedBy === undefined ? {} : { ownedBy };
  const { clause, params } = compileFactFilter(filter);
  const exact: FactQuery = {
    query: `${clause === '*' ? '' : `${clause} `}@content_hash:{$hash}`,
    params: [...params, 'hash', contentHash(content)],
    sortBy: ['created_at', 'ASC'],
    ...{ offset: 0, limit, fields: ['content'] },
  };
  if (!embedded) return [exact];
  const near = nearestQuery(embedded.manifest, { vector: embedded.embedding, topK: limit, filter });
  return [exact, { ...near, fields: [DISTANCE, 'input_hash', 'content'] }];
}
