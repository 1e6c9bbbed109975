import { type ErrorCode, StackloreError } from '../errors.ts';
import type { Stacklore } from '../stacklore.ts';
import { hasEnded, type IngestJob } from '../stores/main/ingest-jobs.ts';
import { PATHS_QUEUE, queueOf } from '../stores/main/ingest-queues.ts';
import type { TaskContext } from '../stores/main/queue-worker.ts';
import { carryOut, type UrlOptions } from './carry-out.ts';
import { concludeJob } from './conclude-job.ts';
import { type Ended, ingestUntilTold } from './ingest-until-told.ts';
import { storedReport } from './merge-reports.ts';
import { isListed, partsOf } from './parts.ts';
import { runPart } from './run-part.ts';
import { queueParts, shareJob } from './share-job.ts';

/** How often a job is tried that fails by what may pass, or whose worker dies of it. */
const MOST_ATTEMPTS = 5;

/** What may be over when a job is tried again. */
const PASSING: readonly ErrorCode[] = [
  ...(['server_unavailable', 'server_failed', 'search_unavailable', 'model_unavailable', 'busy'] as const),
  ...(['database_unreachable', 'database_timeout', 'database_readonly', 'database_full'] as const),
];

/** What a job is carried out with. */
export interface JobContext extends Pick<TaskContext, 'attempt' | 'signal'> {
  /** Which part of a job that workers share; none: the job as a whole, or its division. */
  readonly part?: number | undefined;
  /** Whether jobs are carried out that name paths (false). */
  readonly paths?: boolean;
  readonly read: UrlOptions;
  /** Told of what makes the job fail or be tried again. */
  readonly onTrouble?: ((error: unknown) => void) | undefined;
}

/**
 * Carries out a job or a part of one, or goes on with it where another worker left it: what is stored already stays as it
 * is. Rejects when it is to be tried again; whatever else becomes of it stands in the job.
 */
export async function runJob(lore: Stacklore, jobId: string, context: JobContext): Promise<void> {
  const { attempt, signal, part, paths = false, onTrouble } = context;
  const job = await lore.ingestJobs.find(jobId);
  if (!job || hasEnded(job)) return;
  // Whoever may write to a queue may name any job in it: one for other workers is left to them, as is a part of none.
  if (queueOf(job) === PATHS_QUEUE && !paths) return;
  if (part !== undefined && !partsOf(job).includes(part)) return;
  const isGivenUp = attempt > MOST_ATTEMPTS;
  if (part === undefined) {
    if (job.cancelRequested && !job.parts) return lore.ingestJobs.finish(job, { state: 'cancelled' });
    if (isGivenUp) return lore.ingestJobs.finish(job, { state: 'failed', error: GIVEN_UP });
    if (!(await lore.ingestJobs.begin(job))) return;
  }
  try {
    if (part !== undefined) await runPart(lore, job, { ...context, part, isGivenUp });
    else if (job.parts) await queueParts(lore, job);
    else if (!(await shareJob(lore, job, context)))
      return await finishJob(lore, job, await tryJob(lore, job, context));
    await concludeJob(lore, jobId, context);
  } catch (error) {
    // What this worker told after the end is of no use.
    if (!signal.aborted && (await hasEndedMeanwhile(lore, jobId))) return lore.ingestJobs.parts.delete(jobId);
    if (!signal.aborted) onTrouble?.(error);
    if (!signal.aborted && !(isPassing(error) && attempt < MOST_ATTEMPTS)) {
      return lore.ingestJobs.finish(job, { state: 'failed', error: told(error) });
    }
    if (part === undefined) await lore.ingestJobs.putBack(jobId);
    throw error;
  }
}

function tryJob(lore: Stacklore, job: IngestJob, { signal, read }: JobContext): Promise<Ended> {
  const inputs = isListed(job) ? [0] : [...job.inputs.keys()];
  return ingestUntilTold(job, {
    signal,
    tell: (news) => lore.ingestJobs.report(job.jobId, news),
    ingest: (how) => carryOut(lore, job, { inputs, read, prune: true, ...how }),
  });
}

function finishJob(lore: Stacklore, job: IngestJob, { report, progress, isCancelled }: Ended): Promise<void> {
  const state = isCancelled ? 'cancelled' : 'done';
  return lore.ingestJobs.finish(job, {
    state,
    report: storedReport(report),
    ...progress,
  });
}

/** Another worker failed or cancelled it, which ended what was under way here; that is no trouble. */
async function hasEndedMeanwhile(lore: Stacklore, jobId: string): Promise<boolean> {
  const job = await lore.ingestJobs.find(jobId).catch(() => undefined);
  return job !== undefined && hasEnded(job);
}

function isPassing(error: unknown): boolean {
  return error instanceof StackloreError && PASSING.includes(error.code);
}

function told(error: unknown): { code: string; message: string } {
  if (error instanceof StackloreError) return { code: error.code, message: error.message };
  return {
    code: 'internal',
    message: "Something went wrong here that is not the job's fault. The worker's log has it.",
  };
}

const GIVEN_UP = {
  code: 'internal',
  message: `The worker died ${MOST_ATTEMPTS} times while it worked on this job. Give it less at once, and see what the worker's log says.`,
};
