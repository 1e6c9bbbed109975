import { StackloreError } from '../errors.ts';
import type { Database, RedisArgument, Shard } from './databases.ts';

export interface ScanOptions {
  /** How many keys the server looks at in one step. */
  readonly count?: number;
  /** Only keys of this Redis type, e.g. `hash`. */
  readonly type?: string;
}

/**
 * The keys that match a glob pattern, page by page, of a cluster those of one master after the other; pages may be empty,
 * and a key may come twice when the keyspace is resized meanwhile or another server has taken over, or be missed when its
 * slot is moved to another master. The server is never held up: KEYS is not sent.
 */
export async function* scanKeys(
  database: Database,
  pattern: string,
  { count = 1_000, type }: ScanOptions = {},
): AsyncGenerator<string[]> {
  const options: RedisArgument[] = ['MATCH', pattern, 'COUNT', String(count)];
  if (type !== undefined) options.push('TYPE', type);
  yield* pages<string>(database, (shard, cursor) =>
    shard.send(['SCAN', cursor, ...options], { isRepeatable: true }),
  );
}

/** Every key of the numbered database as bytes, page by page like `scanKeys`: a key need not be text. */
export async function* scanKeyBytes(database: Database, { count = 1_000 } = {}): AsyncGenerator<Buffer[]> {
  yield* pages<Buffer>(database, (shard, cursor) =>
    shard.send(['SCAN', cursor, 'COUNT', String(count)], { buffers: true, isRepeatable: true }),
  );
}

/**
 * Gives what throws `database_unreachable` once another connection was made, for those who go through the elements of one
 * key by a cursor and cannot begin anew.
 */
export function sameConnection(database: Database): () => void {
  const { connections, name } = database;
  return () => {
    if (database.connections === connections) return;
    throw new StackloreError('database_unreachable', {
      message: `The connection to the ${name} database broke while a large key was read step by step. Run the command again.`,
    });
  };
}

async function* pages<Key extends string | Buffer>(
  database: Database,
  scan: (shard: Shard, cursor: string) => Promise<[next: Key, keys: Key[]]>,
): AsyncGenerator<Key[]> {
  for (const shard of await database.shards()) yield* cursorPages(database, (cursor) => scan(shard, cursor));
}

/** What is read by a cursor, page by page; from the beginning once more when another server has taken over. */
export async function* cursorPages<Page>(
  database: Pick<Database, 'connections'>,
  read: (cursor: string) => Promise<[next: string | Buffer, page: Page]>,
): AsyncGenerator<Page> {
  let { connections } = database;
  for (let cursor = '0', isFirst = true; isFirst || cursor !== '0'; ) {
    const [next, page] = await read(cursor);
    // Another server numbers what it has otherwise: going on with the cursor of the first would leave some out.
    isFirst = !isFirst && database.connections !== connections;
    connections = database.connections;
    cursor = isFirst ? '0' : next.toString();
    yield page;
  }
}
