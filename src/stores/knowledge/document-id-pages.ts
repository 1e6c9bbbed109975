import type { Database } from '../../redis/databases.ts';
import { cursorPages } from '../../redis/scan.ts';
import { collectionDocumentsRecord } from '../../schema/knowledge.ts';

/**
 * The ids of all documents of a collection, about `count` at a time and in no order. Documents that are there all the while
 * are among them; one may come twice while many are deleted, or when another server has taken over.
 */
export async function* documentIdPages(
  database: Database,
  collection: string,
  count = 500,
): AsyncGenerator<string[]> {
  const key = collectionDocumentsRecord.key.build({ collection });
  // A scan: pages by place would skip members of a set that is deleted from meanwhile.
  const pages = cursorPages(database, (cursor) =>
    database.send<[string, string[]]>(['ZSCAN', key, cursor, 'COUNT', String(count)], { isRepeatable: true }),
  );
  for await (const members of pages) {
    const docIds = members.filter((_, at) => at % 2 === 0);
    if (docIds.length > 0) yield docIds;
  }
}
