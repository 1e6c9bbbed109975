import { z } from 'zod';
import { StackloreError } from '../../errors.ts';
import type { EvaluationReport } from '../../evaluation/evaluate.ts';
import type { JudgingInput } from '../../evaluation/judge.ts';
import type { SearchSettings } from '../../evaluation/request.ts';
import { type CommandContext, defineCommand, type Outcome } from '../command.ts';
import { describeEvaluation } from '../evaluation-lines.ts';
import { factProgress } from '../fact-progress.ts';
import { jsonObjectFlag, wholeNumber } from '../flag-values.ts';
import { openJudge } from '../judge-terminal.ts';
import { SEARCH_FLAGS, searchFlags, searchOptions } from './search.ts';

/** What an evaluation decides itself. */
const DECIDED = /^--(top-k|max-per-document|user-id|also) /;

const schema = z.strictObject({
  ...searchFlags,
  queries: z.string('is required'),
  qrels: z.string('is required'),
  k: wholeNumber(1, 1_000).optional(),
  compare: jsonObjectFlag().optional(),
  run: z.string().optional(),
  indexRecall: z.boolean().default(true),
  judge: z.boolean().default(false),
});

export const command = defineCommand({
  summary: 'Measure searches by judgements of your own, or collect such judgements.',
  flags: [
    { flags: '--queries <file>', description: 'JSON Lines of {"_id", "text"}' },
    {
      flags: '--qrels <file>',
      description: 'lines of query id, document id and grade, with tabs between them',
    },
    ...SEARCH_FLAGS.filter(({ flags }) => !DECIDED.test(flags)),
    { flags: '--k <number>', description: 'depth of nDCG, recall and MRR (10)' },
    {
      flags: '--compare <json>',
      description: 'other settings of search to compare with, e.g. \'{"mode":"vector"}\'',
    },
    { flags: '--run <file>', description: 'write the documents found in the form of TREC' },
    { flags: '--no-index-recall', description: 'do not compare the HNSW index with exact search' },
    {
      flags: '--judge',
      description:
        'show what queries find and append your judgements to --qrels; ask queries of your own, too',
    },
  ],
  schema,
  examples: [
    'stacklore eval --queries queries.jsonl --qrels qrels.tsv --collection docs',
    'stacklore eval --queries queries.jsonl --qrels qrels.tsv --collection docs --compare \'{"mode":"vector"}\'',
    'stacklore eval --queries queries.jsonl --qrels qrels.tsv --collection docs --judge',
  ],
  async run({ lore, terminal }, _args, flags) {
    const { queries, qrels, k, compare, run, indexRecall, judge, ...options } = flags;
    const { collections, ...search } = searchOptions([], options);
    if (judge) refuseMeasuring({ compare, run, indexRecall });
    if (judge) return judgeHits({ lore, terminal }, { queries, qrels, collections, k, search });
    const progress = factProgress(terminal, 'queries');
    const report: EvaluationReport = await lore()
      .evaluate(
        // The settings that are compared are checked by the evaluation itself.
        {
          queries,
          qrels,
          collections,
          search,
          indexRecall,
          k,
          run,
          compare: compare as SearchSettings | undefined,
        },
        {
          signal: terminal.signal,
          onProgress: ({ done, total }) => progress.onProgress({ count: done, share: done / total }),
        },
      )
      .finally(progress.end);
    for (const warning of report.warnings) terminal.note(`Note: ${warning}`);
    return { data: report, lines: describeEvaluation(report, terminal.columns) };
  },
});

/** Judging measures nothing. Throws `invalid_input` for flags that say how to. */
function refuseMeasuring(flags: { compare: unknown; run: unknown; indexRecall: boolean }): void {
  const { compare, run, indexRecall } = flags;
  const given = [
    ...(compare === undefined ? [] : ['--compare']),
    ...(run === undefined ? [] : ['--run']),
    ...(indexRecall ? [] : ['--no-index-recall']),
  ];
  if (given.length === 0) return;
  throw new StackloreError('invalid_input', {
    message: `--judge collects judgements and measures nothing, so it takes no ${given.join(', ')}. Judge first, then measure without --judge.`,
  });
}

async function judgeHits(
  { lore, terminal }: Pick<CommandContext, 'lore' | 'terminal'>,
  request: JudgingInput,
): Promise<Outcome> {
  const { judge, close } = openJudge(terminal);
  const report = await lore().judge(request, judge).finally(close);
  const { judged, skipped, queries, asked } = report;
  const own = asked > 0 ? `, ${asked} new queries in ${request.queries}` : '';
  return {
    data: report,
    lines: [`${judged} judged, ${skipped} skipped over ${queries} queries; kept in ${request.qrels}${own}`],
  };
}
