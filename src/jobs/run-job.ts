import { type ErrorCode, StackloreError } from '../errors.ts';
import type { IngestReport } from '../ingest/tally.ts';
import type { Stacklore } from '../stacklore.ts';
import { hasEnded, type IngestJob } from '../stores/main/ingest-jobs.ts';
import type { TaskContext } from '../stores/main/queue-worker.ts';
import { carryOut, type UrlOptions } from './carry-out.ts';
import { ProgressWriter } from './progress-writer.ts';

/** How often a job is tried that fails by what may pass, or whose server dies of it. */
const MOST_ATTEMPTS = 5;

/** What may be over when a job is tried again. */
const PASSING: readonly ErrorCode[] = [
  ...(['server_unavailable', 'server_failed', 'search_unavailable', 'model_unavailable', 'busy'] as const),
  ...(['database_unreachable', 'database_timeout', 'database_readonly', 'database_full'] as const),
];

/** What a job is carried out with. */
export interface JobContext extends Pick<TaskContext, 'attempt' | 'signal'> {
  readonly read: UrlOptions;
  /** Told of what makes the job fail or be tried again. */
  readonly onTrouble?: ((error: unknown) => void) | undefined;
}

/**
 * Carries out a job, or goes on with it where another server left it: what is stored already stays as it is. Rejects
 * when it is to be tried again; whatever else becomes of it stands in the job.
 */
export async function runJob(
  lore: Stacklore,
  jobId: string,
  { attempt, signal, read, onTrouble }: JobContext,
): Promise<void> {
  const job = await lore.ingestJobs.find(jobId);
  if (!job || hasEnded(job)) return;
  if (job.cancelRequested) return lore.ingestJobs.finish(job, { state: 'cancelled' });
  if (attempt > MOST_ATTEMPTS) return lore.ingestJobs.finish(job, { state: 'failed', error: GIVEN_UP });
  if (!(await lore.ingestJobs.begin(jobId))) return;
  try {
    await finishJob(lore, job, await tryJob(lore, job, { signal, read }));
  } catch (error) {
    if (!signal.aborted) onTrouble?.(error);
    if (!signal.aborted && !(isPassing(error) && attempt < MOST_ATTEMPTS)) {
      return lore.ingestJobs.finish(job, { state: 'failed', error: told(error) });
    }
    await lore.ingestJobs.putBack(jobId);
    throw error;
  }
}

interface Ended {
  readonly report: IngestReport;
  readonly progress: ProgressWriter['progress'];
  readonly isCancelled: boolean;
}

/** Ingests until all is done or the job is cancelled. Throws `aborted` when the worker has to let it go. */
async function tryJob(
  lore: Stacklore,
  job: IngestJob,
  { signal, read }: Pick<JobContext, 'signal' | 'read'>,
): Promise<Ended> {
  const stop = new AbortController();
  let why: 'is to be cancelled' | 'has ended' | undefined;
  const writer = new ProgressWriter(lore, job, (told) => {
    why = told;
    stop.abort();
  });
  try {
    const onEvent = (event: Parameters<ProgressWriter['note']>[0]) => writer.note(event);
    const report = await carryOut(lore, job, {
      read,
      onEvent,
      signal: AbortSignal.any([signal, stop.signal]),
    });
    await writer.stop();
    const isCancelled = why === 'is to be cancelled' && report.interrupted;
    if (report.interrupted && !isCancelled) throw reasonOf(report, signal);
    return { report, progress: writer.progress, isCancelled };
  } finally {
    await writer.stop();
  }
}

function finishJob(lore: Stacklore, job: IngestJob, { report, progress, isCancelled }: Ended): Promise<void> {
  const state = isCancelled ? 'cancelled' : 'done';
  return lore.ingestJobs.finish(job, {
    state,
    report: { ...report, counts: { ...report.counts }, problems: [...report.problems] },
    ...progress,
  });
}

/** Why an ingest looked at no further source. */
function reasonOf({ problems }: IngestReport, signal: AbortSignal): StackloreError {
  const problem = signal.aborted ? undefined : problems.findLast(({ status }) => status === 'failed');
  return new StackloreError(problem?.code ?? 'aborted', {
    message: problem?.reason ?? 'The server was stopped. It goes on with the job when it is started again.',
  });
}

function isPassing(error: unknown): boolean {
  return error instanceof StackloreError && PASSING.includes(error.code);
}

function told(error: unknown): { code: string; message: string } {
  if (error instanceof StackloreError) return { code: error.code, message: error.message };
  return {
    code: 'internal',
    message: "Something went wrong here that is not the job's fault. The server's log has it.",
  };
}

const GIVEN_UP = {
  code: 'internal',
  message: `The server died ${MOST_ATTEMPTS} times while it worked on this job. Give it less at once, and see what the server's log says.`,
};
