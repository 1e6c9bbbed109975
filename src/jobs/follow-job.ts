import { setTimeout as sleep } from 'node:timers/promises';
import type { Stacklore } from '../stacklore.ts';
import { hasEnded, type IngestJob } from '../stores/main/ingest-jobs.ts';

const LOOKED_EVERY_MS = 250;

/** A job as it is after a change, or that nothing was told for a while. */
export type JobNews = IngestJob | 'quiet';

/**
 * A job each time it has changed since a revision, whichever process works on it, until it has ended, is forgotten or
 * the signal aborts. `quiet` comes after each `quietMs` without any change.
 */
export async function* followJob(
  lore: Stacklore,
  jobId: string,
  {
    since = 0,
    quietMs,
    signal,
  }: { readonly since?: number; readonly quietMs: number; readonly signal: AbortSignal },
): AsyncGenerator<JobNews> {
  let seen = since;
  let toldAt = performance.now();
  while (!signal.aborted) {
    const revision = await lore.ingestJobs.revision(jobId);
    if (revision === undefined) return;
    if (revision > seen) {
      const job = await lore.ingestJobs.find(jobId);
      if (!job) return;
      seen = job.revision;
      toldAt = performance.now();
      yield job;
      if (hasEnded(job)) return;
    } else if (performance.now() - toldAt >= quietMs) {
      toldAt = performance.now();
      yield 'quiet';
    }
    await sleep(LOOKED_EVERY_MS, undefined, { signal }).catch(() => {});
  }
}
