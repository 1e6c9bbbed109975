import type { Manifest } from '../../schema/knowledge.ts';
import { type Analyser, loadAnalyser } from '../../text/analyser.ts';

/** The analyser of a collection, or `undefined` where it has none. */
export async function analyserOf({ analyser }: Pick<Manifest, 'analyser'>): Promise<Analyser | undefined> {
  return analyser && loadAnalyser(analyser);
}

/**
 * Gives the function that makes the terms of a document's chunks. The title counts twice: it says what all of a
 * document is about, in few words.
 */
export function chunkTerms(
  analyser: Analyser,
  title: string,
): (text: string, headings?: readonly string[]) => string {
  const titleTerms = analyser.analyse(title);
  return (text, headings = []) =>
    [titleTerms, titleTerms, ...headings.map(analyser.analyse), analyser.analyse(text)].join(' ').trim();
}
