import type { QueryEmbedder } from '../embed/embedder.ts';
import { StackloreError } from '../errors.ts';
import type { Collection } from '../stores/knowledge/collections.ts';
import { sentences } from '../text/sentences.ts';
import { checkModel } from './check-models.ts';
import { type Highlights, matchWords, nearestSentence } from './highlight.ts';
import { queryWords } from './query-words.ts';
import type { SearchRequest } from './request.ts';
import type { SearchAnswer, SearchHit, SearchParts } from './search.ts';

/** The most different sentences that are embedded for one answer: each takes the model some milliseconds. */
export const MOST_SENTENCES = 200;

/** Tells of each hit what answers the query: the words that match, and of hits found by meaning the nearest sentence. */
export async function highlightHits(
  parts: Pick<SearchParts, 'collections' | 'embedder'>,
  request: SearchRequest,
  answer: SearchAnswer,
): Promise<SearchAnswer> {
  const collections = await Promise.all(request.collections.map((name) => parts.collections.getRecent(name)));
  const matchers = new Map<string, (text: string) => Highlights['matchedWords']>();
  for (const collection of collections) matchers.set(collection.name, await matcherOf(collection, request));
  const byMeaning = answer.hits.filter(
    ({ vectorRank }) => answer.mode === 'vector' || vectorRank !== undefined,
  );
  const { find, warnings } = await sentenceFinder(parts, { request, collections, hits: byMeaning });
  const found = new Set(byMeaning);
  const hits = answer.hits.map((hit): SearchHit => {
    const sentence = found.has(hit) ? find(hit) : undefined;
    const matchedWords = matchers.get(hit.collection)?.(hit.text) ?? [];
    return { ...hit, highlights: { matchedWords, ...(sentence && { nearestSentence: sentence }) } };
  });
  return { ...answer, hits, warnings: [...answer.warnings, ...warnings] };
}

/** Finds the words of a query in texts of a collection. */
async function matcherOf(collection: Collection, request: SearchRequest) {
  const { terms, analyser } = await queryWords(collection, request);
  return (text: string) => matchWords(text, terms, analyser);
}

interface SentenceSearch {
  readonly request: SearchRequest;
  readonly collections: readonly Collection[];
  readonly hits: readonly SearchHit[];
}

type FindSentence = (hit: SearchHit) => Highlights['nearestSentence'];

/** Embeds the hits' sentences, the best hits' first, and tells which of a hit is nearest. */
async function sentenceFinder(
  parts: Pick<SearchParts, 'embedder'>,
  { request, collections, hits }: SentenceSearch,
): Promise<{ find: FindSentence; warnings: string[] }> {
  const embeddable = collections.filter(({ manifest }) => manifest.model);
  const text = request.query ?? request.queries?.[0];
  // What is like a document asks nothing that a sentence could answer.
  const asksNothing = text === undefined && !request.vector;
  if (hits.length === 0 || embeddable.length === 0 || asksNothing)
    return { find: () => undefined, warnings: [] };
  const embedder = await parts.embedder();
  const comparable = new Set(embeddable.filter((one) => isComparable(one, embedder)).map(({ name }) => name));
  const chosen = hits.filter(({ collection }) => comparable.has(collection));
  const { texts, whole } = chooseSentences(chosen, embedder);
  const query = request.vector ?? (await embedder.embedQuery(text ?? ''));
  const made = await embedder.embedTexts(texts);
  const vectors = new Map(texts.map((text, at) => [text, made[at] as Float32Array]));
  const left = chosen.length - whole.size;
  return {
    find: (hit) => (whole.has(hit) ? nearestSentence(hit.text, query, vectors) : undefined),
    warnings:
      left === 0
        ? []
        : [
            `The nearest sentence is told for the best ${whole.size} hits only, as no more than ${MOST_SENTENCES} sentences are compared. Ask for fewer hits (topK).`,
          ],
  };
}

/** A search by a given vector does not ask which model it is from; without the right one there are no nearest sentences. */
function isComparable(collection: Collection, embedder: QueryEmbedder): boolean {
  try {
    checkModel(collection, embedder);
    return true;
  } catch (error) {
    if (error instanceof StackloreError && error.code === 'manifest_mismatch') return false;
    throw error;
  }
}

/** Different sentences that the model can read, of as many whole hits as the limit allows. */
function chooseSentences(
  hits: readonly SearchHit[],
  { tokenizer, model }: QueryEmbedder,
): { texts: string[]; whole: ReadonlySet<SearchHit> } {
  const texts = new Set<string>();
  const whole = new Set<SearchHit>();
  for (const hit of hits) {
    const all = Array.from(sentences(hit.text), ({ start, end }) => hit.text.slice(start, end));
    const telling = all.filter((text) => !isHeading(text, hit));
    const own = telling.length > 0 ? telling : all;
    const added = [...new Set(own)].filter((text) => !texts.has(text));
    if (texts.size + added.length > MOST_SENTENCES) break;
    for (const text of added) {
      if (tokenizer.encode(model.documentPrefix + text).length <= model.maxTokens) texts.add(text);
    }
    whole.add(hit);
  }
  return { texts: [...texts], whole };
}

/** A heading is often nearest to the query, and answers nothing. */
function isHeading(sentence: string, { headings, title }: SearchHit): boolean {
  return /^#{1,6}\s/.test(sentence) || sentence === title || headings.includes(sentence);
}
