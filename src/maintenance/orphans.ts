import type { Database } from '../redis/databases.ts';
import { runScript } from '../redis/script.ts';
import { namedWrongType } from '../redis/wrong-type.ts';
import { isId } from '../schema/key.ts';
import { chunkRecord, collectionRecord, documentIndexRecord, documentRecord } from '../schema/knowledge.ts';
import { chunkTails, docIdOfChunk } from '../stores/knowledge/document-ids.ts';
import { countChunks } from '../stores/knowledge/generations/document-chunks.ts';
import { Generations } from '../stores/knowledge/generations/generations.ts';
import { GenerationLeftovers, type MetChunk } from '../stores/knowledge/generations/leftovers.ts';
import { arrivalsKey, arriving, requireNoArrivals } from './arrivals.ts';
import { countSettled, type DocumentPlace, inBatches } from './document-in-steps.ts';
import { type Pace, pacedKeys } from './paced-keys.ts';
import { Sample } from './sample.ts';
import { UNLINK_EMPTY_DOCUMENT } from './scripts/unlink-empty-document.ts';
import { UNLINK_ORPHANS } from './scripts/unlink-orphans.ts';

export interface Removal extends Pace {
  /** Only count. */
  readonly dryRun: boolean;
}

const CHUNKS_PER_SCRIPT = 100;
/** Documents that are looked for among all chunks at once. */
const DOCUMENTS_PER_SEARCH = 500;

/** Deletes the chunks that name a document which is gone. Throws `busy` while records are brought in. */
export async function removeOrphans(knowledge: Database, { dryRun, ...pace }: Removal): Promise<Sample> {
  const removed = new Sample();
  const leftovers = new GenerationLeftovers(knowledge);
  for await (const keys of pacedKeys(knowledge, chunkRecord.key.pattern, { ...pace, type: 'hash' })) {
    for (let at = 0; at < keys.length; at += CHUNKS_PER_SCRIPT) {
      const met = await meetChunks(knowledge, keys.slice(at, at + CHUNKS_PER_SCRIPT));
      // Of a publish in steps chunks are there before their document is, and on a cluster no script sees both.
      const inSteps = met.filter(({ generation }) => knowledge.isCluster || generation !== '');
      if (inSteps.length > 0 && !dryRun) await requireNoArrivals(knowledge);
      for (const { key } of await leftovers.orphans(inSteps, { dryRun })) removed.add(key);
      const others = met.filter((chunk) => !inSteps.includes(chunk));
      for (const key of await unlinkOrphans(knowledge, others, dryRun)) removed.add(key);
    }
  }
  return removed;
}

/** The chunks of keys; without a document's id nobody can say whether it is gone. */
async function meetChunks(knowledge: Database, keys: readonly string[]): Promise<MetChunk[]> {
  const replies = await knowledge.pipeline<(string | null)[]>(
    keys.map((key) => ['HMGET', key, 'doc_id', 'generation']),
  );
  return keys.flatMap((key, at) => {
    const [docId, generation] = replies[at] ?? [];
    const collection = chunkRecord.key.parse(key)?.collection;
    return isId(docId) && isId(collection) ? [{ key, docId, collection, generation: generation ?? '' }] : [];
  });
}

/** The keys of those whose document is gone. */
async function unlinkOrphans(
  knowledge: Database,
  chunks: readonly MetChunk[],
  dryRun: boolean,
): Promise<string[]> {
  if (chunks.length === 0) return [];
  const orphans = await runScript<number[] | null>(knowledge, UNLINK_ORPHANS, {
    keys: [
      arrivalsKey(),
      ...chunks.flatMap(({ key, docId, collection }) => {
        return [key, ...documentKeys(docId), collectionRecord.key.build({ collection })];
      }),
    ],
    args: [dryRun ? '1' : '0', ...chunks.map(({ docId }) => docId)],
  });
  if (!orphans) throw arriving();
  return orphans.map((number) => chunks[number]?.key ?? '');
}

/** Deletes the documents that have no chunk, with their index entries. Throws `busy` while records are brought in. */
export async function removeEmptyDocuments(
  knowledge: Database,
  { dryRun, ...pace }: Removal,
): Promise<Sample> {
  const removed = new Sample();
  for await (const documents of emptyDocuments(knowledge, pace)) {
    for (const { key, docId } of documents) {
      if (dryRun || (await unlink(knowledge, { key, docId }))) removed.add(docId);
    }
  }
  return removed;
}

