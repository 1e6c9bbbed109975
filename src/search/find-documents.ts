import { isId } from '../schema/key.ts';
import type { StoredDocument } from '../stores/knowledge/document.ts';
import { defaultDocId } from '../stores/knowledge/document-ids.ts';
import type { Documents } from '../stores/knowledge/documents.ts';

type DocumentSource = Pick<Documents, 'find'>;

/** Documents looked for in one go: their commands share one round trip. */
const AT_ONCE = 200;

/** The ids under which a collection may hold what someone calls by this name, the likeliest first. */
export function possibleDocIds(collection: string, name: string): string[] {
  // Ingest stores ids in this form.
  const composed = name.normalize('NFC');
  return [
    ...new Set([name, composed, `${collection}:${composed}`, defaultDocId(collection, composed)]),
  ].filter(isId);
}

/**
 * The documents that these names mean in the first of the collections that has them: doc ids, ids of rows as their file
 * has them (`_id`, which becomes `collection:_id` where another collection had it first), or sources.
 */
export async function findDocuments(
  documents: DocumentSource,
  collections: readonly string[],
  names: readonly string[],
): Promise<Map<string, StoredDocument>> {
  const found = new Map<string, StoredDocument>();
  for (let at = 0; at < names.length; at += AT_ONCE) {
    await Promise.all(
      names.slice(at, at + AT_ONCE).map(async (name) => {
        const document = await findOne(documents, collections, name);
        if (document) found.set(name, document);
      }),
    );
  }
  return found;
}

async function findOne(
  documents: DocumentSource,
  collections: readonly string[],
  name: string,
): Promise<StoredDocument | undefined> {
  for (const collection of collections) {
    for (const docId of possibleDocIds(collection, name)) {
      const document = await documents.find(docId);
      if (document && (document.collection ?? 'default') === collection) return document;
    }
  }
  return undefined;
}

/** The name a document has in the file it is a row of, or its doc id. */
export function nameOf({
  collection,
  docId,
  metadata,
}: {
  readonly collection: string;
  readonly docId: string;
  readonly metadata: Readonly<Record<string, unknown>>;
}): string {
  const { _id: own } = metadata;
  return typeof own === 'string' && docId === `${collection}:${own}` ? own : docId;
}
