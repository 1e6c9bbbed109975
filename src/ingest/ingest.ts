import { basename } from 'node:path';
import { StackloreError } from '../errors.ts';
import { isSurelyTooLong } from './chunk.ts';
import { dropCollection, openOrCreate } from './collection-settings.ts';
import { DEFAULT_MAX_CHUNKS, tooManyChunks } from './cut-document.ts';
import { forEachLimited } from './for-each-limited.ts';
import { type HeldSource, HeldSources } from './held-sources.ts';
import type {
  FileContents,
  IngestParts,
  IngestRequest,
  Job,
  TextDocument,
  TextIngestRequest,
  Work,
} from './job.ts';
import { type ParseOptions, parseSource } from './parse/parse-source.ts';
import { findVanished, pruneVanished } from './prune.ts';
import { failure, ingestDocument } from './publish-document.ts';
import { listSources, readSource, type SourceRef } from './read-source.ts';
import {
  checkFileContents,
  checkIngestRequest,
  checkTextDocument,
  checkTextIngestRequest,
} from './request.ts';
import { Room } from './room.ts';
import type { Source } from './source.ts';
import { addProblem, isEmpty } from './source-problem.ts';
import { type IngestReport, Tally } from './tally.ts';
import { Turns } from './turns.ts';

export type { FileContents, IngestParts, IngestRequest, TextDocument, TextIngestRequest } from './job.ts';

/** Documents under way at once: enough that parsing and publishing hide behind embedding. */
const DOCUMENTS_AT_ONCE = 4;
/** UTF-16 units of text under way at once, for a text needs many times its length while it is cut and published. */
const TEXT_AT_ONCE = 8_000_000;

/**
 * Turns sources into stored, searchable documents. One bad source never stops the rest: it is reported. Throws only
 * when nothing can be ingested at all: a wrong request, no server, no model, a collection made with other settings.
 */
export async function ingest(parts: IngestParts, request: IngestRequest): Promise<IngestReport> {
  checkIngestRequest(request);
  const { sources, collection = 'default', read = {}, prune = false } = request;
  const job = await startJob(parts, request, prune);
  if (prune) {
    for (const docId of await findVanished(parts.documents, collection, { sources, read }))
      job.vanished.add(docId);
  }
  await ingestAll(job, readDocuments(job, await listAll(job, sources)));
  if (prune && !job.stop.signal.aborted) {
    try {
      for await (const outcome of pruneVanished(parts.documents, collection, job)) job.tally.add(outcome);
    } catch (error) {
      // What was ingested is reported all the same.
      job.tally.add(failure('--prune', error));
    }
  }
  job.isSecondPass = true;
  await ingestAll(job, readDocuments(job, [...new Set(job.postponed.values())]));
  await dropIfUnused(job);
  return reportOf(job);
}

/** Like `ingest`, for texts instead of sources. */
export async function ingestTexts(
  parts: IngestParts,
  texts: Iterable<TextDocument> | AsyncIterable<TextDocument>,
  request: TextIngestRequest = {},
): Promise<IngestReport> {
  return ingestGiven(parts, texts, { request, parse: parseText });
}

/** Like `ingest`, for files whose bytes are there already. */
export async function ingestFiles(
  parts: IngestParts,
  files: Iterable<FileContents> | AsyncIterable<FileContents>,
  request: TextIngestRequest = {},
): Promise<IngestReport> {
  return ingestGiven(parts, files, { request, parse: parseFile });
}

/** How what a program gives becomes documents. */
interface Given<T> {
  readonly request: TextIngestRequest;
  readonly parse: (job: Job, item: T) => AsyncGenerator<Work>;
}

async function ingestGiven<T extends { readonly source: string }>(
  parts: IngestParts,
  items: Iterable<T> | AsyncIterable<T>,
  { request, parse }: Given<T>,
): Promise<IngestReport> {
  checkTextIngestRequest(request);
  const job = await startJob(parts, request);
  await ingestAll(job, parseGiven(job, items, parse));
  return reportOf(job);
}

async function startJob(parts: IngestParts, request: TextIngestRequest, prune = false): Promise<Job> {
  const startedAt = new Date();
  const { collection, isNew } = await openOrCreate(parts, request.collection ?? 'default', request.settings);
  const stop = new AbortController();
  request.signal?.addEventListener('abort', () => stop.abort(), { once: true });
  if (request.signal?.aborted) stop.abort();
  return {
    ...{ parts, request, collection, isNew, stop, started: performance.now(), startedAt },
    embedder: await parts.embedder(),
    tally: new Tally(request.onEvent),
    listed: new Set(),
    vanished: new Set(),
    rows: prune ? new Map() : undefined,
    postponed: new Map(),
    isSecondPass: false,
    room: new Room(TEXT_AT_ONCE),
    turns: new Turns(),
    held: new HeldSources(parts.leases, { collection: collection.name, signal: stop.signal }),
  };
}

/** A misspelt path leaves no collection behind that somebody would have to drop. */
async function dropIfUnused({ parts, collection: { name }, isNew, stop }: Job): Promise<void> {
  if (!isNew || stop.signal.aborted) return;
  try {
    if ((await parts.documents.count(name)) === 0) await dropCollection(parts, name);
  } catch {
    // An empty collection does no harm; the report of what failed must not be lost for it.
  }
}

async function ingestAll(job: Job, works: AsyncIterable<Work>): Promise<void> {
  await forEachLimited(works, DOCUMENTS_AT_ONCE, (work) => ingestDocument(job, work));
}

