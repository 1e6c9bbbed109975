import { z } from 'zod';
import { StackloreError } from '../../errors.ts';
import { defineCommand } from '../command.ts';
import { table } from '../format.ts';

const flag = z.boolean().default(false);

export const command = defineCommand({
  summary: 'Remove what nobody needs any more: cached answers, old analytics, orphans, dead letters.',
  flags: [
    { flags: '--cache', description: 'cached responses' },
    { flags: '--analytics-before <date>', description: 'metrics, usage and errors that ended by this date' },
    { flags: '--orphans', description: 'chunks whose document is gone' },
    { flags: '--empty-documents', description: 'documents without chunks' },
    { flags: '--dead-letters', description: 'tasks of all queues that were given up' },
    { flags: '--all', description: 'all of these; analytics only with a date' },
    { flags: '--dry-run', description: 'only say what would go' },
    { flags: '--yes', description: 'really delete' },
  ],
  schema: z.strictObject({
    cache: flag,
    analyticsBefore: z.string().optional(),
    orphans: flag,
    emptyDocuments: flag,
    deadLetters: flag,
    all: flag,
    dryRun: flag,
    yes: flag,
  }),
  examples: [
    'stacklore cleanup --orphans --dry-run',
    'stacklore cleanup --cache --analytics-before 2025-01-01 --yes',
  ],
  async run({ lore, terminal }, _args, { yes, dryRun, ...chosen }) {
    const report = await lore().maintenance.cleanup({ ...chosen, dryRun: dryRun || !yes, signal: terminal.signal });
    if (!dryRun && !yes) {
      throw new StackloreError('invalid_input', {
        message: `Nothing was deleted. This would delete ${report.total} for good: see what with --dry-run, or repeat with --yes.`,
      });
    }
    const rows = [
      ['cached responses', report.cache],
      ['analytics keys', report.analytics?.total],
      ['orphaned chunks', report.orphans],
      ['documents without chunks', report.emptyDocuments],
      ['dead letters', report.deadLetters],
    ].flatMap(([name, count]) => (count === undefined ? [] : [[String(name), String(count)]]));
    return { data: report, lines: table(['what', dryRun ? 'would go' : 'deleted'], rows) };
  },
});
