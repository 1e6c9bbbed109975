import type { SearchHit } from '../search/search.ts';
import { oneLine } from './format.ts';

/** How words are made to stand out. */
export type Mark = readonly [before: string, after: string];

/** Bold on a terminal; where the output goes elsewhere, as Markdown writes it. */
export function markFor({ isStyled }: { readonly isStyled: boolean }): Mark {
  return isStyled ? ['\u001B[1m', '\u001B[22m'] : ['**', '**'];
}

/** A hit's text with the words that match the query marked; as it is where they were not asked for. */
export function markWords({ text, highlights }: SearchHit, [before, after]: Mark): string {
  let marked = '';
  let at = 0;
  for (const { start, end } of highlights?.matchedWords ?? []) {
    marked += `${text.slice(at, start)}${before}${text.slice(start, end)}${after}`;
    at = end;
  }
  return marked + text.slice(at);
}

/** The sentence of a hit that is nearest to the query, as a line; none where the hit has no other. */
export function sentenceLines({ text, highlights }: SearchHit, width: number): string[] {
  const { start, end } = highlights?.nearestSentence ?? { start: 0, end: 0 };
  const sentence = text.slice(start, end);
  return sentence === '' || sentence === text.trim() ? [] : [`   nearest: ${oneLine(sentence, width - 12)}`];
}
