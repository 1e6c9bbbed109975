import { z } from 'zod';
import { StackloreError } from '../../errors.ts';
import type { CleanupReport } from '../../maintenance/cleanup.ts';
import { defineCommand } from '../command.ts';
import { dateFlag, wholeNumber } from '../flag-values.ts';
import { table } from '../format.ts';

const flag = z.boolean().default(false);

export const command = defineCommand({
  summary: 'Remove what nobody needs any more: cached answers, old analytics, orphans, dead letters.',
  flags: [
    { flags: '--cache', description: 'cached responses' },
    { flags: '--analytics-before <date>', description: 'metrics, usage and errors that ended by this date' },
    {
      flags: '--orphans',
      description: 'chunks whose document is gone, and what a reindex that is no more has staged',
    },
    { flags: '--empty-documents', description: 'documents without chunks' },
    { flags: '--dead-letters', description: 'tasks of all queues that were given up' },
    { flags: '--all', description: 'all of these; analytics only with a date' },
    { flags: '--dry-run', description: 'only say what would go' },
    { flags: '--rate <number>', description: 'look at so many keys in a second at most (50000)' },
    { flags: '--yes', description: 'really delete' },
  ],
  schema: z.strictObject({
    cache: flag,
    analyticsBefore: dateFlag().optional(),
    orphans: flag,
    emptyDocuments: flag,
    deadLetters: flag,
    all: flag,
    dryRun: flag,
    rate: wholeNumber(1).optional(),
    yes: flag,
  }),
  settingFlags: { keysPerSecond: 'rate' },
  examples: [
    'stacklore cleanup --orphans --dry-run',
    'stacklore cleanup --cache --analytics-before 2025-01-01 --yes',
  ],
  async run({ lore, terminal }, _args, { yes, dryRun, rate, ...chosen }) {
    if (!Object.values(chosen).some((value) => value !== undefined && value !== false)) {
      throw new StackloreError('invalid_input', {
        message:
          'Nothing was chosen, so nothing was deleted. Choose --cache, --analytics-before with a date, --orphans, --empty-documents or --dead-letters, or --all.',
      });
    }
    const report = await lore().maintenance.cleanup({
      ...chosen,
      dryRun: dryRun || !yes,
      ...(rate !== undefined && { keysPerSecond: rate }),
      signal: terminal.signal,
    });
    if (!dryRun && !yes) {
      throw new StackloreError('invalid_input', {
        message: `Nothing was deleted. This would delete ${report.total} for good: see what with --dry-run, or repeat with --yes.`,
      });
    }
    return { data: report, lines: describe(report) };
  },
});

function describe({ dryRun, analytics, ...report }: CleanupReport): string[] {
  const kinds = [
    ['cached responses', report.cache],
    ['orphaned chunks', report.orphans],
    ['documents without chunks', report.emptyDocuments],
    ['dead letters', report.deadLetters],
  ] as const;
  const rows = kinds.flatMap(([name, removed]) => {
    if (removed === undefined) return [];
    const { count, examples } = removed;
    return [[name, String(count), examples.join(', ')]];
  });
  for (const [family, count] of Object.entries(analytics?.families ?? {})) {
    rows.push([family, String(count), `ended by ${analytics?.before.toISOString()}`]);
  }
  const undated = analytics?.undated ?? 0;
  return [
    ...table(['what', dryRun ? 'would go' : 'deleted', 'for example'], rows),
    ...(undated > 0 ? [`${undated} keys of analytics have a date that cannot be read, and stay.`] : []),
  ];
}
