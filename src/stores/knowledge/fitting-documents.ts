import type { Database } from '../../redis/databases.ts';
import { readFields } from '../../redis/hash.ts';
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
    ['content_type', 'source', 'title'],
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

function holds(text: string | null | undefined, wanted: string | undefined): boolean {
  return wanted === undefined || (text?.toLowerCase().includes(wanted.toLowerCase()) ?? false);
}
