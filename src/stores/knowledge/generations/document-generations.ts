import type { Database } from '../../../redis/databases.ts';
import { readFields } from '../../../redis/hash.ts';
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
  const replies = await readFields(
    database,
    places.map(({ key }) => key),
    ['generation'],
  );
  for (const [at, { docId }] of places.entries()) {
    const [generation] = replies[at] ?? [];
    if (typeof generation === 'string') found.set(docId, Number(generation));
  }
  return found;
}

/** Which chunks a document shows. */
export type ShownPlace = Pick<DocumentMetadata, 'generation' | 'chunkStart'>;

/** Which chunks a document shows now, or `undefined` when it is gone or shows none by generation. */
export async function readShownPlace(database: Database, docId: string): Promise<ShownPlace | undefined> {
  const fields = ['generation', 'chunk_start'];
  const replies = await readFields(database, documentRecord.key.candidates({ docId }), fields);
  const found = replies.find(([generation]) => typeof generation === 'string');
  return found && { generation: Number(found[0]), chunkStart: Number(found[1] ?? 0) };
}

/** The document that the chunk of a key belongs to, by the form of its id. */
export function docIdOfKey(key: string): string | undefined {
  return docIdOfChunk(chunkRecord.key.parse(key)?.chunkId ?? '');
}
