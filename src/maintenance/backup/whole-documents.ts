import { setTimeout as sleep } from 'node:timers/promises';
import { StackloreError } from '../../errors.ts';
import type { Database } from '../../redis/databases.ts';
import { readFields } from '../../redis/hash.ts';
import { isId } from '../../schema/key.ts';
import { chunkRecord, documentRecord } from '../../schema/knowledge.ts';
import { chunkIdOf, docIdOfChunk } from '../../stores/knowledge/document-ids.ts';
import {
  type DocumentSpan,
  isCountable,
  readSpans,
} from '../../stores/knowledge/generations/document-chunks.ts';
import { chunkKeysAt } from '../../stores/knowledge/generations/places.ts';
import type { RecordPart } from './archive-format.ts';

/** A key to be read, with the name of its family; an empty one for a key of none. */
export interface NamedKey {
  readonly key: Buffer;
  readonly family: string;
}

/** Reads keys with their values, each by itself. */
type ReadEach = (keys: readonly NamedKey[]) => AsyncIterable<RecordPart[]>;

const CHUNKS_AT_ONCE = 1_000;
/** How often a document may be published anew while it is being read. */
const ATTEMPTS = 20;
const PAUSE_MS = 5;

/**
 * Reads a page of keys, each document among them together with its chunks: all of one version, whatever is published meanwhile. The
 * chunks of documents are left out where they come by themselves, as are those that no document shows. A document is held
 * in memory until all of it is read. Throws `busy` for one that is published anew all the time.
 */
export async function* readWholeDocuments(
  database: Database,
  keys: readonly NamedKey[],
  readEach: ReadEach,
): AsyncGenerator<RecordPart[]> {
  const chunks: PlacedChunk[] = [];
  const documents: PlacedDocument[] = [];
  const others: NamedKey[] = [];
  for (const named of keys) {
    const document = placedDocument(named);
    const chunk = placedChunk(named);
    if (document) documents.push(document);
    else if (chunk) chunks.push(chunk);
    else others.push(named);
  }
  yield* readEach([...others, ...(await withoutDocument(database, chunks))]);
  const spans = await readSpans(
    database,
    documents.map(({ place }) => place),
  );
  for (const some of inBatches(documents, (at) => spans[at]?.count ?? 0)) {
    yield* readVersions(database, some, readEach);
  }
}

interface PlacedDocument extends NamedKey {
  readonly place: string;
  readonly docId: string;
}

/** A document under a key that the chunks of its id lead to; others are read like any key. */
function placedDocument({ key, family }: NamedKey): PlacedDocument | undefined {
  const place = key.toString();
  const docId = family === 'document' ? documentRecord.key.parse(place)?.docId : undefined;
  if (!isId(docId) || !documentRecord.key.candidates({ docId }).includes(place)) return undefined;
  return { ...{ key, family, place, docId } };
}

interface PlacedChunk extends NamedKey {
  readonly place: string;
  readonly collection: string;
  readonly docId: string;
  readonly number: number;
}

/** A chunk under a key that its document leads to; others are read like any key. */
function placedChunk({ key, family }: NamedKey): PlacedChunk | undefined {
  const place = key.toString();
  const ids = family === 'chunk' ? chunkRecord.key.parse(place) : undefined;
  const docId = ids && docIdOfChunk(ids.chunkId);
  if (!ids || !isId(docId) || !isId(ids.chunkId) || !isId(ids.collection)) return undefined;
  const number = Number(ids.chunkId.slice(chunkIdOf(docId, 0).length - 1));
  if (!Number.isSafeInteger(number) || chunkIdOf(docId, number) !== ids.chunkId) return undefined;
  if (!chunkRecord.key.candidates(ids).includes(place)) return undefined;
  return { ...{ key, family, place, docId, number }, collection: ids.collection };
}

