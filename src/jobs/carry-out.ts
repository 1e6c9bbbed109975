import type { CollectionSettings } from '../ingest/collection-settings.ts';
import type { FileContents, IngestRequest, TextDocument, TextIngestRequest } from '../ingest/ingest.ts';
import type { IngestReport } from '../ingest/tally.ts';
import type { Stacklore } from '../stacklore.ts';
import type { IngestJob } from '../stores/main/ingest-jobs.ts';

/** How URLs are read, as a server allows it. */
export type UrlOptions = Pick<NonNullable<IngestRequest['read']>, 'allowPrivate'>;

/** Ingests what a job holds. */
export async function carryOut(
  lore: Stacklore,
  job: IngestJob,
  { read, onEvent, signal }: Pick<TextIngestRequest, 'onEvent' | 'signal'> & { readonly read: UrlOptions },
): Promise<IngestReport> {
  const request: TextIngestRequest = {
    collection: job.collection,
    // Checked when the job was made, and again by the ingest.
    ...(job.settings && { settings: job.settings as CollectionSettings }),
    ...(job.userId !== undefined && { userId: job.userId }),
    qualifyIds: job.qualifyIds,
    ...(onEvent && { onEvent }),
    ...(signal && { signal }),
  };
  switch (job.kind) {
    case 'files':
      return lore.ingestFiles(filesOf(lore, job), request);
    case 'texts':
      return lore.ingestTexts(await readList<TextDocument>(lore, job), request);
    case 'urls':
      return lore.ingest({
        ...request,
        sources: await readList<string>(lore, job),
        read: { ...read, ...(signal && { signal }) },
      });
  }
}

async function* filesOf(lore: Stacklore, job: IngestJob): AsyncGenerator<FileContents> {
  for (const [input, { name, mediaType }] of job.inputs.entries()) {
    const bytes = await readInput(lore, job, input);
    yield { source: name, bytes, ...(mediaType !== undefined && { mediaType }) };
  }
}

async function readList<T>(lore: Stacklore, job: IngestJob): Promise<T[]> {
  // Written by `submitList`.
  return JSON.parse((await readInput(lore, job, 0)).toString()) as T[];
}

async function readInput(lore: Stacklore, { jobId, inputs }: IngestJob, input: number): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of lore.ingestJobs.input({ jobId, input }, inputs[input]?.bytes ?? 0))
    pieces.push(piece);
  return Buffer.concat(pieces);
}
