import type { Stacklore } from '../stacklore.ts';
import type { IngestJob, JobProgress } from '../stores/main/ingest-jobs.ts';
import { carryOut, namesOf, type UrlOptions } from './carry-out.ts';
import { ingestUntilTold } from './ingest-until-told.ts';
import { emptyReport, storedReport } from './merge-reports.ts';
import { inputsOfPart } from './parts.ts';

/** Which part is carried out, and how. */
export interface PartContext {
  readonly part: number;
  readonly signal: AbortSignal;
  readonly read: UrlOptions;
  /** Whether its workers have died of it too often. */
  readonly isGivenUp: boolean;
}

/** Carries out a part of a job, unless it was before. */
export async function runPart(lore: Stacklore, job: IngestJob, context: PartContext): Promise<void> {
  const { part, signal, read, isGivenUp } = context;
  const { jobId, collection } = job;
  const { parts } = lore.ingestJobs;
  if (await parts.find(jobId, part)) return;
  const inputs = inputsOfPart(job, part);
  if (job.cancelRequested) {
    await parts.report(jobId, part, {
      done: 0,
      failed: 0,
      chunks: 0,
      report: emptyReport(collection, [], true),
    });
    return;
  }
  if (isGivenUp) {
    const problems = (await namesOf(lore, job, inputs)).map((source) => ({ source, ...GIVEN_UP }));
    const report = emptyReport(collection, problems);
    const done = problems.length;
    await tell(lore, job, { part, done, failed: done, chunks: 0, report });
    return;
  }
  const { report, progress } = await ingestUntilTold(job, {
    signal,
    tell: ({ done = 0, failed = 0, chunks = 0 }) => tell(lore, job, { part, done, failed, chunks }),
    ingest: (how) => carryOut(lore, job, { inputs, read, ...how }),
  });
  const { done, failed, chunks } = progress;
  await tell(lore, job, { part, done, failed, chunks, report: storedReport(report) });
}

/** Writes how far a part is, and with it all of the job. */
async function tell(
  lore: Stacklore,
  { jobId }: IngestJob,
  {
    part,
    ...news
  }: { readonly part: number } & Omit<JobProgress, 'sources'> &
    Pick<Parameters<Stacklore['ingestJobs']['parts']['report']>[2], 'report'>,
): ReturnType<Stacklore['ingestJobs']['report']> {
  const { done, failed, chunks } = await lore.ingestJobs.parts.report(jobId, part, news);
  return lore.ingestJobs.report(jobId, { done, failed, chunks });
}

const GIVEN_UP = {
  status: 'failed',
  code: 'internal',
  reason:
    'Workers died again and again while they worked on this source or its neighbours. Ingest it alone, and see what the log of the worker says.',
} as const;
