import { StackloreError } from '../../errors.ts';
import type { Database } from '../../redis/databases.ts';
import { type UnreadableRecord, unreadable } from '../../redis/hash.ts';
import { runScript } from '../../redis/script.ts';
import { collectionDocumentsRecord } from '../../schema/knowledge.ts';
import type { StoredDocument } from './document.ts';
import { type Described, fitting } from './fitting-documents.ts';
import { readDocuments } from './read-documents.ts';
import { LIST_WINDOW } from './scripts/list-window.ts';

/** One page of a list and how many there are in all. */
export interface Page<T> {
  readonly items: T[];
  readonly total: number;
}

/** Documents of a collection, and those that cannot be read. */
export interface DocumentPage extends Page<StoredDocument> {
  /** False where only the first 10,000 documents were looked at: `total` is how many of them fit, and there may be more. */
  readonly isTotalExact: boolean;
  /** Given as `after`, it lists what follows; absent at the end. The page may be empty and yet have one. */
  readonly next?: string;
  /** Counted in the total; they can be deleted. */
  readonly unreadable: readonly (UnreadableRecord & { readonly docId: string })[];
}

/** Which documents of a collection are listed; all conditions must hold. */
export interface DocumentListOptions extends Described {
  /** How many of the first are left out (0), and how many are given (100). */
  readonly offset?: number | undefined;
  readonly limit?: number | undefined;
  /**
   * Goes on where the page ended that gave this as its `next`; `offset` then counts from there, and with other conditions than
   * times `total` too.
   */
  readonly after?: string | undefined;
  /** Updated in or after this second, and before this one. */
  readonly updatedAfter?: Date | undefined;
  readonly updatedBefore?: Date | undefined;
}

/** Documents that one call looks at for conditions that are not in the list itself: some 50 ms, however many there are. */
const MOST_LOOKED_AT = 10_000;
const DOCUMENTS_PER_READ = 500;

/** An entry of the list and its score, which together are its place. */
interface Entry {
  readonly docId: string;
  readonly score: string;
}

/** A stretch of the list. */
interface Window {
  readonly entries: readonly Entry[];
  /** How many the whole list has, and how many of them follow the stretch. */
  readonly total: number;
  readonly remaining: number;
}

/**
 * Documents of a collection, most recently updated first. Times and places are looked up in the list itself; for other
 * conditions the few fields they are about are read, of so many documents at most. Throws `invalid_input` for an `after` that no
 * page gave.
 */
export async function listDocuments(
  database: Database,
  collection: string,
  { offset = 0, limit = 100, after, updatedAfter, updatedBefore, ...described }: DocumentListOptions,
): Promise<DocumentPage> {
  const key = collectionDocumentsRecord.key.build({ collection });
  const least = updatedAfter ? String(Math.floor(updatedAfter.getTime() / 1_000)) : '-inf';
  const below = updatedBefore ? String(Math.ceil(updatedBefore.getTime() / 1_000)) : '';
  const range = [least, below];
  const place = after === undefined ? ['', ''] : parsePlace(after);
  if (Object.values(described).every((wanted) => wanted === undefined)) {
    const window = await readWindow(database, key, [...range, String(offset), String(limit), ...place]);
    const { entries, total, remaining } = window;
    const next = remaining > 0 ? entries.at(-1) : undefined;
    return readPage(database, entries, { total, isTotalExact: true, next });
  }
  const window = await readWindow(database, key, [...range, '0', String(MOST_LOOKED_AT), ...place]);
  const { entries, remaining } = window;
  const found: Entry[] = [];
  for (let at = 0; at < entries.length; at += DOCUMENTS_PER_READ) {
    found.push(...(await fitting(database, entries.slice(at, at + DOCUMENTS_PER_READ), described)));
  }
  const page = found.slice(offset, offset + limit);
  const isPageLast = found.length <= offset + limit;
  const next = isPageLast ? (remaining > 0 ? entries.at(-1) : undefined) : page.at(-1);
  return readPage(database, page, { total: found.length, isTotalExact: remaining === 0, next });
}

async function readWindow(database: Database, key: string, args: readonly string[]): Promise<Window> {
  const reply = await runScript<(string | number)[]>(database, LIST_WINDOW, { keys: [key], args });
  const [total, remaining, ...flat] = reply;
  const entries: Entry[] = [];
  for (let at = 0; at + 1 < flat.length; at += 2)
    entries.push({ docId: String(flat[at]), score: String(flat[at + 1]) });
  return { entries, total: Number(total), remaining: Number(remaining) };
}

async function readPage(
  database: Database,
  entries: readonly Entry[],
  { next, ...counted }: Pick<DocumentPage, 'total' | 'isTotalExact'> & { readonly next: Entry | undefined },
): Promise<DocumentPage> {
  const { items, broken } = await readDocuments(
    database,
    entries.map(({ docId }) => docId),
  );
  return {
    ...{ items, ...counted },
    ...(next && { next: `${next.score}:${next.docId}` }),
    unreadable: broken.map(({ docId, error }) => ({ docId, ...unreadable(error) })),
  };
}

function parsePlace(after: string): [score: string, docId: string] {
  const [, score, docId] = /^(-?[\d.e+]{1,32}):(.+)$/su.exec(after) ?? [];
  if (score !== undefined && docId !== undefined && Number.isFinite(Number(score))) return [score, docId];
  throw new StackloreError('invalid_input', {
    message:
      'after must be what a page of this list gave as its next. Leave it out to begin with the first page.',
  });
}
