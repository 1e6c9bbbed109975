import { RecordError } from '../../errors.ts';
import type { Database } from '../../redis/databases.ts';
import { asObject, readHashes } from '../../redis/hash.ts';
import { collectionDocumentsRecord, documentRecord } from '../../schema/knowledge.ts';
import type { StoredDocument } from './document.ts';

/** One page of a list and how many there are in all. */
export interface Page<T> {
  readonly items: T[];
  readonly total: number;
}

/** Which documents of a collection are listed; all conditions must hold. */
export interface DocumentListOptions {
  /** How many of the first are left out (0), and how many are given (100). */
  readonly offset?: number | undefined;
  readonly limit?: number | undefined;
  readonly contentType?: string | undefined;
  /** What the source holds somewhere; capitals do not matter. */
  readonly source?: string | undefined;
  /** What the title holds somewhere; capitals do not matter. */
  readonly title?: string | undefined;
  /** Updated in or after this second, and before this one. */
  readonly updatedAfter?: Date | undefined;
  readonly updatedBefore?: Date | undefined;
}

const DOCUMENTS_PER_READ = 500;

/**
 * Documents of a collection, most recently updated first. Times are looked up in the list itself; for other conditions
 * the few fields they are about are read of every document.
 */
export async function listDocuments(
  database: Database,
  collection: string,
  { offset = 0, limit = 100, updatedAfter, updatedBefore, ...described }: DocumentListOptions,
): Promise<Page<StoredDocument>> {
  const key = collectionDocumentsRecord.key.build({ collection });
  const least = updatedAfter ? String(Math.floor(updatedAfter.getTime() / 1_000)) : '-inf';
  const most = updatedBefore ? `(${Math.ceil(updatedBefore.getTime() / 1_000)}` : '+inf';
  const range = ['ZREVRANGEBYSCORE', key, most, least];
  if (Object.values(described).every((wanted) => wanted === undefined)) {
    const page = [...range, 'LIMIT', String(offset), String(limit)];
    const [total, docIds] = await database.pipeline<unknown>([['ZCOUNT', key, least, most], page]);
    return { items: await readDocuments(database, docIds as string[]), total: Number(total) };
  }
  const docIds = await database.send<string[]>(range);
  const found: string[] = [];
  for (let at = 0; at < docIds.length; at += DOCUMENTS_PER_READ) {
    found.push(...(await describedAs(database, docIds.slice(at, at + DOCUMENTS_PER_READ), described)));
  }
  return { items: await readDocuments(database, found.slice(offset, offset + limit)), total: found.length };
}

/** The metadata of documents in the order of their ids; those that are not there are left out. */
export async function readDocuments(
  database: Database,
  docIds: readonly string[],
): Promise<StoredDocument[]> {
  const places = placesOf(docIds);
  const keys = places.map(({ key }) => key);
  const replies = await readHashes(database, keys);
  const found = new Map<string, StoredDocument>();
  for (const [at, { docId, key }] of places.entries()) {
    const reply = replies[at] ?? [];
    if (reply instanceof RecordError) throw reply;
    if (reply.length === 0 || found.has(docId)) continue;
    found.set(docId, { docId, ...documentRecord.decode(asObject(reply), key) });
  }
  return [...found.values()];
}

type Described = Pick<DocumentListOptions, 'contentType' | 'source' | 'title'>;

async function describedAs(
  database: Database,
  docIds: readonly string[],
  { contentType, source, title }: Described,
): Promise<string[]> {
  const places = placesOf(docIds);
  const replies = await database.pipeline<(string | null)[]>(
    places.map(({ key }) => ['HMGET', key, 'content_type', 'source', 'title']),
  );
  const fitting = places.filter((_, at) => {
    const [ownType, ownSource, ownTitle] = replies[at] ?? [];
    return (
      (contentType === undefined || ownType === contentType) &&
      holds(ownSource, source) &&
      holds(ownTitle, title)
    );
  });
  return [...new Set(fitting.map(({ docId }) => docId))];
}

function holds(text: string | null | undefined, wanted: string | undefined): boolean {
  return wanted === undefined || (text?.toLowerCase().includes(wanted.toLowerCase()) ?? false);
}

/** Where each document may be, the key to look at first before the other. */
function placesOf(docIds: readonly string[]): { docId: string; key: string }[] {
  return docIds.flatMap((docId) => documentRecord.key.candidates({ docId }).map((key) => ({ docId, key })));
}
