import { StackloreError } from '../errors.ts';
import type { SearchParts } from '../search/search.ts';
import type { Documents } from '../stores/knowledge/documents.ts';
import type { VectorIndex } from '../stores/knowledge/vector-index.ts';
import { type IndexRecall, measureIndexRecall } from './index-recall.ts';
import { describe, type JudgedQueries, type JudgedQuery, joinJudgements } from './judged-queries.ts';
import { MEASURES, type Measures, meanMeasures, measureRanking, RECALL_DEPTH } from './metrics.ts';
import {
  collectionNames,
  type EvaluationInput,
  type EvaluationRequest,
  parseEvaluationRequest,
  type SearchSettings,
} from './request.ts';
import { type QueryRun, type QueryRunOptions, runQuery } from './run-queries.ts';
import { type Difference, judgeDifferences } from './significance.ts';
import { readJudgements, readQueries } from './test-set.ts';
import { checkWritable, writeRun } from './trec-run.ts';

/** What an evaluation works with. */
export interface EvaluationParts extends SearchParts {
  readonly documents: Pick<Documents, 'find'>;
  readonly vectorIndex: SearchParts['vectorIndex'] & Pick<VectorIndex, 'findHealth'>;
}

/** How an evaluation tells of itself and is ended. */
export interface EvaluationOptions {
  readonly onProgress?: (progress: { readonly done: number; readonly total: number }) => void;
  readonly signal?: AbortSignal;
}

/** How good and how quick one setting is. */
export interface SettingsReport {
  readonly settings: SearchSettings;
  /** Means over the queries. */
  readonly measures: Measures;
  /** Of a search for as many documents as are measured, the embedding of the query included; half and 95 % were quicker. */
  readonly latencyMs: { readonly p50: number; readonly p95: number };
}

/** What became of one query. */
export interface QueryReport {
  readonly queryId: string;
  readonly text: string;
  readonly measures: Measures;
  /** With the settings that are compared. */
  readonly compared?: Measures;
}

/** The compared settings beside the first ones. */
export interface Comparison extends SettingsReport {
  /** Of each measure, above 0 where the compared settings are better. */
  readonly differences: Readonly<Record<keyof Measures, Difference>>;
  /** Queries by their nDCG. */
  readonly better: number;
  readonly worse: number;
  readonly equal: number;
}

/** The figures of an evaluation. */
export interface EvaluationReport extends SettingsReport {
  readonly collections: readonly string[];
  readonly k: number;
  readonly queries: number;
  readonly compared?: Comparison;
  readonly perQuery: readonly QueryReport[];
  /** One for each collection with an HNSW index. */
  readonly indexRecall: readonly IndexRecall[];
  /** Files written. */
  readonly runs: readonly string[];
  readonly warnings: readonly string[];
}

/**
 * Measures the answers of searches by judgements. Documents are ranked by their best chunk. Throws `parse_failed` for
 * broken lines, `not_found` when no judged document is stored, or what `search` throws.
 */
export async function evaluate(
  parts: EvaluationParts,
  input: EvaluationInput,
  options: EvaluationOptions = {},
): Promise<EvaluationReport> {
  const request = parseEvaluationRequest(input);
  const collections = collectionNames(request);
  const stored = await Promise.all(collections.map((name) => parts.collections.getRecent(name)));
  // Known before the queries are run, not after.
  if (request.run !== undefined) await checkWritable(request.run);
  const { judged, revised } = await readTestSet(parts, request, collections);
  const all = request.compare ? [request.search, request.compare] : [request.search];
  const depth = Math.max(RECALL_DEPTH, request.k);
  const runs = await runAll(parts, judged.queries, { collections, all, depth, ...options });
  const measured = runs.map((ofSettings) =>
    ofSettings.map(({ ranking }, at) => {
      const { grades } = judged.queries[at] as JudgedQuery;
      const docIds = ranking.map(({ docId }) => docId);
      return measureRanking(grades, docIds, request);
    }),
  );
  const warnings = [
    ...judged.warnings,
    ...revised,
    ...missing(judged, runs),
    ...toldBy(runs, judged.queries),
  ];
  const written = await writeRuns(request, judged, runs);
  const indexRecall = request.indexRecall ? await measureIndexRecall(parts, stored, judged.queries) : [];
  const [first = [], second] = measured;
  return {
    ...{ collections, k: request.k, queries: judged.queries.length },
    ...reportOf(request.search, first, runs[0] ?? []),
    ...(request.compare &&
      second && { compared: compare(first, second, reportOf(request.compare, second, runs[1] ?? [])) }),
    perQuery: judged.queries.map(({ queryId, text }, at) => ({
      ...{ queryId, text, measures: first[at] as Measures },
      ...(second && { compared: second[at] as Measures }),
    })),
    ...{ indexRecall, runs: written, warnings },
  };
}

