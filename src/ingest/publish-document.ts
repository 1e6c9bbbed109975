import { hash as digest } from 'node:crypto';
import { type ErrorCode, errorMessage, RecordError, StackloreError } from '../errors.ts';
import { type Collection, manifestHash } from '../stores/knowledge/collections.ts';
import type { NewDocument, StoredDocument } from '../stores/knowledge/document.ts';
import { checkDocId, defaultDocId } from '../stores/knowledge/document-ids.ts';
import { cutIntoChunks, embedChunks } from './cut-document.ts';
import type { Job, Work } from './job.ts';
import type { ParsedDocument } from './parse/document.ts';
import { deleteIfPresent } from './prune.ts';
import type { DocumentOutcome } from './tally.ts';

const HOPELESS: readonly ErrorCode[] = [
  'server_unavailable',
  'server_failed',
  'database_unreachable',
  'database_timeout',
  'database_auth',
  'database_readonly',
  'database_full',
  'search_unavailable',
  'model_unavailable',
  // The collection itself: it was dropped meanwhile.
  'not_found',
];
/** Documents that may wait for the second pass; memory must not grow with their number. */
const MOST_POSTPONED = 10_000;

/** Brings one document into the collection and notes what became of it; never throws. */
export async function ingestDocument(job: Job, work: Work): Promise<void> {
  const { parsed } = work;
  try {
    const hash = digest('sha256', parsed.text);
    const keys = [`id ${parsed.docId ?? parsed.source}`, `text ${hash}`];
    const outcome = await job.room.run(parsed.text.length, () =>
      job.turns.run(keys, () => publishInTurn(job, work, hash)),
    );
    if (outcome) job.tally.add(outcome);
  } catch (error) {
    // Left by an interrupt, as those are that were not begun.
    if (job.stop.signal.aborted && error instanceof StackloreError && error.code === 'aborted') return;
    if (isHopeless(error)) job.stop.abort();
    job.tally.add(failure(parsed.source, error));
  } finally {
    await work.held.end();
  }
}

/** As turns are for one run, so are leases for all processes; what stays as it is needs none. */
async function publishInTurn(job: Job, work: Work, hash: string): Promise<DocumentOutcome | undefined> {
  const { collection, parts, request, stop } = job;
  const before = await lookAt(job, work, hash);
  if (isUnchanged(before, collection) && !request.force) return publishDocument(job, work, before);
  const own = work.parsed.docId === undefined ? [] : [`id ${before.document.docId}`];
  const lease = await parts.leases.hold([...own, `text ${collection.name} ${hash}`], stop.signal);
  if (!lease) return undefined;
  try {
    // Another process may have published it until now.
    return await publishDocument(job, work, await lookAt(job, work, hash));
  } finally {
    await lease.release();
  }
}

/** A document to be published, and what is stored under its id. */
interface Version {
  readonly document: NewDocument;
  readonly earlier: StoredDocument | undefined;
}

async function lookAt(job: Job, work: Work, hash: string): Promise<Version> {
  const document = await describe(job, work, hash);
  return { document, earlier: await job.parts.documents.find(document.docId) };
}

/** What became of a document, or `undefined` when it is none of this pass. */
async function publishDocument(job: Job, work: Work, version: Version): Promise<DocumentOutcome | undefined> {
  const { parsed, ref } = work;
  const { collection, request } = job;
  const { documents } = job.parts;
  const { document, earlier } = version;
  const { docId, source, title } = document;
  if (job.isSecondPass && !job.postponed.has(docId)) return undefined;
  work.produced?.add(docId);

  if (earlier && !job.vanished.has(docId)) checkRowOwner(parsed, earlier);
  job.vanished.delete(docId);
  const isSame = isUnchanged(version, collection);
  if (earlier && isSame && !request.force) {
    await documents.confirm(earlier);
    return { source, docId, title, status: 'unchanged', chunks: earlier.chunkCount };
  }
  // What is stored as it is stays the document it is.
  const twin = isSame ? undefined : await findTwin(job, document);
  if (twin !== undefined && parsed.docId === undefined) {
    if (ref !== undefined && ref.kind !== 'stdin' && mayChange(job, twin)) {
      job.postponed.set(docId, ref);
      return undefined;
    }
    if (earlier) await deleteIfPresent(documents, docId);
    const reason = `Its text equals that of document ${twin.docId}; it is stored once.`;
    return { source, docId, title, status: 'duplicate', duplicateOf: twin.docId, reason };
  }

  const { embedder } = job;
  const chunks = await cutIntoChunks(parsed, {
    embedder,
    chunker: collection.manifest.chunker,
    maxChunks: request.maxChunks,
  });
  const known = earlier ? await documents.embeddings(collection, earlier) : new Map<string, Float32Array>();
  const embeddings = await embedChunks(embedder, chunks, known, { signal: job.stop.signal });
  await documents.replace(collection, document, chunks, embeddings.vectors);
  return {
    ...{ source, docId, title, status: earlier ? 'updated' : 'created' },
    ...{ chunks: chunks.length, embedded: embeddings.made },
    ...(twin === undefined ? {} : { duplicateOf: twin.docId }),
  };
}

