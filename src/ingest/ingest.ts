import { checkDocId } from '../stores/knowledge/document-ids.ts';
import { type CollectionParts, openCollection } from './collection-settings.ts';
import { forEachLimited } from './for-each-limited.ts';
import type { IngestRequest, Job, TextIngestRequest, Work } from './job.ts';
import { parseSource } from './parse/parse-source.ts';
import { findVanished, pruneVanished } from './prune.ts';
import { failure, ingestDocument } from './publish-document.ts';
import { listSources, readSource, type SourceRef } from './read-source.ts';
import { type IngestReport, Tally } from './tally.ts';
import { Turns } from './turns.ts';

export type { IngestRequest, TextIngestRequest } from './job.ts';

/** Documents under way at once: enough that parsing and publishing hide behind embedding, few enough for memory. */
const DOCUMENTS_AT_ONCE = 4;
/**
 * Turns sources into stored, searchable documents. One bad source never stops the rest: it is reported. Throws only
 * when nothing can be ingested at all: no server, no model, a collection made with other settings.
 */
export async function ingest(parts: CollectionParts, request: IngestRequest): Promise<IngestReport> {
  const { sources, collection = 'default', read = {}, prune = false } = request;
  const job = await startJob(parts, request);
  if (prune) job.vanished = await findVanished(parts.documents, collection, { sources, read });
  await ingestAll(job, readDocuments(job, await listAll(job, sources)));
  if (prune && !job.stop.signal.aborted) {
    try {
      for await (const outcome of pruneVanished(parts.documents, collection, job)) job.tally.add(outcome);
    } catch (error) {
      // What was ingested is reported all the same.
      job.tally.add(failure('--prune', error));
    }
  }
  return reportOf(job);
}

/** A document that a program holds as text; `source` names it in hits and, without a `docId`, identifies it. */
export interface TextDocument {
  readonly text: string;
  readonly source: string;
  readonly title?: string;
  readonly docId?: string;
  readonly metadata?: Readonly<Record<string, unknown>>;
  /** How the text is read, Markdown unless told otherwise. */
  readonly contentType?: 'markdown' | 'text' | 'html' | 'code';
}

/** Like `ingest`, for texts instead of sources. */
export async function ingestTexts(
  parts: CollectionParts,
  texts: Iterable<TextDocument> | AsyncIterable<TextDocument>,
  request: TextIngestRequest = {},
): Promise<IngestReport> {
  const job = await startJob(parts, request);
  await ingestAll(job, parseTexts(job, texts));
  return reportOf(job);
}

async function startJob(parts: CollectionParts, request: TextIngestRequest): Promise<Job> {
  const collection = await openCollection(parts, request.collection ?? 'default', request.settings);
  const stop = new AbortController();
  request.signal?.addEventListener('abort', () => stop.abort(), { once: true });
  if (request.signal?.aborted) stop.abort();
  return {
    ...{ parts, request, collection, stop, started: performance.now() },
    embedder: await parts.embedder(),
    tally: new Tally(request.onEvent),
    vanished: new Map(),
    rows: new Map(),
    turns: new Turns(),
  };
}

async function ingestAll(job: Job, works: AsyncIterable<Work>): Promise<void> {
  await forEachLimited(works, DOCUMENTS_AT_ONCE, (work) => ingestDocument(job, work));
}

function reportOf({ tally, collection, started, stop }: Job): IngestReport {
  return tally.report(collection.name, (performance.now() - started) / 1_000, stop.signal.aborted);
}

async function listAll({ request, tally, stop }: Job, sources: readonly string[]): Promise<SourceRef[]> {
  const refs = new Map<string, SourceRef>();
  for await (const item of listSources(sources, { signal: stop.signal, ...request.read })) {
    if ('status' in item) tally.add(item);
    else if (!refs.has(item.source)) refs.set(item.source, item);
  }
  request.onEvent?.({ kind: 'listed', sources: refs.size });
  return [...refs.values()];
}

/** Reads and parses the sources one after the other; what fails is reported and left out. */
async function* readDocuments(job: Job, refs: readonly SourceRef[]): AsyncGenerator<Work> {
  const { request, tally, stop } = job;
  for (const [index, ref] of refs.entries()) {
    const produced = new Set<string>();
    let isComplete = true;
    try {
      for await (const parsed of parseSource(
        await readSource(ref, request.read ?? {}),
        request.parse ?? {},
      )) {
        if (stop.signal.aborted) return;
        if ('status' in parsed) {
          tally.add(parsed);
          isComplete = false;
        } else {
          yield { parsed, produced };
        }
      }
      if (isComplete) job.rows.set(ref.source, produced);
    } catch (error) {
      tally.add(failure(ref.source, error));
    }
    if (stop.signal.aborted) return;
    request.onEvent?.({ kind: 'source', source: ref.source, done: index + 1 });
  }
}

async function* parseTexts(
  job: Job,
  texts: Iterable<TextDocument> | AsyncIterable<TextDocument>,
): AsyncGenerator<Work> {
  for await (const { text, source, contentType = 'markdown', docId, title, metadata } of texts) {
    if (job.stop.signal.aborted) return;
    try {
      const given = {
        ...(docId !== undefined && { docId: checkDocId(docId) }),
        ...(title !== undefined && { title }),
      };
      const bytes = Buffer.from(text, 'utf8');
      for await (const parsed of parseSource({ source, name: source, contentType, bytes }, {})) {
        if ('status' in parsed) job.tally.add(parsed);
        else
          yield {
            parsed: { ...parsed, ...given, metadata: { ...parsed.metadata, ...metadata } },
            produced: new Set(),
          };
      }
    } catch (error) {
      job.tally.add(failure(source, error));
    }
  }
}
