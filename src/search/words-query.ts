import type { CandidateQuery } from '../stores/knowledge/vector-index.ts';
import type { CompiledFilter } from './filter.ts';

/**
 * The query for the chunks that hold any of these terms, scored by the terms alone, each as often as it is given. Terms
 * must be those of an analyser.
 *
 * Beside a filter, RediSearch 2.10 drops the scores of some terms of an OR, and adds one for each tag. So the OR and the
 * filter only choose, and the terms score as optional ones. A weight of 0 is heeded by an OR of two things that exist
 * at least, hence everything in them twice; denying a filter twice would be shorter, but loses chunks.
 */
export function wordsQuery(
  terms: readonly string[],
  { filter, limit }: { readonly filter: CompiledFilter | undefined; readonly limit: number },
): CandidateQuery {
  if (!filter) return { by: 'text', query: `@analysed:(${terms.join('|')})`, params: [], limit };
  const distinct = [...new Set(terms)].join('|');
  const chosen = `(@analysed:(${distinct}|${distinct}))=>{$weight: 0}`;
  const passing = `((${filter.clause})|(${filter.clause}))=>{$weight: 0}`;
  const scoring = terms.map((term) => `~@analysed:${term}`).join(' ');
  return { by: 'text', query: `${chosen} ${passing} ${scoring}`, params: filter.params, limit };
}
