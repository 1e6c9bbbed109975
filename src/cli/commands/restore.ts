import { z } from 'zod';
import { StackloreError } from '../../errors.ts';
import type { RestoreReport } from '../../maintenance/backup/restore.ts';
import { defineCommand } from '../command.ts';
import { counted } from '../format.ts';
import { keyProgress } from '../key-progress.ts';

export const command = defineCommand({
  summary:
    'Restore an archive into its named database; refused when keys exist, unless told what becomes of them.',
  arguments: '<archive>',
  flags: [
    { flags: '--dry-run', description: 'only say what would be done' },
    { flags: '--skip-existing', description: 'keep keys that exist; also goes on after an interruption' },
    { flags: '--replace', description: 'replace keys that exist' },
    { flags: '--family <name>', description: 'only this record family; may be repeated', isList: true },
    { flags: '--unknown', description: 'also keys of no record family, where the archive has some' },
  ],
  schema: z.strictObject({
    dryRun: z.boolean().default(false),
    skipExisting: z.boolean().default(false),
    replace: z.boolean().default(false),
    family: z.array(z.string()).optional(),
    unknown: z.boolean().default(false),
  }),
  settingFlags: { families: 'family' },
  examples: ['stacklore restore backups/stacklore-main-20250115T103000.000Z.backup --dry-run'],
  async run({ lore, terminal }, [file = ''], { skipExisting, replace, family, ...flags }) {
    if (skipExisting && replace) {
      throw new StackloreError('invalid_input', { message: 'Give --skip-existing or --replace, not both.' });
    }
    const progress = keyProgress(terminal);
    try {
      const report = await lore().maintenance.restore({
        ...{ file, ...flags, existing: replace ? 'replace' : skipExisting ? 'skip' : 'refuse' },
        ...(family !== undefined && { families: family }),
        onProgress: progress.onProgress,
        signal: terminal.signal,
      });
      return { data: report, lines: describe(report), exitCode: report.refused === undefined ? 0 : 1 };
    } finally {
      progress.end();
    }
  },
});

function describe(report: RestoreReport): string[] {
  const { dryRun, restored, skipped, expired, unselected, existing, database, families } = report;
  if (report.refused !== undefined) return [`This would be refused. ${report.refused}`];
  const indexes = [
    ...report.indexes.map((one) => [one.collection, one] as const),
    ...(report.factIndex ? [['facts', report.factIndex] as const] : []),
  ];
  return [
    `${dryRun ? 'Would restore' : 'Restored'} ${counted(restored, 'key')} into ${database}; ${existing} exist, ${skipped} kept as they are, ${expired} expired, ${unselected} not asked for.`,
    ...Object.entries(families).map(([name, keys]) => `  ${name === '' ? '(no family)' : name}: ${keys}`),
    ...indexes.map(([name, one]) => `Index of ${name}: ${describeIndex(one)}`),
  ];
}

function describeIndex(index: NonNullable<RestoreReport['factIndex']>): string {
  if (index.state === 'failed') return `failed. ${index.error.message}`;
  if (!index.following) return 'ready';
  const following = index.following.map((one) => (one === 'hnsw' ? 'HNSW' : one)).join(' and ');
  return `ready for exact search by vectors; ${following} follow in the background, looked after by searches, ingests and stacklore status.`;
}
