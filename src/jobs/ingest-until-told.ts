import { StackloreError } from '../errors.ts';
import type { IngestReport } from '../ingest/tally.ts';
import type { IngestJob, JobProgress } from '../stores/main/ingest-jobs.ts';
import type { Carrying } from './carry-out.ts';
import { ProgressWriter, type Tell } from './progress-writer.ts';

/** What an attempt at a job, or at a part of one, came to. */
export interface Ended {
  readonly report: IngestReport;
  readonly progress: JobProgress;
  readonly isCancelled: boolean;
}

/** Ingests until all is done or the job is cancelled. Throws `aborted` when the worker has to let it go. */
export async function ingestUntilTold(
  { sources }: Pick<IngestJob, 'sources'>,
  {
    signal,
    tell,
    ingest,
  }: {
    readonly signal: AbortSignal;
    readonly tell: Tell;
    readonly ingest: (how: Required<Pick<Carrying, 'onEvent' | 'signal'>>) => Promise<IngestReport>;
  },
): Promise<Ended> {
  const stop = new AbortController();
  let why: 'is to be cancelled' | 'has ended' | undefined;
  const writer = new ProgressWriter(sources, tell, (told) => {
    why = told;
    stop.abort();
  });
  try {
    const report = await ingest({
      onEvent: (event) => writer.note(event),
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

/** Why an ingest looked at no further source. */
function reasonOf({ problems }: IngestReport, signal: AbortSignal): StackloreError {
  const problem = signal.aborted ? undefined : problems.findLast(({ status }) => status === 'failed');
  return new StackloreError(problem?.code ?? 'aborted', {
    message: problem?.reason ?? 'The server was stopped. It goes on with the job when it is started again.',
  });
}
