import { followJob } from '../jobs/follow-job.ts';
import type { IngestJob } from '../stores/main/ingest-jobs.ts';
import type { CommandContext, Outcome } from './command.ts';
import { ingestOutcome } from './ingest-outcome.ts';
import { ingestProgress } from './progress.ts';

/** Between signs that nothing happened, in milliseconds. */
const QUIET_MS = 10_000;

/** Shows the progress of a job until it has ended, and ends as an ingest does. Throws `not_found`. */
export async function waitForJob({ terminal, lore }: CommandContext, jobId: string): Promise<Outcome> {
  let job = await lore().ingestJobs.get(jobId);
  const progress = ingestProgress(terminal);
  let chunks = 0;
  const show = ({ collection, sources, done, chunks: now }: IngestJob): void => {
    progress.onEvent({ kind: 'listed', sources });
    progress.onEvent({ kind: 'source', source: collection, done });
    const outcome = { source: collection, status: 'created', chunks: Math.max(0, now - chunks) } as const;
    progress.onEvent({ kind: 'document', outcome: { ...outcome, embedded: outcome.chunks } });
    chunks = now;
  };
  try {
    for await (const news of followJob(lore(), jobId, { quietMs: QUIET_MS, signal: terminal.signal })) {
      if (news !== 'quiet') {
        job = news;
        show(job);
      } else if (job.state === 'queued')
        terminal.note('No worker has begun yet; start one: stacklore worker');
    }
  } finally {
    progress.end();
  }
  return jobOutcome(job);
}

/** A job as a command ends with it: 1 when it failed or was cancelled, 130 when it goes on. */
export function jobOutcome(job: IngestJob): Outcome {
  const { jobId, state, report, error } = job;
  if (state === 'queued' || state === 'running') {
    return { data: job, lines: [`Job ${jobId} goes on; see stacklore jobs show ${jobId}`], exitCode: 130 };
  }
  const told = report && ingestOutcome(report as Parameters<typeof ingestOutcome>[0]);
  const lines = [
    ...(error ? [`Job ${jobId} failed: ${error.message}`] : []),
    ...(state === 'cancelled' ? [`Job ${jobId} was cancelled; what is stored stays.`] : []),
    ...(told?.lines ?? []),
  ];
  return { data: job, lines, exitCode: state === 'done' ? (told?.exitCode ?? 0) : 1 };
}
