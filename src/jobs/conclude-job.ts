import type { StoredReport } from '../schema/jobs.ts';
import type { Stacklore } from '../stacklore.ts';
import { hasEnded, type IngestJob } from '../stores/main/ingest-jobs.ts';
import { carryOut, type UrlOptions } from './carry-out.ts';
import { ingestUntilTold } from './ingest-until-told.ts';
import { addReports, mergeLooks, storedReport } from './merge-reports.ts';
import { inputsOfPart, isListed, LISTING, partsOf } from './parts.ts';

/** Ends a job that workers share once its last part has ended; before that it does nothing. */
export async function concludeJob(
  lore: Stacklore,
  jobId: string,
  { signal, read }: { readonly signal: AbortSignal; readonly read: UrlOptions },
): Promise<void> {
  const job = await lore.ingestJobs.find(jobId);
  const { parts } = lore.ingestJobs;
  if (!job) return;
  // What was told of a part since then is of no use.
  if (hasEnded(job)) return parts.delete(jobId);
  const numbers = [...(isListed(job) ? [LISTING] : []), ...partsOf(job)];
  if ((await parts.ended(jobId)) < numbers.length) return;
  const all = await parts.reports(jobId, numbers);
  if (!all.every((report) => report !== undefined)) return;
  const [listing, reports] = isListed(job) ? [all[0], all.slice(1)] : [undefined, all];
  const { report, isCancelled } = await lookOnceMore(lore, job, { listing, reports, signal, read });
  const seconds = (Date.now() - (job.startedAt ?? job.createdAt).getTime()) / 1_000;
  await lore.ingestJobs.finish(job, {
    state: isCancelled || report.interrupted ? 'cancelled' : 'done',
    report: { ...report, seconds },
  });
}

interface Looks {
  readonly listing: StoredReport | undefined;
  readonly reports: readonly StoredReport[];
  readonly signal: AbortSignal;
  readonly read: UrlOptions;
}

/**
 * A part knows nothing of the others: a text that it left out as another source's may have lost that source since. So
 * parts with such texts are looked at once more when all are done, and for `prune` the whole, which then finds all but
 * what vanished unchanged.
 */
async function lookOnceMore(
  lore: Stacklore,
  job: IngestJob,
  { listing, reports, signal, read }: Looks,
): Promise<{ report: StoredReport; isCancelled: boolean }> {
  const isPruned = job.options?.prune === true;
  const isDoubtful = reports.map(({ counts }) => isListed(job) && (isPruned || counts.duplicate > 0));
  const all = [...(listing ? [listing] : []), ...reports];
  if (job.cancelRequested || !isDoubtful.includes(true)) {
    return { report: addReports(job.collection, all), isCancelled: job.cancelRequested === true };
  }
  const doubtful = partsOf(job).filter((_, at) => isDoubtful[at]);
  const inputs = isPruned ? [0] : doubtful.flatMap((part) => inputsOfPart(job, part));
  const { report: looked, isCancelled } = await ingestUntilTold(job, {
    signal,
    // The parts have told all there is to tell.
    tell: () => lore.ingestJobs.report(job.jobId, {}),
    ingest: (how) => carryOut(lore, job, { inputs, read, prune: isPruned, ...how }),
  });
  const second = storedReport(looked);
  if (isPruned) return { report: mergeLooks(addReports(job.collection, all), second), isCancelled };
  const first = addReports(
    job.collection,
    reports.filter((_, at) => isDoubtful[at]),
  );
  const settled = [...(listing ? [listing] : []), ...reports.filter((_, at) => !isDoubtful[at])];
  return { report: addReports(job.collection, [...settled, mergeLooks(first, second)]), isCancelled };
}
