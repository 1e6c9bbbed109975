import type { Manifest } from '../../schema/knowledge.ts';
import { type Analyser, loadAnalyser } from '../../text/analyser.ts';

/** The analyser of a collection, or `undefined` where it has none. */
export async function analyserOf({ analyser }: Pick<Manifest, 'analyser'>): Promise<Analyser | undefined> {
  return analyser && loadAnalyser(analyser);
}

/** What a chunk's terms are made of. */
export interface WordedChunk {
  readonly title: string;
  /** The headings above it, outermost first. */
  readonly headings?: readonly string[];
  readonly text: string;
}

/** What the words' side finds a chunk by. */
export interface ChunkTerms {
  /** The terms of title, headings and text. */
  readonly analysed: string;
  /** The terms of the chunks before and after that it has not itself, each once. */
  readonly analysedNearby: string;
}

/** The terms of a chunk itself. The title counts twice: it says what all of a document is about, in few words. */
export function ownTerms(analyser: Analyser, { title, headings = [], text }: WordedChunk): string {
  const titleTerms = analyser.analyse(title);
  return [titleTerms, titleTerms, ...headings.map(analyser.analyse), analyser.analyse(text)].join(' ').trim();
}

/**
 * A chunk's own terms, and those of its neighbours: what a question asks for often stands in two sentences, and the cut
 * between two chunks is none in the meaning.
 */
export function withNeighbours(analysed: string, ...neighbours: readonly string[]): ChunkTerms {
  const own = new Set(analysed.split(' '));
  const nearby = new Set(neighbours.flatMap((terms) => terms.split(' ')));
  return { analysed, analysedNearby: [...nearby].filter((term) => term !== '' && !own.has(term)).join(' ') };
}

/** The terms of all chunks of a document, given in its order. */
export function documentTerms(analyser: Analyser, chunks: readonly WordedChunk[]): ChunkTerms[] {
  const own = chunks.map((chunk) => ownTerms(analyser, chunk));
  return own.map((terms, at) => withNeighbours(terms, own[at - 1] ?? '', own[at + 1] ?? ''));
}