async function readTestSet(
  { documents }: EvaluationParts,
  request: EvaluationRequest,
  collections: readonly string[],
): Promise<{ judged: JudgedQueries; revised: string[] }> {
  const queries = typeof request.queries === 'string' ? await readQueries(request.queries) : request.queries;
  const { judgements, revised } =
    typeof request.qrels === 'string'
      ? await readJudgements(request.qrels)
      : { judgements: request.qrels, revised: 0 };
  const judged = await joinJudgements(documents, collections, { queries, judgements });
  return {
    judged,
    revised: revised > 0 ? [`Revised by later judgements, which count: ${revised}.`] : [],
  };
}

interface RunAllOptions extends EvaluationOptions, Omit<QueryRunOptions, 'settings'> {
  readonly all: readonly SearchSettings[];
}

/** Runs every query with each of the settings; gives one list for each of these. */
async function runAll(
  parts: EvaluationParts,
  queries: readonly JudgedQuery[],
  { all, onProgress, signal, ...options }: RunAllOptions,
): Promise<QueryRun[][]> {
  const runs = all.map((): QueryRun[] => []);
  // Once unmeasured: the model is loaded, and settings that cannot be used are refused before the rest is done.
  for (const settings of all) await runQuery(parts, queries[0] as JudgedQuery, { ...options, settings });
  for (const [done, query] of queries.entries()) {
    if (signal?.aborted) {
      throw new StackloreError('aborted', {
        message: 'The evaluation was stopped. Run it again for its figures.',
      });
    }
    // In turn, and the other one first each time, so that what slows the machine down slows all settings alike.
    const order = [...all.entries()];
    if (done % 2 === 1) order.reverse();
    for (const [at, settings] of order)
      runs[at]?.push(await runQuery(parts, query, { ...options, settings }));
    onProgress?.({ done: done + 1, total: queries.length });
  }
  return runs;
}

/** Judged documents that are neither stored nor found. Throws `not_found` when that is all of them. */
function missing({ queries, unknown }: JudgedQueries, runs: readonly (readonly QueryRun[])[]): string[] {
  const found = new Set(runs.flat().flatMap(({ ranking }) => ranking.map(({ docId }) => docId)));
  const lacking = [...unknown].filter((name) => !found.has(name));
  const judged = new Set(queries.flatMap(({ grades }) => [...grades.keys()]));
  if (lacking.length === judged.size) {
    throw new StackloreError('not_found', {
      message: `None of the ${judged.size} judged documents is in the collection (${lacking.slice(0, 3).join(', ')}, …). Judge by doc ids, the _id of rows, or sources, as stacklore docs list shows them.`,
    });
  }
  return describe(lacking, { what: 'Not in the collection, and counted as not found, are judged documents' });
}

function toldBy(runs: readonly (readonly QueryRun[])[], queries: readonly JudgedQuery[]): string[] {
  const told = new Set(runs.flat().flatMap(({ warnings }) => warnings));
  for (const [at, { queryId }] of queries.entries()) {
    const failure = runs.map((run) => run[at]?.failure).find((reason) => reason !== undefined);
    if (failure !== undefined) told.add(`Query ${queryId} could not be searched and counts as 0: ${failure}`);
  }
  return [...told];
}

function reportOf(
  settings: SearchSettings,
  measures: readonly Measures[],
  runs: readonly QueryRun[],
): SettingsReport {
  const times = runs.map(({ latencyMs }) => latencyMs).sort((a, b) => a - b);
  const quantile = (share: number) => times[Math.max(0, Math.ceil(share * times.length) - 1)] ?? 0;
  return {
    settings,
    measures: meanMeasures(measures),
    latencyMs: { p50: quantile(0.5), p95: quantile(0.95) },
  };
}

function compare(
  first: readonly Measures[],
  second: readonly Measures[],
  report: SettingsReport,
): Comparison {
  const differencesOf = (name: keyof Measures) =>
    second.map((measures, at) => measures[name] - (first[at]?.[name] ?? 0));
  const entries = MEASURES.map((name) => [name, judgeDifferences(differencesOf(name))] as const);
  const signs = differencesOf('ndcg').map(Math.sign);
  const count = (sign: number) => signs.filter((one) => one === sign).length;
  return {
    ...report,
    // Made of the list of all measures.
    differences: Object.fromEntries(entries) as Record<keyof Measures, Difference>,
    ...{ better: count(1), worse: count(-1), equal: signs.length - count(1) - count(-1) },
  };
}

async function writeRuns(
  { run: path }: EvaluationRequest,
  { queries, names }: JudgedQueries,
  runs: readonly (readonly QueryRun[])[],
): Promise<string[]> {
  if (path === undefined) return [];
  const paths = [path, path.replace(/(\.[^./\\]+)?$/, '.compared$1')].slice(0, runs.length);
  for (const [at, written] of paths.entries()) {
    const lines = (runs[at] ?? []).map((run, n) => ({
      queryId: queries[n]?.queryId ?? '',
      ranking: run.ranking.map(({ docId, score }) => ({
        docId: names.get(docId) ?? run.names.get(docId) ?? docId,
        score,
      })),
    }));
    await writeRun(written, lines, { tag: at === 0 ? 'stacklore' : 'stacklore-compared' });
  }
  return paths;
}
