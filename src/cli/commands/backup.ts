import { z } from 'zod';
import type { BackupArchive, BackupReport, BackupRequest } from '../../maintenance/backup/backup.ts';
import { defineCommand } from '../command.ts';
import { wholeNumber } from '../flag-values.ts';
import { counted, formatBytes } from '../format.ts';
import { keyProgress } from '../key-progress.ts';

export const command = defineCommand({
  summary:
    'Write an archive of each named database (main, knowledge, prompts, analytics), or of those named.',
  arguments: '[databases...]',
  flags: [
    { flags: '--to <folder>', description: 'folder for archives (default: backups in the data home)' },
    {
      flags: '--family <name>',
      description: 'only this record family, e.g. session; may be repeated',
      isList: true,
    },
    { flags: '--unknown', description: 'also keys that belong to no record family' },
    { flags: '--server', description: 'let the server write a snapshot of all it holds (BGSAVE)' },
    { flags: '--keep <number>', description: 'then keep only so many archives of each database' },
    { flags: '--keep-days <number>', description: 'then remove archives older than so many days' },
  ],
  schema: z.strictObject({
    to: z.string().optional(),
    family: z.array(z.string()).optional(),
    unknown: z.boolean().default(false),
    server: z.boolean().default(false),
    keep: wholeNumber(1).optional(),
    keepDays: wholeNumber(1).optional(),
  }),
  settingFlags: { folder: 'to', families: 'family' },
  examples: [
    'stacklore backup --keep 7',
    'stacklore backup knowledge --to /mnt/backups',
    'stacklore backup --server',
  ],
  async run({ lore, terminal }, args, { to, family, ...flags }) {
    const progress = keyProgress(terminal);
    try {
      const report = await lore().maintenance.backup({
        ...flags,
        ...(to !== undefined && { folder: to }),
        ...(family !== undefined && { families: family }),
        // Names are checked by the request itself.
        ...(args.length > 0 && { databases: [...args] as NonNullable<BackupRequest['databases']> }),
        onProgress: progress.onProgress,
        signal: terminal.signal,
      });
      return { data: report, lines: describe(report) };
    } finally {
      progress.end();
    }
  },
});

function describe({ archives, snapshots }: BackupReport): string[] {
  return [
    ...snapshots.map(({ path, savedAt }) => {
      return `Snapshot ${path ?? '(the server does not tell where)'}, ${savedAt.toISOString()}`;
    }),
    ...archives.flatMap(describeArchive),
  ];
}

function describeArchive({ database, path, keys, bytes, skipped, removed }: BackupArchive): string[] {
  return [
    `${database}: ${counted(keys, 'key')}, ${formatBytes(bytes)}, ${path}`,
    ...(skipped.count > 0
      ? [`  left out, as archives do not hold their type: ${skipped.count} keys (${skipped.keys.join(', ')})`]
      : []),
    ...removed.map((old) => `  removed ${old}`),
  ];
}
