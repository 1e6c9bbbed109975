import type { Database } from '../../redis/databases.ts';
import { isId } from '../../schema/key.ts';
import { documentRecord } from '../../schema/knowledge.ts';
import { readSpans } from '../../stores/knowledge/generations/document-chunks.ts';
import { GenerationLeftovers } from '../../stores/knowledge/generations/leftovers.ts';
import { type ChunkLook, type ChunkPlace, findIndexed, GONE, numberOf, UNCOUNTED } from './chunk-look.ts';

/**
 * What is true of chunks on a cluster, where no script sees them with their documents and no MULTI with their index: what seems wrong
 * is looked at twice, and counts if it is so both times. Chunks of documents that are being published are taken for right.
 */
export async function lookInSteps(
  knowledge: Database,
  chunks: readonly ChunkPlace[],
  indexed: ReadonlySet<string>,
): Promise<ChunkLook[]> {
  const first = await look(knowledge, chunks, indexed);
  const suspects = new Map(first.filter(isSuspect).map((one) => [one.key, one]));
  if (suspects.size === 0) return first;
  const again = await look(
    knowledge,
    chunks.filter(({ key }) => suspects.has(key)),
    indexed,
  );
  const confirmed = again.map((one) => {
    const before = suspects.get(one.key);
    const isIndexed =
      one.isIndexed === undefined ? {} : { isIndexed: one.isIndexed || before?.isIndexed !== false };
    return { ...one, state: one.state === before?.state ? one.state : 0, ...isIndexed };
  });
  return [...first.filter((one) => !isSuspect(one)), ...confirmed];
}

function isSuspect({ state, isIndexed }: ChunkLook): boolean {
  return state !== 0 || isIndexed === false;
}

async function look(
  knowledge: Database,
  chunks: readonly ChunkPlace[],
  indexed: ReadonlySet<string>,
): Promise<ChunkLook[]> {
  const [stored, bytes, inIndex] = await Promise.all([
    knowledge.pipeline<(string | null)[]>(chunks.map(({ key }) => ['HMGET', key, 'doc_id', 'generation'])),
    knowledge.pipeline<number>(chunks.map(({ key }) => ['HSTRLEN', key, 'embedding'])),
    readIndexed(knowledge, chunks, indexed),
  ]);
  const met = chunks.flatMap((chunk, at) => {
    const [docId, generation] = stored[at] ?? [];
    // Another chunk by now, or none.
    if ((docId ?? '') !== chunk.docId || (docId === null && bytes[at] === 0)) return [];
    return [{ ...chunk, generation: generation ?? '', bytes: bytes[at] ?? 0 }];
  });
  const ofDocuments = met.filter(({ docId }) => isId(docId));
  const leftovers = await new GenerationLeftovers(knowledge).orphans(ofDocuments, { dryRun: true });
  const gone = new Set(leftovers.map(({ key }) => key));
  const documents = await readDocuments(
    knowledge,
    ofDocuments.map(({ docId }) => docId),
  );
  return met.map(({ key, collection, chunkId, docId, generation, bytes: length }) => {
    const document = documents.get(docId);
    const number = numberOf(chunkId, docId);
    const isCounted =
      document === undefined ||
      document.generation !== generation ||
      (document.collection === collection && (number === '' || Number(number) < document.count));
    const state = gone.has(key) ? GONE : isCounted ? 0 : UNCOUNTED;
    const isIndexed = indexed.has(collection) ? { isIndexed: inIndex.has(key) } : {};
    return { key, collection, bytes: length, state, ...isIndexed };
  });
}

async function readIndexed(
  knowledge: Database,
  chunks: readonly ChunkPlace[],
  indexed: ReadonlySet<string>,
): Promise<ReadonlySet<string>> {
  const names = [...new Set(chunks.map(({ collection }) => collection))].filter((name) => indexed.has(name));
  const found = await knowledge.pipeline<[number, ...string[]]>(
    names.map((name) => {
      const own = chunks.filter(({ collection }) => collection === name);
      return findIndexed(
        name,
        own.map(({ key }) => key),
      );
    }),
  );
  return new Set(found.flatMap(([, ...rows]) => rows));
}

interface CountingDocument {
  readonly collection: string;
  /** Numbers of its chunks are below this. */
  readonly count: number;
  readonly generation: string;
}

/** The documents that say how many chunks they have; what is no document of ours says nothing. */
async function readDocuments(
  knowledge: Database,
  docIds: readonly string[],
): Promise<ReadonlyMap<string, CountingDocument>> {
  const places = [...new Set(docIds)].flatMap((docId) =>
    documentRecord.key.candidates({ docId }).map((key) => ({ docId, key })),
  );
  const spans = await readSpans(
    knowledge,
    places.map(({ key }) => key),
  );
  const found = new Map<string, CountingDocument>();
  for (const [at, { docId }] of places.entries()) {
    const { collection, count, start = 0, generation = '' } = spans[at] ?? {};
    if (!collection || count === undefined || found.has(docId)) continue;
    found.set(docId, { collection, count: start + count, generation });
  }
  return found;
}
