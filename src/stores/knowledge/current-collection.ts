import { StackloreError } from '../../errors.ts';
import type { Database } from '../../redis/databases.ts';
import { collectionRecord } from '../../schema/knowledge.ts';
import type { Collection } from './collections.ts';

/**
 * Makes sure that a collection which was read a second ago is still that one: what was dropped or replaced meanwhile must not
 * get its index back. Throws `not_found` or `busy`.
 */
export async function requireCurrent(
  database: Database,
  { name, index }: Pick<Collection, 'name' | 'index'>,
): Promise<void> {
  const key = collectionRecord.key.build({ collection: name });
  const stored = await database.send<string | null>(['HGET', key, 'index']);
  if (stored === index) return;
  if (stored !== null) {
    throw new StackloreError('busy', {
      message: `Collection "${name}" was given another index a moment ago. Repeat.`,
    });
  }
  throw new StackloreError('not_found', {
    message: `Collection "${name}" was dropped. See stacklore collections list for those there are.`,
  });
}
