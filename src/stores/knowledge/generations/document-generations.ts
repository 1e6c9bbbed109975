import type { Database } from '../../../redis/databases.ts';
import { isWrongType } from '../../../redis/wrong-type.ts';
import { isId } from '../../../schema/key.ts';
import { chunkRecord, type DocumentMetadata, documentRecord } from '../../../schema/knowledge.ts';
import { docIdOfChunk } from '../document-ids.ts';

/** The generation that each document shows; documents that were published in one MULTI, and those that are gone, show none. */
export async function readGenerations(
  database: Database,
  docIds: Iterable<string>,
): Promise<ReadonlyMap<string, number>> {
  const places = [...new Set(docIds)].filter(isId).flatMap((docId) => {
    return documentRecord.key.candidates({ docId }).map((key) => ({ docId, key }));
  });
  const found = new Map<string, number>();
  const replies = await readAll(
    database,
    places.map(({ key }) => key),
  );
  for (const [at, { docId }] of places.entries()) {
    const generation = replies[at];
    if (typeof generation === 'string') found.set(docId, Number(generation));
  }
  return found;
}

/** Which chunks a document shows. */
export type ShownPlace = Pick<DocumentMetadata, 'generation' | 'chunkStart'>;

/** Which chunks a document shows now, or `undefined` when it is gone or shows none by generation. */
export async function readShownPlace(database: Database, docId: string): Promise<ShownPlace | undefined> {
  const replies = await database.pipeline<(string | null)[]>(
    documentRecord.key.candidates({ docId }).map((key) => ['HMGET', key, 'generation', 'chunk_start']),
  );
  const found = replies.find(([generation]) => typeof generation === 'string');
  return found && { generation: Number(found[0]), chunkStart: Number(found[1] ?? 0) };
}

/** One key that holds something else must not make every search fail. */
async function readAll(database: Database, keys: readonly string[]): Promise<(string | null)[]> {
  const read = (some: readonly string[]) =>
    database.pipeline<string | null>(some.map((key) => ['HGET', key, 'generation']));
  try {
    return await read(keys);
  } catch (error) {
    if (!isWrongType(error)) throw error;
    const types = await database.pipeline<string>(keys.map((key) => ['TYPE', key]));
    const hashes = keys.filter((_, at) => types[at] === 'hash');
    const replies = new Map((await read(hashes)).map((reply, at) => [hashes[at], reply]));
    return keys.map((key) => replies.get(key) ?? null);
  }
}

/** The document that the chunk of a key belongs to, by the form of its id. */
export function docIdOfKey(key: string): string | undefined {
  return docIdOfChunk(chunkRecord.key.parse(key)?.chunkId ?? '');
}
