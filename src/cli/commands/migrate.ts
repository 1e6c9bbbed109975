import { z } from 'zod';
import type { ImportReport } from '../../maintenance/migrate/import-rows.ts';
import type { MigrationRequest } from '../../maintenance/migrate/migrate.ts';
import type { MoveReport } from '../../maintenance/migrate/move-knowledge.ts';
import { defineCommand } from '../command.ts';
import { wholeNumber } from '../flag-values.ts';
import { counted, table } from '../format.ts';
import { keyProgress } from '../key-progress.ts';

export const command = defineCommand({
  summary:
    'Bring knowledge records here from another database, or chunks with their vectors from another tool or an export.',
  flags: [
    {
      flags: '--layout <name>',
      description: 'what is read: stacklore (default), llamaindex-python, langchain, redisvl or jsonl',
    },
    { flags: '--from-number <number>', description: 'number of the database to read from' },
    { flags: '--from-url <url>', description: 'server to read from (default: that of knowledge)' },
    { flags: '--move', description: 'remove from there what was compared and is equal; else it is a copy' },
    { flags: '--prefix <text>', description: "what another tool's keys begin with" },
    { flags: '--file <path>', description: 'the file of jsonl' },
    { flags: '--collection <name>', description: 'collection for rows of other layouts (default: default)' },
    { flags: '--vector-field <name>', description: "field of the vector (default: the layout's)" },
    { flags: '--text-field <name>', description: "field of the text (default: the layout's)" },
    { flags: '--vector-model <name>', description: 'model that the vectors were made with' },
    { flags: '--reembed', description: 'make new vectors with the configured model' },
    { flags: '--dry-run', description: 'only say what would be done' },
  ],
  schema: z.strictObject({
    layout: z.string().optional(),
    fromNumber: wholeNumber(0).optional(),
    fromUrl: z.string().optional(),
    move: z.boolean().default(false),
    prefix: z.string().optional(),
    file: z.string().optional(),
    collection: z.string().optional(),
    vectorField: z.string().optional(),
    textField: z.string().optional(),
    vectorModel: z.string().optional(),
    reembed: z.boolean().default(false),
    dryRun: z.boolean().default(false),
  }),
  settingFlags: { 'databases.knowledge.number': 'from-number' },
  examples: [
    'stacklore migrate --from-number 1 --dry-run',
    'stacklore migrate --from-url redis://old-host:6379/1 --move',
    'stacklore migrate --layout langchain --prefix doc:articles: --collection articles',
  ],
  async run({ lore, terminal }, _args, flags) {
    const progress = keyProgress(terminal);
    try {
      const report = await lore().maintenance.migrate({
        // What a flag may hold is checked by the request itself.
        ...(flags as MigrationRequest),
        onProgress: progress.onProgress,
        signal: terminal.signal,
      });
      const hasFailed =
        report.layout === 'stacklore' ? report.unequal.count > 0 : report.failed > 0 || report.rows === 0;
      const lines = report.layout === 'stacklore' ? describeMove(report) : describeImport(report);
      return { data: report, lines, exitCode: hasFailed ? 1 : 0 };
    } finally {
      progress.end();
    }
  },
});

function describeMove(report: MoveReport): string[] {
  const { families, copied, alreadyThere, verified, removed, unequal, skipped, dryRun, move } = report;
  const rows = families.map((one) => [
    ...[one.family, String(one.copied), String(one.alreadyThere), String(one.verified), String(one.removed)],
  ]);
  return [
    ...(rows.length > 0 ? table(['family', 'copied', 'there before', 'verified', 'removed'], rows) : []),
    dryRun
      ? `Would copy ${copied}; ${alreadyThere} are there already.`
      : `Copied ${copied}, ${alreadyThere} were there already; ${counted(verified, 'key')} compared and equal, ${removed} removed from the source.`,
    ...(copied + alreadyThere === 0 ? ['No records of stacklore were found there.'] : []),
    ...(unequal.count > 0
      ? [`${unequal.count} keys changed meanwhile and stay: ${unequal.keys.join(', ')}. Repeat the command.`]
      : []),
    ...(skipped.count > 0
      ? [`Left out, as no record has their type: ${skipped.count} keys (${skipped.keys.join(', ')})`]
      : []),
    ...report.uncreated.map((name) => {
      return `Chunks of "${name}" are there, but no such collection: stacklore collections create ${name}`;
    }),
    ...report.unreadable.map(({ problem }) => {
      return `Warning: ${problem} The index of that collection was left as it is: run stacklore doctor --fix then.`;
    }),
    ...(!dryRun && !move && verified > 0
      ? ['The source keeps its records. Repeat with --move to remove there what is equal here.']
      : []),
  ];
}

function describeImport(report: ImportReport): string[] {
  const { rows, skipped, created, updated, unchanged, failed, problems, badLines, collection, dryRun } =
    report;
  return [
    `${counted(rows, 'row')} ${dryRun ? 'would go' : 'went'} into ${collection}: ${counted(created, 'document')} created, ${updated} updated, ${unchanged} unchanged, ${failed} failed; ${skipped} keys are no such rows`,
    ...(rows === 0 ? ['No rows were found: see whether --prefix, --file and the server are right.'] : []),
    ...problems.map(({ document, message }) => `${document}: ${message}`),
    ...badLines.map(({ line, message }) => `Line ${line}: ${message}`),
  ];
}