async function unlink(knowledge: Database, document: DocumentPlace): Promise<boolean> {
  if (knowledge.isCluster) return unlinkInSteps(knowledge, document);
  const call = unlinkEmpty(document, '0');
  let unlinked: number;
  try {
    unlinked = await runScript<number>(knowledge, UNLINK_EMPTY_DOCUMENT, call);
  } catch (error) {
    throw await namedWrongType(knowledge, error, new Map([[documentIndexRecord.key.build({}), 'zset']]));
  }
  if (unlinked < 0) throw arriving();
  return unlinked === 1;
}

/** On a cluster no script sees a document with its chunks: nobody else may publish it meanwhile. */
async function unlinkInSteps(knowledge: Database, document: DocumentPlace): Promise<boolean> {
  await requireNoArrivals(knowledge);
  const count = await countSettled(knowledge, document);
  if (count?.found !== 0) return false;
  const target = { ...document, collection: count.collection };
  return new Generations(knowledge).removeIf(
    target,
    async () => (await countChunks(knowledge, document))?.found === 0,
  );
}

/** The documents that have no chunk, batch by batch: neither by the schema's names nor any that names them. */
export async function* emptyDocuments(knowledge: Database, pace: Pace): AsyncGenerator<DocumentPlace[]> {
  let suspects: DocumentPlace[] = [];
  for await (const keys of pacedKeys(knowledge, documentRecord.key.pattern, { ...pace, type: 'hash' })) {
    const documents = placesOf(keys);
    suspects.push(...(await seemEmpty(knowledge, documents)));
    if (suspects.length < DOCUMENTS_PER_SEARCH) continue;
    yield await withoutChunks(knowledge, suspects, pace);
    suspects = [];
  }
  if (suspects.length > 0) yield await withoutChunks(knowledge, suspects, pace);
}

/** Those that have no chunk under the schema's names. */
async function seemEmpty(knowledge: Database, documents: readonly DocumentPlace[]): Promise<DocumentPlace[]> {
  if (knowledge.isCluster) {
    const counts = await inBatches(documents, (document) => countSettled(knowledge, document));
    return documents.filter((_, at) => counts[at]?.found === 0);
  }
  const looks = documents.map((document) => {
    const { keys, args } = unlinkEmpty(document, '1');
    return UNLINK_EMPTY_DOCUMENT.evalCommand(keys, args);
  });
  const replies = await knowledge.pipeline<number>(looks);
  return documents.filter((_, at) => replies[at] === 1);
}

/** Other programs name chunks as they like and do not say which collection a document is in: look at every chunk. */
async function withoutChunks(
  knowledge: Database,
  suspects: readonly DocumentPlace[],
  pace: Pace,
): Promise<DocumentPlace[]> {
  const empty = new Set(suspects.map(({ docId }) => docId));
  for await (const keys of pacedKeys(knowledge, chunkRecord.key.pattern, { ...pace, type: 'hash' })) {
    if (empty.size === 0) break;
    for (const docId of await readDocIds(knowledge, keys)) empty.delete(docId ?? '');
    for (const key of keys) empty.delete(docIdOfChunk(chunkRecord.key.parse(key)?.chunkId ?? '') ?? '');
  }
  return suspects.filter(({ docId }) => empty.has(docId));
}

async function readDocIds(knowledge: Database, keys: readonly string[]): Promise<(string | null)[]> {
  return knowledge.pipeline<string | null>(keys.map((key) => ['HGET', key, 'doc_id']));
}

function unlinkEmpty({ key, docId }: DocumentPlace, isDryRun: '0' | '1') {
  const keys = [key, documentIndexRecord.key.build({}), arrivalsKey()];
  return { keys, args: [isDryRun, docId, ...chunkTails(docId)] };
}

/** Which documents these keys are; keys whose id no key of ours could carry are left out. */
export function placesOf(keys: readonly string[]): DocumentPlace[] {
  return keys.flatMap((key) => {
    const docId = documentRecord.key.parse(key)?.docId;
    return isId(docId) ? [{ key, docId }] : [];
  });
}

/** The two keys a document may have, as other writers form it and as ours do; often the same. */
export function documentKeys(docId: string): [string, string] {
  const [first = '', second = first] = documentRecord.key.candidates({ docId });
  return [first, second];
}
