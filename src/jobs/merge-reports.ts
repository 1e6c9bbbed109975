import type { DocumentOutcome, IngestReport } from '../ingest/tally.ts';
import type { StoredReport } from '../schema/jobs.ts';

const MOST_PROBLEMS = 1_000;

/** The report of an ingest that met nothing but these problems. */
export function emptyReport(
  collection: string,
  problems: readonly DocumentOutcome[] = [],
  interrupted = false,
): StoredReport {
  const counts = { created: 0, updated: 0, unchanged: 0, duplicate: 0, skipped: 0, failed: 0, pruned: 0 };
  for (const { status } of problems) counts[status] += 1;
  return {
    ...{ collection, counts, chunks: 0, embedded: 0, seconds: 0, interrupted },
    problems: problems.slice(0, MOST_PROBLEMS),
  };
}

/** A report as it is stored. */
export function storedReport({ counts, problems, ...report }: IngestReport): StoredReport {
  return { ...report, counts: { ...counts }, problems: [...problems] };
}

/** One report of many ingests of different sources. */
export function addReports(collection: string, reports: readonly StoredReport[]): StoredReport {
  const sum = emptyReport(collection);
  for (const { counts, chunks, embedded, seconds, interrupted, problems } of reports) {
    for (const [status, count] of Object.entries(counts)) sum.counts[status as keyof typeof counts] += count;
    sum.chunks += chunks;
    sum.embedded += embedded;
    sum.seconds += seconds;
    sum.interrupted ||= interrupted;
    sum.problems.push(...problems);
  }
  sum.problems.splice(MOST_PROBLEMS);
  return sum;
}

/**
 * What became of sources that were ingested and then looked at once more: what the first look stored is unchanged for the
 * second, and whatever else it said of a source the second one says again, as it is now.
 */
export function mergeLooks(first: StoredReport, second: StoredReport): StoredReport {
  const gone = first.problems.filter(({ status }) => status === 'pruned');
  const emptied = new Set(gone.map(({ source }) => source));
  // A source that has no text any more is skipped by every look but the one that deleted its document.
  const isNews = ({ status, source }: StoredReport['problems'][number]): boolean =>
    status !== 'skipped' || !emptied.has(source);
  const news = second.problems.filter(isNews);
  return {
    collection: first.collection,
    counts: {
      created: first.counts.created + second.counts.created,
      updated: first.counts.updated + second.counts.updated,
      unchanged: first.counts.unchanged,
      duplicate: second.counts.duplicate,
      skipped: second.counts.skipped - (second.problems.length - news.length),
      failed: second.counts.failed,
      pruned: first.counts.pruned + second.counts.pruned,
    },
    chunks: second.chunks,
    embedded: first.embedded + second.embedded,
    seconds: first.seconds + second.seconds,
    interrupted: first.interrupted || second.interrupted,
    problems: [...gone, ...news].slice(0, MOST_PROBLEMS),
  };
}
