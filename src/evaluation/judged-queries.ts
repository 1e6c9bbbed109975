import { StackloreError } from '../errors.ts';
import { findDocuments } from '../search/find-documents.ts';
import type { Documents } from '../stores/knowledge/documents.ts';
import type { EvaluationQuery, Judgement } from './test-set.ts';

/** A query and the grades of its documents by doc id. */
export interface JudgedQuery extends EvaluationQuery {
  readonly grades: ReadonlyMap<string, number>;
}

/** What queries and judgements come to in some collections. */
export interface JudgedQueries {
  /** Those with at least one relevant document. */
  readonly queries: readonly JudgedQuery[];
  /** How the judgements name the documents that are stored, by doc id. */
  readonly names: ReadonlyMap<string, string>;
  /** Judged documents that are not stored as such; searches may still find chunks of that doc id. */
  readonly unknown: ReadonlySet<string>;
  readonly warnings: readonly string[];
}

/**
 * Joins queries with their judgements, and these with the stored documents they mean. Throws `invalid_input` when no
 * query has a relevant document.
 */
export async function joinJudgements(
  documents: Pick<Documents, 'find'>,
  collections: readonly string[],
  { queries, judgements }: { queries: readonly EvaluationQuery[]; judgements: readonly Judgement[] },
): Promise<JudgedQueries> {
  const asked = new Map(queries.map((query) => [query.queryId, query]));
  const relevant = new Set(judgements.filter(({ grade }) => grade > 0).map(({ queryId }) => queryId));
  const used = judgements.filter(({ queryId }) => asked.has(queryId) && relevant.has(queryId));
  const named = [...new Set(used.map(({ docId }) => docId))];
  const stored = await findDocuments(documents, collections, named);
  const grades = new Map<string, Map<string, number>>();
  for (const { queryId, docId: name, grade } of used) {
    const ofQuery = grades.get(queryId) ?? new Map<string, number>();
    grades.set(queryId, ofQuery.set(stored.get(name)?.docId ?? name, grade));
  }
  if (grades.size === 0) {
    throw new StackloreError('invalid_input', {
      message: `None of the ${asked.size} queries has a judgement of 1 or more. Give queries and judgements whose ids agree.`,
    });
  }
  return {
    queries: [...grades].map(([queryId, ofQuery]) => ({
      queryId,
      text: asked.get(queryId)?.text ?? '',
      grades: ofQuery,
    })),
    names: new Map([...stored].map(([name, { docId }]) => [docId, name])),
    unknown: new Set(named.filter((name) => !stored.has(name))),
    warnings: [
      ...describe(
        [...asked.keys()].filter((queryId) => !relevant.has(queryId)),
        {
          what: 'Left out are queries without a relevant document among the judgements',
        },
      ),
      ...describe(
        [...relevant].filter((queryId) => !asked.has(queryId)),
        {
          what: 'Left out are judged queries without a text',
        },
      ),
    ],
  };
}

const MOST_NAMED = 5;

/** A sentence about some ids, or none where there are none. */
export function describe(ids: readonly string[], { what }: { what: string }): string[] {
  if (ids.length === 0) return [];
  const more = ids.length > MOST_NAMED ? ', …' : '';
  return [`${what} (${ids.length}): ${ids.slice(0, MOST_NAMED).join(', ')}${more}.`];
}
