import { isId } from '../schema/key.ts';
import type { Stacklore } from '../stacklore.ts';
import { INGEST_QUEUE, PATHS_QUEUE } from '../stores/main/ingest-queues.ts';
import type { QueueWorker, WorkerCounts, WorkerOptions } from '../stores/main/queue-worker.ts';
import type { UrlOptions } from './carry-out.ts';
import { runJob } from './run-job.ts';

/** How ingest jobs are worked on. */
export interface IngestWorkerOptions extends Pick<WorkerOptions, 'signal' | 'untilEmpty' | 'onOutcome'> {
  /** Jobs, or parts of them, at the same time (1), of each queue. */
  readonly concurrency?: number;
  /** How long after the death of its worker a job is taken over by another one (30,000). */
  readonly leaseMs?: number;
  /** Take jobs that name paths too, and read these (false). */
  readonly paths?: boolean;
  /** How URLs are read. */
  readonly read?: UrlOptions;
  /** Told of trouble with the database, and of what makes a job fail or be tried again. */
  readonly onTrouble?: ((error: unknown) => void) | undefined;
}

/** A worker on ingest jobs. */
export interface IngestWorker {
  /** Resolves with the counts of tasks when the worker has ended; rejects when it had to give up. */
  readonly done: Promise<WorkerCounts>;
  /** See `QueueWorker.stop`: what is let go of is taken up by others at once. */
  stop(options?: { readonly graceMs?: number }): Promise<WorkerCounts>;
}

/** The jobs themselves tell when they are given up; the queue must not bury one before that. */
const QUEUE_ATTEMPTS = 1_000;

/**
 * Works on ingest jobs until it is stopped. Any number of workers in any number of processes share the jobs: large ones are
 * done in parts, and what a worker had that was killed is taken over.
 *
 * @example
 * const worker = startIngestWorker(lore, { paths: true });
 * await worker.stop({ graceMs: 10_000 });
 */
export function startIngestWorker(
  lore: Stacklore,
  { paths = false, read = {}, onTrouble, onOutcome, ...options }: IngestWorkerOptions = {},
): IngestWorker {
  const workers = (paths ? [INGEST_QUEUE, PATHS_QUEUE] : [INGEST_QUEUE]).map((queue) =>
    lore.startWorker(
      queue,
      async ({ payload }, { attempt, signal }) => {
        const task = readTask(payload);
        if (task) await runJob(lore, task.jobId, { ...task, attempt, signal, paths, read, onTrouble });
      },
      {
        maxAttempts: QUEUE_ATTEMPTS,
        ...options,
        ...(onTrouble && { onTrouble }),
        ...(onOutcome && { onOutcome }),
      },
    ),
  );
  const done = together(workers, (worker) => worker.done);
  // Whoever does not look at `done` hears of a failure by `onTrouble`.
  done.catch(() => {});
  return {
    done,
    stop: (given) => together(workers, (worker) => worker.stop(given)),
  };
}

/** One worker that had to give up ends the others. */
async function together(
  workers: readonly QueueWorker[],
  end: (worker: QueueWorker) => Promise<WorkerCounts>,
): Promise<WorkerCounts> {
  const counts = { done: 0, retried: 0, dead: 0, released: 0, lost: 0 };
  const stopAll = async (error: unknown): Promise<never> => {
    await Promise.allSettled(workers.map((worker) => worker.stop()));
    throw error;
  };
  for (const one of await Promise.all(workers.map((worker) => end(worker))).catch(stopAll)) {
    for (const [outcome, count] of Object.entries(one)) counts[outcome as keyof typeof counts] += count;
  }
  return counts;
}

/** Whatever else is put into the queue is no job and let go. */
function readTask(payload: unknown): { readonly jobId: string; readonly part?: number } | undefined {
  if (typeof payload !== 'object' || payload === null || !('jobId' in payload)) return undefined;
  const { jobId } = payload;
  if (!isId(jobId)) return undefined;
  const part = 'part' in payload && typeof payload.part === 'number' ? payload.part : undefined;
  return { jobId, ...(part !== undefined && { part }) };
}
