import type { Database } from '../redis/databases.ts';
import { runScript } from '../redis/script.ts';
import { namedWrongType } from '../redis/wrong-type.ts';
import { isId } from '../schema/key.ts';
import {
  CHUNK_PREFIX,
  chunkRecord,
  collectionRecord,
  documentIndexRecord,
  documentRecord,
} from '../schema/knowledge.ts';
import { chunkIdOf } from '../stores/knowledge/document-ids.ts';
import { type Pace, pacedKeys } from './paced-keys.ts';
import { Sample } from './sample.ts';
import { UNLINK_EMPTY_DOCUMENT } from './scripts/unlink-empty-document.ts';
import { UNLINK_ORPHANS } from './scripts/unlink-orphans.ts';

export interface Removal extends Pace {
  /** Only count. */
  readonly dryRun: boolean;
}

/** A document by its key and its id. */
export interface DocumentPlace {
  readonly key: string;
  readonly docId: string;
}

const CHUNKS_PER_SCRIPT = 100;
/** Documents that are looked for among all chunks at once. */
const DOCUMENTS_PER_SEARCH = 500;

/** Deletes the chunks that name a document which is gone. */
export async function removeOrphans(knowledge: Database, { dryRun, ...pace }: Removal): Promise<Sample> {
  const removed = new Sample();
  for await (const keys of pacedKeys(knowledge, chunkRecord.key.pattern, { ...pace, type: 'hash' })) {
    for (let at = 0; at < keys.length; at += CHUNKS_PER_SCRIPT) {
      const part = keys.slice(at, at + CHUNKS_PER_SCRIPT);
      const docIds = await readDocIds(knowledge, part);
      const chunks = part.flatMap((key, n) => {
        const docId = docIds[n];
        const collection = chunkRecord.key.parse(key)?.collection;
        // Without a document's id nobody can say whether it is gone.
        return isId(docId) && isId(collection) ? [{ key, docId, collection }] : [];
      });
      if (chunks.length === 0) continue;
      const orphans = await runScript<number[]>(knowledge, UNLINK_ORPHANS, {
        keys: chunks.flatMap(({ key, docId, collection }) => {
          return [key, ...documentKeys(docId), collectionRecord.key.build({ collection })];
        }),
        args: [dryRun ? '1' : '0', ...chunks.map(({ docId }) => docId)],
      });
      for (const number of orphans) removed.add(chunks[number]?.key ?? '');
    }
  }
  return removed;
}

/** Deletes the documents that have no chunk, with their index entries. */
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
  const call = unlinkEmpty(document, '0');
  try {
    return (await runScript<number>(knowledge, UNLINK_EMPTY_DOCUMENT, call)) === 1;
  } catch (error) {
    throw await namedWrongType(knowledge, error, new Map([[documentIndexRecord.key.build({}), 'zset']]));
  }
}

/** The documents that have no chunk, batch by batch: neither by the schema's names nor any that names them. */
export async function* emptyDocuments(knowledge: Database, pace: Pace): AsyncGenerator<DocumentPlace[]> {
  let suspects: DocumentPlace[] = [];
  for await (const keys of pacedKeys(knowledge, documentRecord.key.pattern, { ...pace, type: 'hash' })) {
    const documents = placesOf(keys);
    const looks = documents.map((document) => {
      const { keys: named, args } = unlinkEmpty(document, '1');
      return UNLINK_EMPTY_DOCUMENT.evalCommand(named, args);
    });
    const replies = await knowledge.pipeline<number>(looks);
    suspects.push(...documents.filter((_, at) => replies[at] === 1));
    if (suspects.length < DOCUMENTS_PER_SEARCH) continue;
    yield await withoutChunks(knowledge, suspects, pace);
    suspects = [];
  }
  if (suspects.length > 0) yield await withoutChunks(knowledge, suspects, pace);
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
    for (const key of keys)
      empty.delete(/^(.+)_chunk_/su.exec(chunkRecord.key.parse(key)?.chunkId ?? '')?.[1] ?? '');
  }
  return suspects.filter(({ docId }) => empty.has(docId));
}

async function readDocIds(knowledge: Database, keys: readonly string[]): Promise<(string | null)[]> {
  return knowledge.pipeline<string | null>(keys.map((key) => ['HGET', key, 'doc_id']));
}

function unlinkEmpty({ key, docId }: DocumentPlace, isDryRun: '0' | '1') {
  return { keys: [key, documentIndexRecord.key.build({})], args: [isDryRun, docId, ...chunkTails(docId)] };
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

/** What a document's chunk ids are in a key before their number: escaped, and raw as other writers have them. */
export function chunkTails(docId: string): [escaped: string, raw: string] {
  const ids = { collection: 'x', chunkId: chunkIdOf(docId, 0) };
  const tail = (key: string) => key.slice(`${CHUNK_PREFIX}x/`.length, -1);
  const built = chunkRecord.key.build(ids);
  return [tail(built), tail(chunkRecord.key.candidates(ids)[0] ?? built)];
}
