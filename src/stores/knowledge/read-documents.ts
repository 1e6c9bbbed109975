import { RecordError } from '../../errors.ts';
import type { Database } from '../../redis/databases.ts';
import { asObject, readHashes } from '../../redis/hash.ts';
import { documentRecord } from '../../schema/knowledge.ts';
import type { StoredDocument } from './document.ts';

/** A document's hash as it is stored, and where; the error of a key that holds something else. */
export interface DocumentHash {
  readonly docId: string;
  readonly key: string;
  readonly fields: Readonly<Record<string, string>> | RecordError;
}

/** The hashes of documents in the order of their ids, in one round trip; those that are not there are left out. */
export async function readDocumentHashes(
  database: Database,
  docIds: readonly string[],
): Promise<DocumentHash[]> {
  const places = docIds.flatMap((docId) =>
    documentRecord.key.candidates({ docId }).map((key) => ({ docId, key })),
  );
  const replies = await readHashes(
    database,
    places.map(({ key }) => key),
  );
  const found = new Map<string, DocumentHash>();
  for (const [at, { docId, key }] of places.entries()) {
    const reply = replies[at] ?? [];
    if (found.has(docId) || (!(reply instanceof RecordError) && reply.length === 0)) continue;
    found.set(docId, { docId, key, fields: reply instanceof RecordError ? reply : asObject(reply) });
  }
  return [...found.values()];
}

/** The document of a hash. Throws `RecordError`. */
export function decodeDocument({ docId, key, fields }: DocumentHash): StoredDocument {
  if (fields instanceof RecordError) throw fields;
  return { docId, ...documentRecord.decode(fields, key) };
}

/** Documents in the order of their ids, and those whose record cannot be read. */
export interface ReadDocuments {
  readonly items: StoredDocument[];
  readonly broken: { readonly docId: string; readonly error: RecordError }[];
}

/** Reads documents in one round trip; those that are not there are left out. */
export async function readDocuments(database: Database, docIds: readonly string[]): Promise<ReadDocuments> {
  const items: StoredDocument[] = [];
  const broken: ReadDocuments['broken'] = [];
  for (const hash of await readDocumentHashes(database, docIds)) {
    try {
      items.push(decodeDocument(hash));
    } catch (error) {
      if (!(error instanceof RecordError)) throw error;
      broken.push({ docId: hash.docId, error });
    }
  }
  return { items, broken };
}

/** Reads documents in one round trip; those that are not there are left out. Throws `RecordError` for one that cannot be read. */
export async function requireReadable(
  database: Database,
  docIds: readonly string[],
): Promise<StoredDocument[]> {
  const { items, broken } = await readDocuments(database, docIds);
  if (broken[0]) throw broken[0].error;
  return items;
}

/** Where a document is stored: under the raw key if another program has put it there, else under the escaped one. */
export async function documentKeyOf(database: Database, docId: string): Promise<string> {
  const [first, own] = documentRecord.key.candidates({ docId });
  if (own === undefined) return first as string;
  return (await database.send<number>(['EXISTS', first as string])) === 1 ? (first as string) : own;
}
