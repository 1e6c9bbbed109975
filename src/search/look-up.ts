import { StackloreError } from '../errors.ts';
import { analyserOf } from '../stores/knowledge/chunk-terms.ts';
import type { Collection } from '../stores/knowledge/collections.ts';
import type { CandidateQuery, VectorIndex } from '../stores/knowledge/vector-index.ts';
import type { CompiledFilter } from './filter.ts';
import { nearestQuery } from './query.ts';
import type { FoundList } from './rank.ts';
import type { SearchMode, SearchRequest } from './request.ts';
import { wordsMissingError } from './words-missing.ts';
import { wordsQuery } from './words-query.ts';

/** One question: its words, and the vector of its meaning, which may still be in the making. */
export interface Question {
  readonly query: string;
  /** Absent where words alone are looked up and no model makes one. */
  readonly vector?: Float32Array | Promise<Float32Array>;
}

/** The vectors of the questions, in order. */
export async function vectorsOf(questions: readonly Question[]): Promise<Float32Array[]> {
  return Promise.all(questions.flatMap(({ vector }) => (vector ? [vector] : [])));
}

/** A search whose questions and filters are at hand. */
export interface HybridSearch {
  readonly collections: readonly Collection[];
  /** One for each collection. */
  readonly filters: readonly (CompiledFilter | undefined)[];
  readonly request: SearchRequest;
  readonly mode: SearchMode;
  readonly questions: readonly Question[];
  /** A key that cannot be a hit: what others are to be like. */
  readonly excluded?: string | undefined;
}

/** What belongs to a search beside its request. */
export interface Look extends HybridSearch {
  /** The terms of each question, by collection. */
  readonly terms: readonly (readonly (readonly string[])[])[];
}

/** Terms of a query that are looked up: more cost the server milliseconds and change next to nothing. */
const MOST_TERMS = 1_000;

/** Makes terms of the questions' words, where words are looked up. */
export async function withTerms(search: HybridSearch): Promise<Look> {
  const { collections, questions, mode } = search;
  const termsIn = (collection: Collection) =>
    questions.map(({ query }) => (mode === 'vector' ? [] : queryTerms(collection, query)));
  return { ...search, terms: await Promise.all(collections.map((one) => Promise.all(termsIn(one)))) };
}

/** The terms of a query as a collection's chunks have them, each as often as the query has it. */
export async function queryTerms({ name, manifest }: Collection, query: string): Promise<string[]> {
  const analyser = await analyserOf(manifest);
  if (!analyser) {
    throw new StackloreError('manifest_mismatch', {
      message: `The words of collection "${name}" are not indexed. Search it in mode "vector", or index them: stacklore collections index-words ${name}.`,
    });
  }
  return analyser
    .analyse(query)
    .split(' ')
    .filter((term) => term !== '')
    .slice(0, MOST_TERMS);
}

interface LookUp {
  readonly look: Look;
  readonly depth: number;
  /** Takes the collections whose index had to be rebuilt. */
  readonly rebuilt: Set<Collection>;
  /** Takes those whose words are not indexed yet, with the share of chunks, 0 to 1, that are. */
  readonly wordsMissing?: Map<Collection, number>;
}

/** What each side finds for each question in each collection. Words are looked up while the question is being embedded. */
export async function lookUp(
  { vectorIndex }: { readonly vectorIndex: Pick<VectorIndex, 'candidates'> },
  { look, depth, rebuilt, wordsMissing = new Map() }: LookUp,
): Promise<FoundList[]> {
  const ask = async (collection: Collection, at: number, queries: readonly SideQuery[]) => {
    if (queries.length === 0) return [];
    const answer = await vectorIndex.candidates(
      collection,
      queries.map(({ query }) => query),
    );
    if (answer.rebuilt) rebuilt.add(collection);
    if (answer.wordsIndexed !== undefined) {
      if (look.mode === 'text') throw wordsMissingError(collection, answer.wordsIndexed);
      wordsMissing.set(collection, answer.wordsIndexed);
    }
    return queries.map(({ query: { by }, question }, n): FoundList => {
      return { by, question, at, candidates: answer.lists[n] ?? [] };
    });
  };
  const found = await Promise.all(
    look.collections.flatMap((collection, at) => [
      ask(collection, at, wordsQueries(look, at, depth)),
      vectorQueries(look, at, depth).then((queries) => ask(collection, at, queries)),
    ]),
  );
  return found.flat();
}

/** A query, and the place of the question that it belongs to. */
interface SideQuery {
  readonly query: CandidateQuery;
  readonly question: number;
}

async function vectorQueries(look: Look, at: number, depth: number): Promise<SideQuery[]> {
  const { filters, request, mode, questions } = look;
  if (mode === 'text') return [];
  const collection = look.collections[at] as Collection;
  const vectors = await vectorsOf(questions);
  // An HNSW index gives no more than it looked at.
  const efRuntime = Math.max(request.efRuntime ?? collection.manifest.index.efRuntime, depth);
  const same = { collection, topK: depth, filter: filters[at], efRuntime, exact: request.exact };
  return vectors.map((vector, question) => ({ question, query: nearestQuery({ ...same, vector }) }));
}

function wordsQueries({ filters, mode, terms }: Look, at: number, depth: number): SideQuery[] {
  // Beside the vectors the words around a chunk may find it; whoever asks for words alone wants to see one in each hit.
  const options = { filter: filters[at], limit: depth, own: mode === 'text' };
  return (terms[at] ?? []).flatMap((asked, question) =>
    asked.length === 0 ? [] : [{ question, query: wordsQuery(asked, options) }],
  );
}

/** Whether looking further cannot give more hits: all was found, or the farthest is too unlike already. */
export function isExhausted(
  found: readonly FoundList[],
  { minScore }: SearchRequest,
  depth: number,
): boolean {
  const nearest = found.filter(({ by }) => by === 'distance');
  const isBeyond = ({ candidates }: FoundList) =>
    candidates.length < depth || (minScore !== undefined && 1 - (candidates.at(-1)?.value ?? 0) < minScore);
  if (minScore !== undefined && nearest.length > 0) return nearest.every(isBeyond);
  return found.every(({ candidates }) => candidates.length < depth);
}
