import { analyserOf } from '../stores/knowledge/chunk-terms.ts';
import type { Collection } from '../stores/knowledge/collections.ts';
import { ANALYSER_VERSION, type Analyser, loadAnalyser } from '../text/analyser.ts';
import type { SearchRequest } from './request.ts';

/** What words of a query are recognised by in texts of a collection. */
export interface QueryWords {
  readonly analyser: Analyser;
  /** The terms of all its questions. */
  readonly terms: ReadonlySet<string>;
}

/** The words of a query as a collection has them; one without an analyser has them looked for as they are. */
export async function queryWords(
  { manifest }: Collection,
  { query = '', queries = [query] }: SearchRequest,
): Promise<QueryWords> {
  const analyser =
    (await analyserOf(manifest)) ?? (await loadAnalyser({ version: ANALYSER_VERSION, language: 'none' }));
  return { analyser, terms: new Set(queries.flatMap((text) => termsOf(analyser, text))) };
}

/** The terms of a text. */
export function termsOf(analyser: Analyser, text: string): string[] {
  return analyser
    .analyse(text)
    .split(' ')
    .filter((term) => term !== '');
}
