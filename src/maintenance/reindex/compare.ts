import { createReadStream } from 'node:fs';
import type { Embedder } from '../../embed/embedder.ts';
import { errorMessage, StackloreError } from '../../errors.ts';
import { readLines } from '../../ingest/read-lines.ts';
import type { Collection } from '../../stores/knowledge/collections.ts';
import { type ComparedHit, type ReindexParts, throwIfStopped } from './parts.ts';
import type { ReindexRequest } from './request.ts';

/** How a query is answered by both indexes. */
export interface ComparedQuery {
  readonly query: string;
  /** The share of the live index's hits that the new one has too, in any order; documents where chunks differ. */
  readonly overlap: number;
  readonly isFirstSame: boolean;
}

/** How the answers of the new index differ from those of the live one; where chunks differ hits are documents. */
export interface ReindexComparison {
  readonly queries: number;
  /** Hits of each answer that are compared. */
  readonly topK: number;
  /** Mean share of hits that both have. */
  readonly overlap: number;
  /** Share of queries whose first hit is the same. */
  readonly sameFirst: number;
  /** Mean of `vectorScore`, new minus live, over hits that both have. */
  readonly scoreShift: number;
  /** The largest such difference, without its sign. */
  readonly largestScoreShift: number;
  /** The queries with the least overlap, at most ten. */
  readonly furthest: readonly ComparedQuery[];
}

const TOP_K = 10;
const FURTHEST = 10;
const MOST_QUERIES = 10_000;

/** An index to ask, and what its queries are embedded with. */
export interface Side {
  readonly collection: Collection;
  readonly embedder: () => Promise<Embedder>;
}

/** Asks both indexes each query, as a search with default settings would. */
export async function compareIndexes(
  { answer }: Pick<ReindexParts, 'answer'>,
  { live, next }: { readonly live: Side; readonly next: Side },
  {
    queries,
    onProgress,
    signal,
    unit = 'chunk',
  }: Pick<ReindexRequest, 'onProgress' | 'signal'> & {
    queries: readonly string[];
    /** What a hit counts as; other chunks cannot be told to be the same. */
    unit?: 'chunk' | 'document';
  },
): Promise<ReindexComparison> {
  const compared: ComparedQuery[] = [];
  const shifts: number[] = [];
  for (const query of queries) {
    throwIfStopped(signal);
    const request = { query, topK: TOP_K, ...(unit === 'document' && { maxPerDocument: 1 }) };
    const before = await answer(live, request);
    const after = await answer(next, request);
    const idOf = (hit: ComparedHit | undefined) => (unit === 'chunk' ? hit?.chunkId : hit?.docId);
    const scores = new Map(after.map((hit) => [idOf(hit), hit.vectorScore]));
    const shared = before.filter((hit) => scores.has(idOf(hit)));
    for (const hit of shared) shifts.push((scores.get(idOf(hit)) ?? 0) - (hit.vectorScore ?? 0));
    compared.push({
      query,
      overlap: overlapOf(before, after, shared.length),
      isFirstSame: idOf(before[0]) === idOf(after[0]),
    });
    onProgress?.({ step: 'queries', done: compared.length, total: queries.length });
  }
  return {
    ...{ queries: compared.length, topK: TOP_K },
    overlap: mean(compared.map(({ overlap }) => overlap)),
    sameFirst: mean(compared.map(({ isFirstSame }) => (isFirstSame ? 1 : 0))),
    scoreShift: mean(shifts),
    largestScoreShift: shifts.reduce((largest, shift) => Math.max(largest, Math.abs(shift)), 0),
    furthest: compared.toSorted((a, b) => a.overlap - b.overlap).slice(0, FURTHEST),
  };
}

function overlapOf(before: readonly ComparedHit[], after: readonly ComparedHit[], shared: number): number {
  if (before.length === 0) return after.length === 0 ? 1 : 0;
  return shared / before.length;
}

function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** The queries to compare by: given, or those of a file. Throws `invalid_input` or `source_unreadable`. */
export async function readQueries(given: string | readonly string[]): Promise<string[]> {
  const queries = typeof given === 'string' ? await readFile(given) : [...given];
  const blank = queries.findIndex((query) => query.trim() === '');
  if (queries.length === 0 || blank >= 0) {
    throw new StackloreError('invalid_input', {
      message:
        queries.length === 0
          ? 'There is no query to compare by. Give a file with a JSON object a line, such as {"query": "how do sessions expire?"}.'
          : `Query ${blank + 1} is blank. Remove it.`,
    });
  }
  return queries;
}

async function readFile(file: string): Promise<string[]> {
  const queries: string[] = [];
  try {
    for await (const line of readLines(createReadStream(file))) {
      const query = 'text' in line ? queryOf(line.text) : undefined;
      if (query === undefined) {
        throw new StackloreError('invalid_input', {
          message: `Line ${line.number} of ${file} holds no query. Write a JSON object a line with "query" or "text".`,
        });
      }
      if (queries.push(query) > MOST_QUERIES) {
        throw new StackloreError('too_large', {
          message: `${file} holds more than ${MOST_QUERIES} queries. Give fewer.`,
        });
      }
    }
  } catch (error) {
    if (error instanceof StackloreError) throw error;
    throw new StackloreError('source_unreadable', {
      message: `${file} cannot be read (${errorMessage(error)}). Correct the path.`,
      cause: error,
    });
  }
  return queries;
}

function queryOf(line: string): string | undefined {
  try {
    const { query, text }: Record<string, unknown> = Object(JSON.parse(line));
    const found = query ?? text;
    return typeof found === 'string' ? found : undefined;
  } catch {
    return undefined;
  }
}