function reportOf({ tally, collection, started, stop }: Job): IngestReport {
  return tally.report(collection.name, (performance.now() - started) / 1_000, stop.signal.aborted);
}

async function listAll(job: Job, sources: readonly string[]): Promise<SourceRef[]> {
  const { request, tally, stop, listed } = job;
  const refs: SourceRef[] = [];
  for await (const item of listSources(sources, { signal: stop.signal, ...request.read })) {
    if ('status' in item) tally.add(item);
    else if (!listed.has(item.source)) {
      listed.add(item.source);
      refs.push(item);
    }
  }
  request.onEvent?.({ kind: 'listed', sources: refs.length });
  return refs;
}

/** Reads and parses the sources one after the other; what fails is reported and left out. */
async function* readDocuments(job: Job, refs: readonly SourceRef[]): AsyncGenerator<Work> {
  const { request, tally, stop } = job;
  for (const [index, ref] of refs.entries()) {
    if (stop.signal.aborted) return;
    try {
      yield* readDocumentsOf(job, ref);
    } catch (error) {
      tally.add(failure(ref.source, error));
    }
    if (stop.signal.aborted) return;
    if (!job.isSecondPass) request.onEvent?.({ kind: 'source', source: ref.source, done: index + 1 });
  }
}

async function* readDocumentsOf(job: Job, ref: SourceRef): AsyncGenerator<Work> {
  // Held from before it is read: what is published is never older than what another process has published meanwhile.
  yield* job.held.during(ref.source, async function* (held) {
    const source = await readSource(ref, job.request.read ?? {});
    yield* documentsOf(job, source, { origin: ref.kind, ref, held });
  });
}

async function* documentsOf(
  job: Job,
  source: Source,
  from: Pick<Work, 'origin' | 'ref' | 'held'>,
): AsyncGenerator<Work> {
  const { rows, stop, tally } = job;
  const { origin } = from;
  const produced = rows && new Set<string>();
  const ids = new Set<string>();
  let isComplete = true;
  // Bytes are at least as many as the characters they hold, so that no text is made that there is no room for yet.
  await job.room.waitFor(source.bytes.length);
  for await (const parsed of parseSource(source, parseOptions(job))) {
    if (stop.signal.aborted) return;
    if ('status' in parsed) {
      isComplete &&= isEmpty(parsed, source.source);
      if (!job.isSecondPass) await addProblem(job, parsed, { source: source.source, origin });
    } else if (parsed.docId !== undefined && ids.has(parsed.docId)) {
      if (!job.isSecondPass) tally.add(failure(parsed.source, repeatedId(parsed.docId)));
    } else {
      if (parsed.docId !== undefined) ids.add(parsed.docId);
      yield { parsed, ...from, ...(produced && { produced }) };
    }
  }
  if (isComplete && produced) rows?.set(source.source, produced);
}

function repeatedId(docId: string): StackloreError {
  return new StackloreError('already_exists', {
    message: `Its id "${docId}" is that of an earlier row of the same source, which was kept. Give each row an id of its own, or none.`,
  });
}

function parseOptions({ request, collection }: Job): ParseOptions {
  const { maxChunks = DEFAULT_MAX_CHUNKS, parse } = request;
  const { size } = collection.manifest.chunker;
  const checkText = (text: string): void => {
    if (isSurelyTooLong(text, { size, maxChunks })) throw tooManyChunks(maxChunks);
  };
  return { ...parse, checkText };
}

async function* parseGiven<T extends { readonly source: string }>(
  job: Job,
  items: Iterable<T> | AsyncIterable<T>,
  parse: Given<T>['parse'],
): AsyncGenerator<Work> {
  let done = 0;
  for await (const item of items) {
    if (job.stop.signal.aborted) return;
    try {
      yield* parse(job, item);
    } catch (error) {
      job.tally.add(failure(String(item?.source), error));
    }
    done += 1;
    job.request.onEvent?.({ kind: 'source', source: String(item?.source), done });
  }
}

async function* parseFile(job: Job, file: FileContents): AsyncGenerator<Work> {
  const { source, bytes, mediaType } = checkFileContents(file);
  const { buffer, byteOffset, byteLength } = bytes;
  const read = { source, name: basename(source), bytes: Buffer.from(buffer, byteOffset, byteLength) };
  const type = mediaType === undefined ? {} : { contentType: mediaType };
  yield* job.held.during(source, (held) =>
    documentsOf(job, { ...read, ...type }, { origin: 'program', held }),
  );
}

async function* parseText(job: Job, document: TextDocument): AsyncGenerator<Work> {
  const checked = checkTextDocument(document);
  yield* job.held.during(checked.source, (held) => worksOf(job, checked, held));
}

async function* worksOf(job: Job, document: TextDocument, held: HeldSource): AsyncGenerator<Work> {
  const { text, source, contentType = 'markdown', docId, title, metadata } = document;
  const given = { ...(docId !== undefined && { docId }), ...(title !== undefined && { title }) };
  await job.room.waitFor(text.length);
  const read = { source, name: source, contentType, bytes: Buffer.from(text, 'utf8') };
  for await (const parsed of parseSource(read, parseOptions(job))) {
    if ('status' in parsed) await addProblem(job, parsed, { source, ...(docId !== undefined && { docId }) });
    else
      yield {
        parsed: { ...parsed, ...given, metadata: { ...parsed.metadata, ...metadata } },
        ...{ origin: 'program', held },
      };
  }
}
