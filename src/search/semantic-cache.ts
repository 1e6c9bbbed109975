import { StackloreError } from '../errors.ts';
import type { CachedQuestions } from '../stores/knowledge/cached-questions.ts';
import type { CacheAddress } from '../stores/main/cache-address.ts';
import type { CacheAnswer, ResponseCache } from '../stores/main/response-cache.ts';
import { embedQueryOnce } from './fact-context.ts';
import { sameNumbers } from './same-numbers.ts';
import type { SearchAnswer, SearchParts } from './search.ts';

/**
 * How near an earlier question must be unless told otherwise. `npm run bench -- semantic-cache` measures it: from here on no
 * rewording of a handbook question lost the document that answers it, and 94 % of the first five hits were the same.
 */
export const SEMANTIC_THRESHOLD = 0.97;

/** The question that an answer was given to first. */
export interface EarlierQuestion {
  readonly query: string;
  /** Cosine of the angle between the vectors of both questions, at most 1. */
  readonly similarity: number;
}

/** What answers of earlier questions are looked up with. */
export interface SemanticCacheParts extends SearchParts {
  readonly responseCache: Pick<ResponseCache, 'take'>;
  readonly cachedQuestions: Pick<CachedQuestions, 'nearest' | 'save'>;
}

/** A question, and where its answer and those of questions like it are kept. */
export interface AskedQuestion {
  readonly query: string;
  /** Hash of all else that was asked: only questions that share it are compared. */
  readonly partition: string;
  readonly paramsHash: string;
  readonly addressOf: (paramsHash: string) => CacheAddress;
  /** The least similarity of an earlier question. */
  readonly threshold: number;
  readonly ttlSeconds: number | undefined;
  readonly mayKeep: (answer: SearchAnswer) => boolean;
}

/** An answer, and the earlier question that it was given to, if another one. */
export interface SemanticAnswer extends CacheAnswer<SearchAnswer> {
  readonly earlier?: EarlierQuestion;
}

/** How many of the nearest are looked at: some hold other numbers, or their answers are gone by now. */
const LOOKED_AT = 10;

/**
 * The answer of an equal question, else of the nearest earlier one that is near enough and holds the same numbers, else
 * what `search` gives, which the question is kept for.
 */
export async function askByMeaning<Parts extends SemanticCacheParts>(
  parts: Parts,
  question: AskedQuestion,
  search: (parts: Parts) => Promise<CacheAnswer<SearchAnswer>>,
): Promise<SemanticAnswer> {
  const { query, partition, paramsHash, addressOf } = question;
  // An equal question needs no vector.
  const equal = await parts.responseCache.take<SearchAnswer>(addressOf(paramsHash));
  if (equal) return { value: equal, cached: true };
  const shared = embedQueryOnce(parts);
  const embedding = await (await shared.embedder()).embedQuery(query);
  for (const near of await parts.cachedQuestions.nearest({ embedding, partition }, LOOKED_AT)) {
    const { similarity } = near;
    if (similarity < question.threshold) break;
    if (!sameNumbers(near.query, query)) continue;
    const value = await parts.responseCache.take<SearchAnswer>(addressOf(near.paramsHash));
    if (value) return { value, cached: true, earlier: { query: near.query, similarity } };
  }
  const answer = await search(shared);
  if (!question.mayKeep(answer.value)) return answer;
  try {
    const { ttlSeconds } = question;
    await parts.cachedQuestions.save({ query, embedding, partition, paramsHash }, { ttlSeconds });
    return answer;
  } catch (error) {
    if (!(error instanceof StackloreError)) throw error;
    // The answer is there: a full database is no reason to keep it from the caller.
    const warning = `Questions that mean the same will not get this answer, as it could not be noted: ${error.message}`;
    return { ...answer, value: { ...answer.value, warnings: [...answer.value.warnings, warning] } };
  }
}
