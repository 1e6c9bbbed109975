import type { Comparison, EvaluationReport, QueryReport } from '../evaluation/evaluate.ts';
import type { IndexRecall } from '../evaluation/index-recall.ts';
import { MEASURES, type Measures } from '../evaluation/metrics.ts';
import { formatBytes, oneLine, table } from './format.ts';

/** Queries shown where two settings differ most, on each side. */
const SHOWN = 5;
/** A hybrid search looks at more chunks than any of these, so that nothing is gained there. */
const HNSW_NOTE = 'for --mode vector; a hybrid search looks more widely anyway';

/** The figures of an evaluation for people. */
export function describeEvaluation(report: EvaluationReport, columns: number): string[] {
  const { compared, k, queries, collections } = report;
  return [
    `${queries} queries on ${collections.join(', ')}`,
    '',
    ...(compared ? comparisonTable(report, compared, k) : figureTable(report, k)),
    ...(compared ? changes(report, compared, columns) : []),
    ...report.indexRecall.flatMap(recallLines),
    ...report.runs.map((path) => `Run written to ${path}`),
  ];
}

function nameOf(measure: keyof Measures, k: number): string {
  return { ndcg: `nDCG@${k}`, recall: `Recall@${k}`, recallAt100: 'Recall@100', mrr: `MRR@${k}` }[measure];
}

function figureTable({ measures, latencyMs }: EvaluationReport, k: number): string[] {
  return table(
    ['measure', 'value'],
    [
      ...shownMeasures(k).map((name) => [nameOf(name, k), measures[name].toFixed(4)]),
      ['latency p50', milliseconds(latencyMs.p50)],
      ['latency p95', milliseconds(latencyMs.p95)],
    ],
  );
}

function comparisonTable(
  { measures, latencyMs }: EvaluationReport,
  compared: Comparison,
  k: number,
): string[] {
  const signed = (value: number) => (value > 0 ? `+${value.toFixed(4)}` : value.toFixed(4));
  return table(
    ['measure', 'first', 'compared', 'difference', '95 % interval', 'p'],
    [
      ...shownMeasures(k).map((name) => {
        const { mean, low, high, p } = compared.differences[name];
        return [
          ...[nameOf(name, k), measures[name].toFixed(4), compared.measures[name].toFixed(4), signed(mean)],
          ...[`${signed(low)} to ${signed(high)}`, p.toFixed(4)],
        ];
      }),
      ['latency p50', milliseconds(latencyMs.p50), milliseconds(compared.latencyMs.p50)],
      ['latency p95', milliseconds(latencyMs.p95), milliseconds(compared.latencyMs.p95)],
    ],
  );
}

/** At a depth of 100 both recalls are the same. */
function shownMeasures(k: number): readonly (keyof Measures)[] {
  return k === 100 ? MEASURES.filter((name) => name !== 'recallAt100') : MEASURES;
}

function milliseconds(value: number): string {
  return `${value.toFixed(1)} ms`;
}

function changes(
  { perQuery }: EvaluationReport,
  { better, worse, equal }: Comparison,
  columns: number,
): string[] {
  const gainOf = ({ measures, compared }: QueryReport) => (compared?.ndcg ?? 0) - measures.ndcg;
  const sorted = perQuery.toSorted((a, b) => gainOf(b) - gainOf(a));
  const line = (query: QueryReport) =>
    `  ${gainOf(query).toFixed(3).padStart(6)}  ${query.queryId}  ${oneLine(query.text, Math.max(20, columns - 20 - query.queryId.length))}`;
  const gained = sorted.filter((query) => gainOf(query) > 0).slice(0, SHOWN);
  const lost = sorted.filter((query) => gainOf(query) < 0).slice(-SHOWN);
  return [
    '',
    `Compared settings: ${better} queries better, ${worse} worse, ${equal} equal by nDCG`,
    ...[...gained, ...lost].map(line),
  ];
}

function recallLines({ collection, queries, efRuntime, measured, proposed, float16 }: IndexRecall): string[] {
  const current = measured.find((one) => one.efRuntime === efRuntime);
  const wanted = measured.find((one) => one.efRuntime === proposed);
  return [
    '',
    `HNSW index of ${collection} against exact search, ${queries} queries:`,
    ...table(
      ['EF_RUNTIME', 'Recall@10', 'p50'],
      measured.map((one) => [String(one.efRuntime), one.recallAt10.toFixed(4), `${one.p50Ms.toFixed(2)} ms`]),
    ),
    efRuntime === proposed
      ? `EF_RUNTIME ${efRuntime} as it is: ${current?.recallAt10.toFixed(4)}`
      : `Proposed: --ef-runtime ${proposed} in place of ${efRuntime} (${wanted?.recallAt10.toFixed(4)} in place of ${current?.recallAt10.toFixed(4)}), ${HNSW_NOTE}`,
    `Vectors of 16-bit floats would save ${formatBytes(float16.savedBytes)} and keep ${(float16.recallAt10 * 100).toFixed(1)} % of the 10 nearest`,
  ];
}
