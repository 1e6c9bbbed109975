import type { FailedCondition } from './document-chunks.ts';
import type { ChunkExplanation } from './explain-chunk.ts';
import type { SearchMode, SearchRequest } from './request.ts';

/** What became of a document in a search. */
export type Outcome =
  /** In the answer. */
  | 'found'
  /** Nothing of that id is in the collection. */
  | 'not_stored'
  /** Stored without chunks that can be found. */
  | 'not_indexed'
  | 'excluded_by_filter'
  | 'below_min_score'
  /** Words alone were looked up, and it has none of them. */
  | 'without_words'
  /** Neither side had it among the chunks it gave. */
  | 'beyond_depth'
  /** In the order of the search, but not on the page that was asked for. */
  | 'beyond_page'
  /** Near enough, but the approximate index did not come across it. */
  | 'missed_by_index'
  /** Others took its place by an option of the search, such as `collapse`. */
  | 'left_out';

/** What is known of a document when its outcome is told. */
export interface Findings {
  readonly docId: string;
  readonly collection: string;
  readonly request: SearchRequest;
  /** What `minScore` was given as, when it was. */
  readonly maxDistance?: number | undefined;
  readonly mode: SearchMode;
  readonly isStored: boolean;
  /** The collection that has it, when it is another one. */
  readonly elsewhere?: string;
  /** Best first. */
  readonly chunks: readonly ChunkExplanation[];
  readonly failedConditions: readonly FailedCondition[];
  readonly depth: number;
  /** How widely an HNSW index was searched; absent where every chunk was compared. */
  readonly efRuntime?: number;
  readonly terms: readonly string[];
  readonly stopWords: readonly string[];
  readonly missingTerms: readonly string[];
}

/** What became of the document and why, in sentences, the decisive one first. */
export function describeOutcome(findings: Findings): { outcome: Outcome; reasons: string[] } {
  const [outcome, ...reasons] = decide(findings);
  return { outcome, reasons: [...reasons, ...describeChunks(findings), ...describeWords(findings)] };
}

type Decision = readonly [Outcome, ...string[]];

function decide(findings: Findings): Decision {
  const { chunks, docId, collection, isStored, elsewhere, request } = findings;
  const [best] = chunks;
  if (best?.hit !== undefined) return ['found', `It is hit ${best.hit}${describeFused(best)}.`];
  if (chunks.length === 0) {
    if (elsewhere !== undefined) {
      return ['not_stored', `Document "${docId}" is in collection "${elsewhere}", not in "${collection}".`];
    }
    return isStored
      ? ['not_indexed', 'The document has no chunks, as its text was empty or none were kept.']
      : [
          'not_stored',
          `There is no document "${docId}" in collection "${collection}". See stacklore docs list for the ids.`,
        ];
  }
  const isSound = ({ problem }: ChunkExplanation) => request.mode === 'text' && problem === undefined;
  const searchable = chunks.filter((one) => one.vector || one.text || isSound(one));
  if (searchable.length === 0) {
    return [
      'not_indexed',
      'No chunk of it can be found. See stacklore doctor, or ingest the document again.',
    ];
  }
  const passing = searchable.filter(({ passesFilter }) => passesFilter);
  if (passing.length === 0) return ['excluded_by_filter', ...describeFilter(findings)];
  return decideByPlace(findings, passing, request);
}

function decideByPlace(
  { mode, depth, efRuntime, terms, maxDistance }: Findings,
  passing: readonly ChunkExplanation[],
  { minScore, offset, topK }: SearchRequest,
): Decision {
  const similar = passing.filter(({ vector }) => (vector?.score ?? -1) >= (minScore ?? -1));
  if (similar.length === 0) {
    const most = Math.max(...passing.map(({ vector }) => vector?.score ?? -1));
    const given = maxDistance === undefined ? '' : ` (maxDistance ${maxDistance})`;
    const least = `minScore ${Number(minScore?.toFixed(6))}${given}`;
    return ['below_min_score', `Its best vectorScore is ${most.toFixed(3)}, below ${least}.`];
  }
  if (mode === 'text' && similar.every(({ text }) => text === undefined)) {
    const none =
      terms.length === 0 ? 'No word of the query is left to look up' : 'It holds none of the words';
    return ['without_words', `${none}, and meaning is not looked up in mode "text". Use mode "hybrid".`];
  }
  const best = similar.find(({ fused }) => fused !== undefined);
  const last = offset + topK;
  const rank = best?.fused?.rank;
  if (mode === 'vector' && efRuntime !== undefined && rank !== undefined && rank > offset && rank <= last) {
    return [
      'missed_by_index',
      `It is number ${rank} by exact search, but the HNSW index did not come across it with EF_RUNTIME ${efRuntime}. Raise efRuntime (--ef-runtime).`,
    ];
  }
  const isCandidate = similar.some(({ vector, text }) => vector?.isCandidate || text?.isCandidate);
  if (rank === undefined && isCandidate) {
    return ['left_out', 'It was found, but an option of the search, such as collapse, prefers others to it.'];
  }
  if (rank === undefined) {
    return [
      'beyond_depth',
      `None of its chunks is among the ${depth} best of a side, which is all that this search looked at. Ask with words of the document, or narrow the search with a filter.`,
    ];
  }
  if (rank <= offset) {
    return ['beyond_page', `It stands at ${rank}, before the page, which begins at ${offset + 1}.`];
  }
  if (rank > last) {
    return [
      'beyond_page',
      `It stands at ${rank}${scoreOf(best)}, the page ends at ${last}. ${remedy(rank, offset)}`,
    ];
  }
  if (mode === 'vector') {
    return ['left_out', `It stands at ${rank}${scoreOf(best)}, but others that are as near took the place.`];
  }
  return ['left_out', `It stands at ${rank}${scoreOf(best)}, but another option of the search left it out.`];
}

