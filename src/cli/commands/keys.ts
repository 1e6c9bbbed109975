import { z } from 'zod';
import type { FamilyKeys, KeysReport, KeysRequest } from '../../maintenance/keys.ts';
import { defineCommand } from '../command.ts';
import { wholeNumber } from '../flag-values.ts';
import { counted, formatBytes, oneLine, table } from '../format.ts';
import { keyProgress } from '../key-progress.ts';

export const command = defineCommand({
  summary: 'Count and measure keys by record family: memory, TTLs, types, sizes, unknown and biggest keys.',
  arguments: '[databases...]',
  flags: [
    { flags: '--exact', description: 'measure every element of every key, not a few of each' },
    { flags: '--biggest <number>', description: 'name so many of the biggest keys (10)' },
  ],
  schema: z.strictObject({
    exact: z.boolean().default(false),
    biggest: wholeNumber(0, 1_000).default(10),
  }),
  examples: ['stacklore keys', 'stacklore keys knowledge --exact --json'],
  async run({ lore, terminal }, args, flags) {
    const progress = keyProgress(terminal);
    try {
      const report = await lore().maintenance.analyseKeys({
        ...flags,
        // Names are checked by the request itself.
        ...(args.length > 0 && { databases: [...args] as NonNullable<KeysRequest['databases']> }),
        onProgress: progress.onProgress,
        signal: terminal.signal,
      });
      return { data: report, lines: describe(report, terminal.columns) };
    } finally {
      progress.end();
    }
  },
});

const BAR_WIDTH = 16;

function describe(report: KeysReport, columns: number): string[] {
  const { families, unknown, biggest, servers } = report;
  const most = Math.max(1, ...families.map(({ bytes }) => bytes), ...unknown.map(({ bytes }) => bytes));
  const bar = (bytes: number) => '█'.repeat(Math.round((bytes / most) * BAR_WIDTH)).padEnd(BAR_WIDTH, '·');
  const rows = families
    .filter(({ keys }) => keys > 0)
    .flatMap((one) => [
      [
        ...[one.database, one.family, String(one.keys), formatBytes(one.bytes), bar(one.bytes)],
        ...[listed(one.sizes), describeTtl(one)],
      ],
      ...(one.collections ?? []).map((part) => [
        ...['', `  of ${part.collection}`, String(part.keys), formatBytes(part.bytes), bar(part.bytes)],
        ...[listed(part.sizes), ''],
      ]),
    ]);
  const strangers = unknown.map((one) => [
    ...[one.databases.join('+'), one.prefix, String(one.keys), formatBytes(one.bytes), bar(one.bytes)],
    ...[listed(one.sizes), listed(one.types)],
  ]);
  const header = ['database', 'family', 'keys', 'memory', '', 'sizes', 'TTL'];
  return [
    `${counted(report.keys, 'key')}, ${formatBytes(report.bytes)}${report.exact ? '' : ' (a few elements of each measured; --exact for all)'}`,
    ...servers.map(
      (one) =>
        `Server ${one.address ? `${one.address} ` : ''}of ${one.databases.join(', ')}: Redis ${one.version}, ${formatBytes(one.usedBytes)} used (peak ${formatBytes(one.peakBytes)}, limit ${one.maxBytes === 0 ? 'none' : formatBytes(one.maxBytes)}), eviction ${one.evictionPolicy}`,
    ),
    ...(rows.length > 0 ? ['', ...table(header, rows)] : []),
    ...(strangers.length > 0
      ? [
          '',
          'Keys of no record family',
          ...table(['database', 'prefix', 'keys', 'memory', '', 'sizes', 'types'], strangers),
        ]
      : []),
    ...(report.denied > 0
      ? ['', `${counted(report.denied, 'further key')} cannot be looked at by this user.`]
      : []),
    ...describeProblems(families),
    ...(biggest.length > 0 ? ['', 'Biggest keys'] : []),
    ...biggest.map(
      (one) =>
        `${formatBytes(one.bytes).padStart(9)}  ${one.type.padEnd(6)}  ${oneLine(one.key, columns - 20)}`,
    ),
  ];
}

function listed(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .map(([name, count]) => `${name}: ${count}`)
    .join(', ');
}

function describeTtl({ ttl, keys }: FamilyKeys): string {
  const parts = [ttl.expiring === 0 ? 'stay' : ttl.expiring === keys ? 'expire' : `${ttl.expiring} expire`];
  if (ttl.missing > 0) parts.push(`${ttl.missing} WITHOUT TTL`);
  if (ttl.longer > 0) parts.push(`${ttl.longer} longer than ${ttl.declaredSeconds ?? 'their window'} s`);
  return parts.join(', ');
}

function describeProblems(families: readonly FamilyKeys[]): string[] {
  const lines = families.flatMap(({ family, ttl, wrongType }) => [
    ...(ttl.missing > 0
      ? [`${family}: ${ttl.missing} should have a TTL and have none, e.g. ${ttl.missingKeys[0]}`]
      : []),
    ...(wrongType.count > 0
      ? [`${family}: ${wrongType.count} of a wrong type, e.g. ${wrongType.keys[0]}`]
      : []),
  ]);
  return lines.length > 0 ? ['', ...lines] : [];
}
