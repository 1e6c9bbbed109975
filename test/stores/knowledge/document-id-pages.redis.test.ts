import { expect, test } from 'vitest';
import type { Database } from '../../../src/redis/databases.ts';
import { documentIdPages } from '../../../src/stores/knowledge/document-id-pages.ts';
import { openTestLore } from '../../support/lore.ts';
import { usePrivateRedis } from '../../support/redis.ts';

const redis = usePrivateRedis();

/** A database whose server another one takes over after the first page, to which the cursor means something else. */
function takenOver(database: Database): Database {
  let pages = 0;
  return new Proxy(database, {
    get: (target, name) => {
      if (name === 'connections') return pages < 2 ? 1 : 2;
      if (name !== 'send') return Reflect.get(target, name, target);
      const send: Database['send'] = async (command, options) => {
        pages += 1;
        return pages === 2 ? (['0', []] as never) : target.send(command, options);
      };
      return send;
    },
  });
}

test('all ids of documents are given although another server takes over meanwhile', async () => {
  const { knowledge } = openTestLore(redis).databases;
  const docIds = Array.from({ length: 600 }, (_, at) => `d${at}`);
  const entries = docIds.flatMap((docId, at) => [String(at), docId]);
  await knowledge.send(['ZADD', 'stacklore:documents:many', ...entries]);
  const found = new Set<string>();
  for await (const page of documentIdPages(takenOver(knowledge), 'many', 50)) {
    for (const docId of page) found.add(docId);
  }
  expect(found.size).toBe(600);
});
