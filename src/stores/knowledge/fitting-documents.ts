import type { Database } from '../../redis/databases.ts';
import { isWrongType } from '../../redis/wrong-type.ts';
import { documentRecord } from '../../schema/knowledge.ts';

/** What is wanted of documents beside their time. */
export interface Described {
  readonly contentType?: string | undefined;
  /** What the source holds somewhere; capitals do not matter. */
  readonly source?: string | undefined;
  /** What the title holds somewhere; capitals do not matter. */
  readonly title?: string | undefined;
}

/** Those of these documents that fit, in their order; a few fields of each are read, in one round trip. */
export async function fitting<Entry extends { readonly docId: string }>(
  database: Database,
  entries: readonly Entry[],
  { contentType, source, title }: Described,
): Promise<Entry[]> {
  const places = entries.flatMap((entry) =>
    documentRecord.key.candidates({ docId: entry.docId }).map((key) => ({ entry, key })),
  );
  const fields = await readFields(
    database,
    places.map(({ key }) => key),
  );
  const found = places.filter((_, at) => {
    const [ownType, ownSource, ownTitle] = fields[at] ?? [];
    return (
      (contentType === undefined || ownType === contentType) &&
      holds(ownSource, source) &&
      holds(ownTitle, title)
    );
  });
  return [...new Set(found.map(({ entry }) => entry))];
}

/** Type, source and title of the hash at each key; nothing where there is none. */
async function readFields(
  database: Database,
  keys: readonly string[],
): Promise<readonly (readonly (string | null)[])[]> {
  const read = (some: readonly string[]) =>
    database.pipeline<(string | null)[]>(
      some.map((key) => ['HMGET', key, 'content_type', 'source', 'title']),
    );
  try {
    return await read(keys);
  } catch (error) {
    // A key of another type makes all of them fail.
    if (!isWrongType(error)) throw error;
    const types = await database.pipeline<string>(keys.map((key) => ['TYPE', key]));
    const hashes = keys.filter((_, at) => types[at] === 'hash');
    const replies = await read(hashes);
    const byKey = new Map(hashes.map((key, at) => [key, replies[at] ?? []]));
    return keys.map((key) => byKey.get(key) ?? []);
  }
}

function holds(text: string | null | undefined, wanted: string | undefined): boolean {
  return wanted === undefined || (text?.toLowerCase().includes(wanted.toLowerCase()) ?? false);
}
