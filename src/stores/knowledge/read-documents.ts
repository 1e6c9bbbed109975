import { RecordError } from '../../errors.ts';
import type { Database } from '../../redis/databases.ts';
import { asObject, readHashes } from '../../redis/hash.ts';
import { documentRecord } from '../../schema/knowledge.ts';
import type { StoredDocument } from './document.ts';

/** Documents in the order of their ids, and those whose record cannot be read. */
export interface ReadDocuments {
  readonly items: StoredDocument[];
  readonly broken: { readonly docId: string; readonly error: RecordError }[];
}

/** Reads documents in one round trip; those that are not there are left out. */
export async function readDocuments(database: Database, docIds: readonly string[]): Promise<ReadDocuments> {
  const places = docIds.flatMap((docId) =>
    documentRecord.key.candidates({ docId }).map((key) => ({ docId, key })),
  );
  const replies = await readHashes(
    database,
    places.map(({ key }) => key),
  );
  const items: StoredDocument[] = [];
  const broken: ReadDocuments['broken'] = [];
  const seen = new Set<string>();
  for (const [at, { docId, key }] of places.entries()) {
    const reply = replies[at] ?? [];
    if (seen.has(docId) || (!(reply instanceof RecordError) && reply.length === 0)) continue;
    seen.add(docId);
    try {
      if (reply instanceof RecordError) throw reply;
      items.push({ docId, ...documentRecord.decode(asObject(reply), key) });
    } catch (error) {
      if (!(error instanceof RecordError)) throw error;
      broken.push({ docId, error });
    }
  }
  return { items, broken };
}
