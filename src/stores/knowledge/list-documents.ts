import type { Database } from '../../redis/databases.ts';
import { type UnreadableRecord, unreadable } from '../../redis/hash.ts';
import { collectionDocumentsRecord, documentRecord } from '../../schema/knowledge.ts';
import type { StoredDocument } from './document.ts';
import { readDocuments } from './read-documents.ts';

/** One page of a list and how many there are in all. */
export interface Page<T> {
  readonly items: T[];
  readonly total: number;
}

/** Documents of a collection, and those that cannot be read. */
export interface DocumentPage extends Page<StoredDocument> {
  /** Counted in the total; they can be deleted. */
  readonly unreadable: readonly (UnreadableRecord & { readonly docId: string })[];
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
): Promise<DocumentPage> {
  const key = collectionDocumentsRecord.key.build({ collection });
  const least = updatedAfter ? String(Math.floor(updatedAfter.getTime() / 1_000)) : '-inf';
  const most = updatedBefore ? `(${Math.ceil(updatedBefore.getTime() / 1_000)}` : '+inf';
  const range = ['ZREVRANGEBYSCORE', key, most, least];
  if (Object.values(described).every((wanted) => wanted === undefined)) {
    const page = [...range, 'LIMIT', String(offset), String(limit)];
    const [total, docIds] = await database.pipeline<unknown>([['ZCOUNT', key, least, most], page]);
    return readPage(database, docIds as string[], Number(total));
  }
  const docIds = await database.send<string[]>(range);
  const found: string[] = [];
  for (let at = 0; at < docIds.length; at += DOCUMENTS_PER_READ) {
    found.push(...(await describedAs(database, docIds.slice(at, at + DOCUMENTS_PER_READ), described)));
  }
  return readPage(database, found.slice(offset, offset + limit), found.length);
}

async function readPage(database: Database, docIds: readonly string[], total: number): Promise<DocumentPage> {
  const { items, broken } = await readDocuments(database, docIds);
  return { items, total, unreadable: broken.map(({ docId, error }) => ({ docId, ...unreadable(error) })) };
}

type Described = Pick<DocumentListOptions, 'contentType' | 'source' | 'title'>;

async function describedAs(
  database: Database,
  docIds: readonly string[],
  { contentType, source, title }: Described,
): Promise<string[]> {
  const places = await hashesAmong(database, placesOf(docIds));
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

/** Those that can be read; a key of another type would make all of them fail. */
async function hashesAmong<T extends { readonly key: string }>(
  database: Database,
  places: readonly T[],
): Promise<T[]> {
  const types = await database.pipeline<string>(places.map(({ key }) => ['TYPE', key]));
  return places.filter((_, at) => types[at] === 'hash');
}

function holds(text: string | null | undefined, wanted: string | undefined): boolean {
  return wanted === undefined || (text?.toLowerCase().includes(wanted.toLowerCase()) ?? false);
}

/** Where each document may be, the key to look at first before the other. */
function placesOf(docIds: readonly string[]): { docId: string; key: string }[] {
  return docIds.flatMap((docId) => documentRecord.key.candidates({ docId }).map((key) => ({ docId, key })));
}
