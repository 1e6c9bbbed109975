import type { CandidateQuery } from '../stores/knowledge/vector-index.ts';
import type { CompiledFilter } from './filter.ts';

/** How words are looked up. */
export interface WordsQueryOptions {
  readonly filter: CompiledFilter | undefined;
  readonly limit: number;
  /** Whether a chunk must hold a term itself, and those around it only add to its score. */
  readonly own?: boolean;
}

/**
 * The query for the chunks that hold any of these terms, or stand beside some, scored by the terms alone, each as often
 * as it is given. Terms must be those of an analyser.
 *
 * Beside a filter, RediSearch 2.10 drops the scores of some terms of an OR, and adds one for each tag. So the OR and the
 * filter only choose, and the terms score as optional ones. A weight of 0 is heeded by an OR of two things that exist
 * at least, hence everything in them twice; denying a filter twice would be shorter, but loses chunks.
 */
export function wordsQuery(
  terms: readonly string[],
  { filter, limit, own = false }: WordsQueryOptions,
): CandidateQuery {
  if (!filter && !own) return { by: 'text', query: `${ANYWHERE}:(${terms.join('|')})`, params: [], limit };
  const distinct = [...new Set(terms)].join('|');
  const chosen = `(${own ? '@analysed' : ANYWHERE}:(${distinct}|${distinct}))=>{$weight: 0}`;
  const passing = filter ? `((${filter.clause})|(${filter.clause}))=>{$weight: 0}` : '';
  const scoring = terms.map((term) => `~${ANYWHERE}:${term}`).join(' ');
  return { by: 'text', query: `${chosen} ${passing} ${scoring}`, params: filter?.params ?? [], limit };
}

const ANYWHERE = '@analysed|analysed_nearby';
