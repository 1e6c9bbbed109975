import type { Analyser } from '../text/analyser.ts';
import { type Span, sentences } from '../text/sentences.ts';
import { wordSpans } from '../text/word-spans.ts';
import { foldAccents } from '../text/words.ts';

/** Words of a text that match the query: `text.slice(start, end)`, UTF-16 offsets. */
export interface MatchedWord extends Span {
  /** The query's terms that the word stands for, as the analyser made them. */
  readonly terms: readonly string[];
}

/** What of a hit's text answers the query. */
export interface Highlights {
  /** In the order of the text; they do not overlap. */
  readonly matchedWords: readonly MatchedWord[];
  /** Of a hit found by meaning: the sentence nearest to the query, as offsets into the text. */
  readonly nearestSentence?: Span;
}

/** The words of a text that have one of the terms, found through stems, parts of identifiers and missing accents. */
export function matchWords(text: string, terms: ReadonlySet<string>, analyser: Analyser): MatchedWord[] {
  if (terms.size === 0) return [];
  const known = new Map<string, readonly string[]>();
  const termsOf = (word: string): readonly string[] => {
    let found = known.get(word);
    if (!found) {
      found =
        [analyser.analyse(word), analyser.analyse(foldAccents(word))]
          .map((forms) => forms.split(' ').filter((term) => terms.has(term)))
          .find((forms) => forms.length > 0) ?? [];
      known.set(word, found);
    }
    return found;
  };
  const matched: MatchedWord[] = [];
  for (const { word, start, end } of wordSpans(text)) {
    const found = termsOf(word);
    if (found.length > 0) addWord(matched, { start, end, terms: found });
  }
  return matched;
}

/** Pairs of characters, and a compound and its parts, overlap: they are one place, with the terms of all. */
function addWord(matched: MatchedWord[], word: MatchedWord): void {
  let joined = word;
  for (let last = matched.at(-1); last !== undefined && last.end > joined.start; last = matched.at(-1)) {
    matched.pop();
    joined = {
      start: Math.min(last.start, joined.start),
      end: Math.max(last.end, joined.end),
      terms: [...new Set([...last.terms, ...joined.terms])],
    };
  }
  matched.push(joined);
}

/** The sentence of a text whose vector is nearest to the query's; `undefined` where none has a vector. */
export function nearestSentence(
  text: string,
  query: Float32Array,
  vectors: ReadonlyMap<string, Float32Array>,
): Span | undefined {
  let nearest: Span | undefined;
  let highest = Number.NEGATIVE_INFINITY;
  for (const span of sentences(text)) {
    const vector = vectors.get(text.slice(span.start, span.end));
    // Vectors of sentences have length 1, and that of the query is the same for all.
    const product = vector ? dotProduct(query, vector) : Number.NEGATIVE_INFINITY;
    if (product > highest) [nearest, highest] = [span, product];
  }
  return nearest;
}

function dotProduct(a: Float32Array, b: Float32Array): number {
  let product = 0;
  for (let at = 0; at < a.length; at += 1) product += (a[at] as number) * (b[at] as number);
  return product;
}
