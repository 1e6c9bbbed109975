import { RecordError } from '../../errors.ts';
import type { Database } from '../../redis/databases.ts';
import { asObject, readHashes } from '../../redis/hash.ts';
import { documentRecord } from '../../schema/knowledge.ts';

/** A document's hash as it is stored, and where. */
export interface DocumentHash {
  readonly docId: string;
  readonly key: string;
  readonly fields: Readonly<Record<string, string>>;
}

/** The hashes of documents, in their order; those that are not there are left out. */
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
    if (reply instanceof RecordError) throw reply;
    if (reply.length === 0 || found.has(docId)) continue;
    found.set(docId, { docId, key, fields: asObject(reply) });
  }
  return [...found.values()];
}
