import type { StoredIngestJob } from '../../schema/jobs.ts';

/** The queue whose tasks are ingest jobs, or parts of them, that hold what they ingest or name URLs. */
export const INGEST_QUEUE = 'stacklore-ingest';
/** The queue of jobs that name paths: only workers that are meant to read files of their machine take these. */
export const PATHS_QUEUE = 'stacklore-ingest-paths';

/** The queue of a job's tasks. */
export function queueOf({ kind }: Pick<StoredIngestJob, 'kind'>): string {
  return kind === 'sources' ? PATHS_QUEUE : INGEST_QUEUE;
}
