import type { IngestReport } from '../ingest/tally.ts';
import type { Outcome } from './command.ts';
import { counted } from './format.ts';

/** What an ingest did, as its command ends: lines for people, and 1 when something failed. */
export function ingestOutcome(report: IngestReport): Outcome {
  const { problems, counts } = report;
  const reasons = problems.map(
    ({ status, source, reason }) => `${status}: ${source}${reason ? ` (${reason})` : ''}`,
  );
  return {
    data: report,
    lines: [...reasons, ...summary(report)],
    exitCode: counts.failed > 0 ? 1 : report.interrupted ? 130 : 0,
  };
}

function summary({ collection, counts, chunks, embedded, seconds, interrupted }: IngestReport): string[] {
  const parts = Object.entries(counts).flatMap(([status, number]) =>
    number > 0 ? [`${number} ${status}`] : [],
  );
  const rate = seconds > 0 && embedded > 0 ? `, ${(embedded / seconds).toFixed(1)} chunks/s` : '';
  return [
    `${collection}: ${parts.join(', ') || 'nothing to do'}; ${counted(chunks, 'chunk')}, ${embedded} embedded in ${seconds.toFixed(1)} s${rate}`,
    ...(interrupted
      ? [
          'Stopped early: later sources were not looked at, and long documents not finished. Run the same command to go on.',
        ]
      : []),
  ];
}
