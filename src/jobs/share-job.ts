import { StackloreError } from '../errors.ts';
import type { CollectionSettings } from '../ingest/collection-settings.ts';
import type { DocumentOutcome } from '../ingest/tally.ts';
import type { Stacklore } from '../stacklore.ts';
import type { IngestJob } from '../stores/main/ingest-jobs.ts';
import { queueOf } from '../stores/main/ingest-queues.ts';
import { readLists, readOptions, type UrlOptions, withPlace } from './carry-out.ts';
import { emptyReport } from './merge-reports.ts';
import { inParts, isListed, LISTING, MOST_UNSHARED, partSizes, partsOf } from './parts.ts';

/** What a job is divided into: how many inputs each part has, and the inputs where they had to be made. */
interface Division extends Pick<IngestJob, 'inputs' | 'sources'> {
  readonly parts: readonly number[];
}

/**
 * Divides a job of many sources into parts, each a task that any worker may take. `false` when it is one worker's: it has
 * few sources, or such as must be looked at in their order.
 */
export async function shareJob(
  lore: Stacklore,
  job: IngestJob,
  { signal, read }: { readonly signal: AbortSignal; readonly read: UrlOptions },
): Promise<boolean> {
  const division = isListed(job) ? await divideListed(lore, job, { signal, read }) : divideGiven(job);
  // Made here: an ingest that made it would drop it again where none of its sources can be read, while another worker is
  // about to store the first document in it.
  if (division || isListed(job))
    await lore.openCollection(job.collection, (job.settings ?? {}) as CollectionSettings);
  if (!division) return false;
  if (await lore.ingestJobs.share(job.jobId, division)) {
    await queueParts(lore, { ...job, parts: [...division.parts] });
  }
  return true;
}

/** Queues the parts of a job that have not ended. */
export async function queueParts(lore: Stacklore, job: IngestJob): Promise<void> {
  const { jobId } = job;
  const reports = await lore.ingestJobs.parts.reports(jobId, partsOf(job));
  const open = partsOf(job).filter((_, at) => reports[at] === undefined);
  await lore.queues.enqueueAll(
    queueOf(job),
    open.map((part) => ({ taskType: 'ingest', payload: { jobId, part }, taskId: `${jobId}:${part}` })),
  );
}

function divideGiven({ kind, inputs, sources }: IngestJob): Division | undefined {
  if (sources <= MOST_UNSHARED || inputs.length < 2) return undefined;
  // A text list is divided when it is submitted. Of two files of one name the later one has to win.
  if (kind === 'texts') return { inputs, sources, parts: inputs.map(() => 1) };
  if (new Set(inputs.map(({ name }) => name)).size < inputs.length) return undefined;
  return { inputs, sources, parts: partSizes(inputs.length) };
}

/** Lists the sources anew and keeps them, for folders may change while parts are ingested. */
async function divideListed(
  lore: Stacklore,
  job: IngestJob,
  { signal, read }: { readonly signal: AbortSignal; readonly read: UrlOptions },
): Promise<Division | undefined> {
  const { jobId } = job;
  const found = new Set<string>();
  const problems: DocumentOutcome[] = [];
  const named = await readLists<string>(lore, job, [0]);
  for await (const item of lore.listSources(named, readOptions({ ...job.options?.read, ...read }, signal))) {
    if ('status' in item) problems.push(withPlace(item));
    else found.add(item.location);
  }
  requireGoingOn(signal);
  const locations = [...found];
  if (locations.length <= MOST_UNSHARED) return undefined;
  const report = emptyReport(job.collection, problems);
  await lore.ingestJobs.parts.report(jobId, LISTING, {
    ...{ done: 0, failed: report.counts.failed, chunks: 0 },
    report,
  });
  const sizes = partSizes(locations.length);
  const inputs = [...job.inputs.slice(0, 1)];
  for (const list of inParts(locations, sizes)) {
    // Who has lost the job must not write over what its next worker has made of it.
    requireGoingOn(signal);
    const bytes = await lore.ingestJobs.addInput({ jobId, input: inputs.length }, [
      Buffer.from(JSON.stringify(list)),
    ]);
    inputs.push({ name: job.kind, bytes });
  }
  return { inputs, sources: locations.length, parts: sizes.map(() => 1) };
}

function requireGoingOn(signal: AbortSignal): void {
  if (signal.aborted)
    throw new StackloreError('aborted', { message: 'The worker was stopped while it listed.' });
}