/** Chunks that are not read with a document, but may be found: those of other programs, and orphans. */
async function withoutDocument(
  database: Database,
  chunks: readonly PlacedChunk[],
): Promise<readonly NamedKey[]> {
  const places = [...new Set(chunks.map(({ docId }) => docId))].flatMap((docId) =>
    documentRecord.key.candidates({ docId }).map((key) => ({ docId, key })),
  );
  const read = await readSpans(
    database,
    places.map(({ key }) => key),
  );
  const spans = new Map<string, (DocumentSpan | undefined)[]>();
  for (const [at, { docId }] of places.entries()) spans.set(docId, [...(spans.get(docId) ?? []), read[at]]);
  const apart = chunks.filter((chunk) => !spans.get(chunk.docId)?.some((span) => isCounted(chunk, span)));
  const generations = await readFields(
    database,
    apart.map(({ place }) => place),
    ['generation'],
  );
  return apart.filter(({ docId }, at) => {
    const own = spans.get(docId) ?? [];
    if (!own.every(isCountable)) return true;
    // Else it is of a version that is shown no more, or not yet.
    return typeof generations[at]?.[0] !== 'string' && own.every(({ generation }) => generation === '');
  });
}

function isCounted({ collection, number }: PlacedChunk, span: DocumentSpan | undefined): boolean {
  if (!isCountable(span) || span.collection !== collection) return false;
  return number >= span.start && number < span.start + (span.count ?? 0);
}

/** Documents with up to so many chunks at once, save for a single one that has more. */
function* inBatches(
  documents: readonly PlacedDocument[],
  sizeOf: (at: number) => number,
): Generator<PlacedDocument[]> {
  let [batch, size]: [PlacedDocument[], number] = [[], 0];
  for (const [at, document] of documents.entries()) {
    size += 1 + sizeOf(at);
    if (batch.length > 0 && size > CHUNKS_AT_ONCE) {
      yield batch;
      [batch, size] = [[], 1 + sizeOf(at)];
    }
    batch.push(document);
  }
  if (batch.length > 0) yield batch;
}

/** Reads documents with their chunks, and those anew that show another version afterwards than before. */
async function* readVersions(
  database: Database,
  documents: readonly PlacedDocument[],
  readEach: ReadEach,
): AsyncGenerator<RecordPart[]> {
  let waiting = documents;
  for (let attempt = 1; waiting.length > 0; attempt += 1) {
    if (attempt > ATTEMPTS) throw isBusy(waiting[0]?.docId ?? '');
    if (attempt > 1) await sleep(attempt * PAUSE_MS);
    const places = waiting.map(({ place }) => place);
    const before = await readSpans(database, places);
    const keys = waiting.map((document, at) => [document, ...chunksOf(document, before[at])]);
    const parts = new Map<string, RecordPart[]>();
    for await (const page of readEach(keys.flat())) {
      for (const part of page) {
        const id = part.key.toString('latin1');
        parts.set(id, [...(parts.get(id) ?? []), part]);
      }
    }
    const after = await readSpans(database, places);
    const isSame = (at: number) => before[at]?.version === after[at]?.version;
    for (const [at, own] of keys.entries()) {
      if (isSame(at)) yield own.flatMap(({ key }) => parts.get(key.toString('latin1')) ?? []);
    }
    waiting = waiting.filter((_, at) => !isSame(at));
  }
}

function chunksOf({ docId }: PlacedDocument, span: DocumentSpan | undefined): NamedKey[] {
  if (!isCountable(span) || span.collection === undefined) return [];
  const { collection, start, count = 0 } = span;
  const numbers = Array.from({ length: count }, (_, n) => start + n);
  return numbers
    .flatMap((n) => chunkKeysAt(collection, docId, n))
    .map((key) => ({ key: Buffer.from(key), family: 'chunk' }));
}

function isBusy(docId: string): StackloreError {
  return new StackloreError('busy', {
    message: `Document "${docId}" was published anew again and again while it was read, so nothing was kept. Repeat the backup when other programs leave it alone.`,
  });
}
