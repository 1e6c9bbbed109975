import type { Database } from '../../redis/databases.ts';
import { collectionDocumentsRecord } from '../../schema/knowledge.ts';

/**
 * The ids of all documents of a collection, about `count` at a time and in no order. Documents that are there all the while
 * are among them; one may come twice while many are deleted.
 */
export async function* documentIdPages(
  database: Database,
  collection: string,
  count = 500,
): AsyncGenerator<string[]> {
  const key = collectionDocumentsRecord.key.build({ collection });
  // A scan: pages by place would skip members of a set that is deleted from meanwhile.
  let cursor = '0';
  do {
    const scan = ['ZSCAN', key, cursor, 'COUNT', String(count)];
    const [next, members] = await database.send<[string, string[]]>(scan);
    cursor = next;
    const docIds = members.filter((_, at) => at % 2 === 0);
    if (docIds.length > 0) yield docIds;
  } while (cursor !== '0');
}