async function describe(job: Job, { parsed, origin }: Work, hash: string): Promise<NewDocument> {
  const { title, source, contentType, wordCount, container } = parsed;
  const own = parsed.docId === undefined ? {} : { _id: parsed.docId };
  return {
    docId: await chooseDocId(job, parsed),
    ...{ title, source, contentType, wordCount, origin },
    ...(container === undefined ? {} : { container }),
    hash,
    metadata: { ...parsed.metadata, ...own, ...job.request.metadata },
  };
}

/**
 * Ids are unique across collections. A row's own id is taken as it is; where another collection holds it already it is
 * qualified with the collection's name, so that one file can live in two collections.
 */
async function chooseDocId(
  { parts, collection: { name }, request }: Job,
  { docId, source }: ParsedDocument,
): Promise<string> {
  if (docId === undefined) return defaultDocId(name, source);
  checkDocId(docId);
  const qualified = `${name}:${docId}`;
  const [plain, own] = await Promise.all([
    parts.documents.find(docId).catch((error: unknown) => {
      // One that cannot be read may be of any collection.
      if (error instanceof RecordError && request.qualifyIds) return undefined;
      throw error;
    }),
    parts.documents.find(qualified),
  ]);
  if (own?.collection === name) return qualified;
  if (request.qualifyIds) {
    if (plain && (plain.collection ?? 'default') === name) return docId;
    // Only who may write to all collections can have given another one's document this id.
    return own === undefined ? qualified : defaultDocId(name, qualified);
  }
  return plain === undefined || (plain.collection ?? name) === name ? docId : qualified;
}

/** Throws where a row's own id is that of a document from elsewhere: one would be lost for the other. */
function checkRowOwner({ docId, source, container }: ParsedDocument, earlier: StoredDocument): void {
  if (docId === undefined || container === undefined) return;
  if (earlier.source === source || earlier.container === container) return;
  throw new StackloreError('already_exists', {
    message: `Its id "${docId}" is that of ${earlier.source} in this collection, which was kept. Give the rows ids that no other file has, or ingest this file into another collection; if it takes the other's place, delete the document first: stacklore docs delete ${earlier.docId}`,
  });
}

function isUnchanged({ document, earlier }: Version, { manifest }: Collection): boolean {
  return (
    earlier !== undefined &&
    earlier.hash === document.hash &&
    earlier.manifestHash === manifestHash(manifest) &&
    earlier.title === document.title &&
    earlier.source === document.source &&
    earlier.contentType === document.contentType &&
    earlier.origin === document.origin &&
    earlier.container === document.container &&
    JSON.stringify(earlier.metadata ?? {}) === JSON.stringify(document.metadata ?? {})
  );
}

/** Another document of the collection with equal text, whose source still exists. */
async function findTwin(job: Job, { docId, hash }: NewDocument): Promise<StoredDocument | undefined> {
  const twinId = await job.parts.documents.findByHash(job.collection.name, hash);
  if (twinId === docId || twinId === undefined || job.vanished.has(twinId)) return undefined;
  const twin = await job.parts.documents.find(twinId);
  // It may have been given another text since its id was read.
  if (twin?.hash !== hash) return undefined;
  // Postponed and not published since, it has the text only until its own turn comes.
  return job.isSecondPass && job.postponed.has(twinId) && !isOfThisRun(job, twin) ? undefined : twin;
}

/** Whether this run may still replace a stored document; then it is too early to leave another one out for it. */
function mayChange(job: Job, twin: StoredDocument): boolean {
  if (job.isSecondPass || isOfThisRun(job, twin) || job.postponed.size >= MOST_POSTPONED) return false;
  return job.listed.has(twin.container ?? twin.source);
}

function isOfThisRun({ startedAt }: Job, { updatedAt }: StoredDocument): boolean {
  return updatedAt >= startedAt;
}

/** The outcome of something that threw. */
export function failure(source: string, error: unknown): DocumentOutcome {
  const code = error instanceof StackloreError ? error.code : 'internal';
  return { source, status: 'failed', code, reason: errorMessage(error) };
}

/** Errors that every further document would meet too. */
function isHopeless(error: unknown): boolean {
  return error instanceof StackloreError && HOPELESS.includes(error.code);
}
