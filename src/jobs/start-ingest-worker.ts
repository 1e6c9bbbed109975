import type { Stacklore } from '../stacklore.ts';
import { INGEST_QUEUE } from '../stores/main/ingest-jobs.ts';
import type { QueueWorker } from '../stores/main/queue-worker.ts';
import type { UrlOptions } from './carry-out.ts';
import { runJob } from './run-job.ts';

/** How ingest jobs are worked on. */
export interface IngestWorkerOptions {
  /** How long after the death of its server a job is taken over by another one. */
  readonly leaseMs?: number;
  /** How URLs are read. */
  readonly read?: UrlOptions;
  /** Told of trouble with the database, and of what makes a job fail or be tried again. */
  readonly onTrouble?: ((error: unknown) => void) | undefined;
}

/** The jobs themselves tell when they are given up; the queue must not bury one before that. */
const QUEUE_ATTEMPTS = 1_000;

/** Works on ingest jobs, one after the other, for embedding takes all there is; until it is stopped. */
export function startIngestWorker(
  lore: Stacklore,
  { leaseMs, read = {}, onTrouble }: IngestWorkerOptions = {},
): QueueWorker {
  return lore.startWorker(
    INGEST_QUEUE,
    async ({ payload }, { attempt, signal }) => {
      const jobId = jobIdOf(payload);
      if (jobId !== undefined) await runJob(lore, jobId, { attempt, signal, read, onTrouble });
    },
    {
      concurrency: 1,
      maxAttempts: QUEUE_ATTEMPTS,
      ...(leaseMs !== undefined && { leaseMs }),
      ...(onTrouble && { onTrouble }),
    },
  );
}

/** Whatever else is put into the queue is no job and let go. */
function jobIdOf(payload: unknown): string | undefined {
  if (typeof payload !== 'object' || payload === null || !('jobId' in payload)) return undefined;
  return typeof payload.jobId === 'string' ? payload.jobId : undefined;
}
