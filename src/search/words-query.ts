import type { CandidateQuery } from '../stores/knowledge/vector-index.ts';
import type { CompiledFilter } from './filter.ts';
import type { SearchMode } from './request.ts';

/** How words are looked up beside what else is asked. */
export interface WordsQueryOptions {
  readonly mode: SearchMode;
  readonly filter: CompiledFilter | undefined;
  readonly limit: number;
}

/** The terms of a chunk and those of the chunks around it. */
const ALL_TERMS = '@analysed|analysed_nearby';

/**
 * The query for the chunks that hold any of these terms, scored by the terms alone, each as often as it is given. Beside
 * the vectors the words around a chunk may find it; whoever asks for words alone wants to see one in each hit, and the
 * words around it only add to its score. Terms must be those of an analyser.
 *
 * Beside anything else, RediSearch 2.10 drops the scores of some terms of an OR, and adds one for each tag of a filter. So
 * the OR and the filter only choose, and the terms score as optional ones. A weight of 0 is heeded by an OR of two
 * things that exist at least, hence everything in them twice; denying a filter twice would be shorter, but loses chunks.
 */
export function wordsQuery(
  terms: readonly string[],
  { mode, filter, limit }: WordsQueryOptions,
): CandidateQuery {
  if (!filter && mode !== 'text') {
    return { by: 'text', query: `${ALL_TERMS}:(${terms.join('|')})`, params: [], limit };
  }
  const distinct = [...new Set(terms)].join('|');
  const chosen = `(${mode === 'text' ? '@analysed' : ALL_TERMS}:(${distinct}|${distinct}))=>{$weight: 0}`;
  const passing = filter && `((${filter.clause})|(${filter.clause}))=>{$weight: 0}`;
  const scoring = terms.map((term) => `~${ALL_TERMS}:${term}`).join(' ');
  const query = [chosen, ...(passing ? [passing] : []), scoring].join(' ');
  return { by: 'text', query, params: filter?.params ?? [], limit };
}