function remedy(rank: number, offset: number): string {
  return rank - offset > MOST_HITS
    ? `Begin later: offset (--offset) ${rank - 1}.`
    : `Raise topK (--top-k) to ${rank - offset} to see it.`;
}

/** The largest `topK`. */
const MOST_HITS = 1_000;

function scoreOf(chunk: ChunkExplanation | undefined): string {
  return chunk?.fused ? ` with score ${chunk.fused.score.toFixed(3)}` : '';
}

function describeFused({ fused, chunkId }: ChunkExplanation): string {
  return fused ? `: ${chunkId} stands at ${fused.rank} with score ${fused.score.toFixed(3)}` : '';
}

function describeFilter({ failedConditions }: Findings): string[] {
  if (failedConditions.length === 0) return ['No chunk of it meets all conditions of the filter at once.'];
  return failedConditions.map(({ condition, chunks, value }) => {
    const [field = ''] = Object.keys(condition);
    const own = field.startsWith('$')
      ? ''
      : value === undefined
        ? ` It has no ${field}.`
        : ` Its ${field} is ${JSON.stringify(value)}.`;
    const some = chunks > 0 ? `${chunks} of its chunks meet` : 'None of its chunks meets';
    return `${some} the condition ${excerpt(JSON.stringify(condition))}.${own}`;
  });
}

function describeChunks({ chunks, mode, request }: Findings): string[] {
  const reasons: string[] = [];
  const best = chunks.find(({ passesFilter }) => passesFilter);
  if (best) reasons.push(...describeSides(best, mode, request));
  const problems = chunks.filter(({ problem }) => problem !== undefined);
  for (const { chunkId, problem } of problems.slice(0, MOST_NAMED)) reasons.push(`${chunkId}: ${problem}.`);
  if (problems.length > MOST_NAMED)
    reasons.push(`${problems.length - MOST_NAMED} more chunks have such problems.`);
  return reasons;
}

const MOST_NAMED = 3;

function describeSides(
  { chunkId, vector, text }: ChunkExplanation,
  mode: SearchMode,
  { weight }: SearchRequest,
): string[] {
  const place = (rank: number | undefined) => (rank === undefined ? 'beyond 10,000' : `number ${rank}`);
  const sides: string[] = [];
  if (vector && mode !== 'text')
    sides.push(`${place(vector.rank)} by meaning (vectorScore ${vector.score.toFixed(3)})`);
  if (mode !== 'vector' && text)
    sides.push(`${place(text.rank)} by words (textScore ${text.score.toFixed(2)})`);
  else if (mode === 'hybrid') sides.push('not found by words');
  if (sides.length === 0) return [];
  const share =
    mode === 'hybrid' ? ` The meaning counts ${weight}, the words ${Number((1 - weight).toFixed(3))}.` : '';
  return [`Its best chunk ${chunkId} is ${sides.join(' and ')}.${share}`];
}

function describeWords({ mode, terms, stopWords, missingTerms, chunks }: Findings): string[] {
  if (mode === 'vector') return [];
  const reasons: string[] = [];
  if (stopWords.length > 0) reasons.push(`Words that say too little are not looked up: ${list(stopWords)}.`);
  if (terms.length === 0 && mode === 'hybrid') reasons.push('No word of the query is left to look up.');
  if (missingTerms.length > 0 && chunks.length > 0)
    reasons.push(`It lacks these words of the query: ${list(missingTerms)}.`);
  return reasons;
}

const MOST_WORDS = 20;

function list(found: readonly string[]): string {
  return found.slice(0, MOST_WORDS).join(', ') + (found.length > MOST_WORDS ? ', …' : '');
}

function excerpt(text: string): string {
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}
