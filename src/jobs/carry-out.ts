import { hostname } from 'node:os';
import type { CollectionSettings } from '../ingest/collection-settings.ts';
import type { FileContents, IngestRequest, TextDocument, TextIngestRequest } from '../ingest/ingest.ts';
import type { DocumentOutcome, IngestReport } from '../ingest/tally.ts';
import type { Stacklore } from '../stacklore.ts';
import type { IngestJob } from '../stores/main/ingest-jobs.ts';

/** How URLs are read, as a worker allows it. */
export type UrlOptions = Pick<NonNullable<IngestRequest['read']>, 'allowPrivate'>;

/** Which inputs of a job are ingested, and how. */
export interface Carrying extends Pick<TextIngestRequest, 'onEvent' | 'signal'> {
  readonly inputs: readonly number[];
  readonly read: UrlOptions;
  /** Whether documents whose sources are gone are deleted, where the job asks for it. */
  readonly prune?: boolean;
}

/** Ingests inputs of a job. */
export async function carryOut(lore: Stacklore, job: IngestJob, carrying: Carrying): Promise<IngestReport> {
  const { inputs, read, prune = false, onEvent, signal } = carrying;
  const { read: ownRead, parse, metadata, maxChunks, force } = job.options ?? {};
  const request: TextIngestRequest = {
    collection: job.collection,
    // Checked when the job was made, and again by the ingest.
    ...(job.settings && { settings: job.settings as CollectionSettings }),
    ...(job.userId !== undefined && { userId: job.userId }),
    ...(metadata && { metadata }),
    ...(maxChunks !== undefined && { maxChunks }),
    ...(force !== undefined && { force }),
    qualifyIds: job.qualifyIds,
    ...(onEvent && { onEvent }),
    ...(signal && { signal }),
  };
  if (job.kind === 'files') return lore.ingestFiles(filesOf(lore, job, inputs), request);
  if (job.kind === 'texts')
    return lore.ingestTexts(await readLists<TextDocument>(lore, job, inputs), request);
  const report = await lore.ingest({
    ...request,
    sources: await readLists<string>(lore, job, inputs),
    read: readOptions({ ...ownRead, ...read }, signal),
    ...(parse && { parse: withoutUndefined(parse) }),
    prune: prune && job.options?.prune === true,
  });
  return { ...report, problems: report.problems.map(withPlace) };
}

/** The names of what inputs hold. */
export async function namesOf(lore: Stacklore, job: IngestJob, inputs: readonly number[]): Promise<string[]> {
  if (job.kind === 'files') return inputs.map((input) => job.inputs[input]?.name ?? '');
  const list = await readLists<string | TextDocument>(lore, job, inputs);
  return list.map((item) => (typeof item === 'string' ? item : item.source));
}

/** What lists among the inputs of a job hold. */
export async function readLists<T>(lore: Stacklore, job: IngestJob, inputs: readonly number[]): Promise<T[]> {
  const lists: T[] = [];
  // Written by `submit-job.ts` and `share-job.ts`.
  for (const input of inputs) lists.push(...(JSON.parse(String(await readInput(lore, job, input))) as T[]));
  return lists;
}

/** How sources of a job are read. */
export function readOptions(
  options: NonNullable<NonNullable<IngestJob['options']>['read']> & UrlOptions,
  signal: AbortSignal | undefined,
): NonNullable<IngestRequest['read']> {
  return { ...withoutUndefined(options), ...(signal && { signal }) };
}

/** A path that one worker does not have may be there for another: it is said which one looked. */
export function withPlace<T extends Pick<DocumentOutcome, 'code' | 'reason'>>(outcome: T): T {
  if (outcome.code !== 'source_unreadable') return outcome;
  const hint = `The worker on ${hostname()} looked: what workers are to read must be at the same path for each of them; or upload it.`;
  return { ...outcome, reason: `${outcome.reason} ${hint}` };
}

async function* filesOf(
  lore: Stacklore,
  job: IngestJob,
  inputs: readonly number[],
): AsyncGenerator<FileContents> {
  for (const input of inputs) {
    const { name = '', mediaType } = job.inputs[input] ?? {};
    const bytes = await readInput(lore, job, input);
    yield { source: name, bytes, ...(mediaType !== undefined && { mediaType }) };
  }
}

async function readInput(lore: Stacklore, { jobId, inputs }: IngestJob, input: number): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of lore.ingestJobs.input({ jobId, input }, inputs[input]?.bytes ?? 0))
    pieces.push(piece);
  return Buffer.concat(pieces);
}

/** As exact optional properties ask for. */
function withoutUndefined<T extends object>(values: T): { [Name in keyof T]: Exclude<T[Name], undefined> } {
  // Only members that are undefined are left out, which is what the type says.
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as {
    [Name in keyof T]: Exclude<T[Name], undefined>;
  };
}
