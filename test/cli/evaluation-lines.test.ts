import { describe, expect, it } from 'vitest';
import { describeEvaluation } from '../../src/cli/evaluation-lines.ts';
import type { EvaluationReport } from '../../src/evaluation/evaluate.ts';

const measures = { ndcg: 0.5, recall: 0.75, recallAt100: 1, mrr: 0.25 };
const report: EvaluationReport = {
  ...{ collections: ['docs', 'notes'], k: 5, queries: 2, settings: {}, measures },
  latencyMs: { p50: 12.345, p95: 40 },
  perQuery: [],
  indexRecall: [],
  runs: ['run.trec'],
  warnings: [],
};
const difference = { mean: 0.125, low: -0.05, high: 0.3, p: 0.0625 };

describe('the lines of an evaluation', () => {
  it('name the measures by their depth', () => {
    expect(describeEvaluation(report, 80)).toEqual([
      '2 queries on docs, notes',
      '',
      'measure      value',
      '-----------  -------',
      'nDCG@5       0.5000',
      'Recall@5     0.7500',
      'Recall@100   1.0000',
      'MRR@5        0.2500',
      'latency p50  12.3 ms',
      'latency p95  40.0 ms',
      'Run written to run.trec',
    ]);
    expect(
      describeEvaluation({ ...report, k: 100 }, 80).filter((line) => line.includes('Recall')),
    ).toHaveLength(1);
  });

  it('show differences with their interval, and the queries that changed, the best first', () => {
    const query = (queryId: string, ndcg: number) => ({
      ...{ queryId, text: `text of ${queryId}`, measures, compared: { ...measures, ndcg } },
    });
    const lines = describeEvaluation(
      {
        ...report,
        perQuery: [query('worse', 0.25), query('same', 0.5), query('better', 0.75)],
        compared: {
          ...{
            settings: { mode: 'text' },
            measures,
            latencyMs: { p50: 1, p95: 2 },
            better: 1,
            worse: 1,
            equal: 1,
          },
          differences: { ndcg: difference, recall: difference, recallAt100: difference, mrr: difference },
        },
      },
      80,
    );
    expect(lines).toContain('nDCG@5       0.5000   0.5000    +0.1250     -0.0500 to +0.3000  0.0625');
    expect(lines).toContain('Compared settings: 1 queries better, 1 worse, 1 equal by nDCG');
    expect(lines.filter((line) => line.includes('text of'))).toEqual([
      '   0.250  better  text of better',
      '  -0.250  worse  text of worse',
    ]);
  });

  it('propose an EF_RUNTIME, or say that it is well as it is', () => {
    const recall = {
      ...{ collection: 'docs', chunks: 9, queries: 2, efRuntime: 10, proposed: 32 },
      measured: [
        { efRuntime: 10, recallAt10: 0.9, p50Ms: 0.5 },
        { efRuntime: 32, recallAt10: 0.995, p50Ms: 0.6 },
      ],
      float16: { recallAt10: 0.999, savedBytes: 2_000_000 },
    };
    const lines = describeEvaluation({ ...report, indexRecall: [recall] }, 80).join('\n');
    expect(lines).toContain('Proposed: --ef-runtime 32 in place of 10 (0.9950 in place of 0.9000)');
    expect(lines).toContain('would save 2.0 MB and keep 99.9 % of the 10 nearest');
    const well = { ...recall, efRuntime: 32 };
    expect(describeEvaluation({ ...report, indexRecall: [well] }, 80).join('\n')).toContain(
      'EF_RUNTIME 32 as it is: 0.9950',
    );
  });
});
