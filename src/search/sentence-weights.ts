import type { Collections } from '../stores/knowledge/collections.ts';
import type { Documents } from '../stores/knowledge/documents.ts';
import { sentences } from '../text/sentences.ts';
import { type QueryWords, queryWords, termsOf } from './query-words.ts';
import type { SearchRequest } from './request.ts';
import type { SearchHit } from './search.ts';
import type { WeighSentence } from './trim.ts';

/** What sentences are weighed with. */
export interface SentenceWeightParts {
  readonly collections: Pick<Collections, 'getRecent'>;
  /** Without it no hit is known to be code. */
  readonly documents?: Pick<Documents, 'find'>;
}

/**
 * Weighs sentences by the words they share with the question, a word that few sentences of the hits hold counting more.
 * Words tell as much here as vectors of sentences do, whose making would take far longer than the search.
 */
export async function sentenceWeigher(
  parts: SentenceWeightParts,
  request: SearchRequest,
  hits: readonly SearchHit[],
): Promise<WeighSentence> {
  const weighers = new Map<string, (sentence: string) => number>();
  for (const name of request.collections) {
    const words = await queryWords(await parts.collections.getRecent(name), request);
    const own = hits.filter(({ collection }) => collection === name);
    weighers.set(name, byRarity(words, own));
  }
  const code = await codeAmong(parts, hits);
  return (sentence, { collection, docId }) =>
    code.has(docId) ? undefined : (weighers.get(collection)?.(sentence) ?? 0);
}

/** The documents that are code. */
async function codeAmong(
  { documents }: SentenceWeightParts,
  hits: readonly SearchHit[],
): Promise<ReadonlySet<string>> {
  const docIds = [...new Set(hits.map(({ docId }) => docId))];
  const found = await Promise.all(docIds.map((docId) => documents?.find(docId)));
  return new Set(docIds.filter((_, at) => found[at]?.contentType === 'code'));
}

function byRarity({ analyser, terms }: QueryWords, hits: readonly SearchHit[]): (sentence: string) => number {
  const shared = new Map<string, readonly string[]>();
  const sharedTerms = (sentence: string) => {
    const known = shared.get(sentence);
    if (known) return known;
    const found = [...new Set(termsOf(analyser, sentence))].filter((term) => terms.has(term));
    shared.set(sentence, found);
    return found;
  };
  const counts = new Map<string, number>();
  const all = new Set(
    hits.flatMap(({ text }) => Array.from(sentences(text), ({ start, end }) => text.slice(start, end))),
  );
  for (const term of [...all].flatMap(sharedTerms)) counts.set(term, (counts.get(term) ?? 0) + 1);
  const rarity = (term: string) => {
    const count = counts.get(term) ?? 0;
    return Math.log(1 + (all.size - count + 0.5) / (count + 0.5));
  };
  return (sentence) => sharedTerms(sentence).reduce((sum, term) => sum + rarity(term), 0);
}
