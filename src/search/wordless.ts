import type { Look } from './look-up.ts';

/** What to tell where words were to be looked up and no question has any: nobody should take it for a search that failed. */
export function wordlessWarnings({ mode, terms }: Pick<Look, 'mode' | 'terms'>): string[] {
  if (mode === 'vector' || terms.flat(2).length > 0) return [];
  const cause = 'Every word of the query is a stop word, or none is a word';
  return mode === 'hybrid'
    ? [`${cause}, so only meaning was looked up.`]
    : [`${cause}, so nothing was looked up. Ask with other words, or in mode "hybrid", for the meaning.`];
}
