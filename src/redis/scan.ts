import type { Database, RedisArgument } from './databases.ts';

export interface ScanOptions {
  /** How many keys the server looks at in one step. */
  readonly count?: number;
  /** Only keys of this Redis type, e.g. `hash`. */
  readonly type?: string;
}

/**
 * The keys that match a glob pattern, page by page, of a cluster those of one master after the other; pages may be empty,
 * and a key may come twice when the keyspace is resized meanwhile, or be missed when its slot is moved to another master.
 * The server is never held up: KEYS is not sent.
 */
export async function* scanKeys(
  database: Database,
  pattern: string,
  { count = 1_000, type }: ScanOptions = {},
): AsyncGenerator<string[]> {
  const options: RedisArgument[] = ['MATCH', pattern, 'COUNT', String(count)];
  if (type !== undefined) options.push('TYPE', type);
  for (const shard of await database.shards()) {
    let cursor = '0';
    do {
      const [next, keys] = await shard.send<[string, string[]]>(['SCAN', cursor, ...options]);
      cursor = next;
      yield keys;
    } while (cursor !== '0');
  }
}

/** Every key of the numbered database as bytes, page by page like `scanKeys`: a key need not be text. */
export async function* scanKeyBytes(database: Database, { count = 1_000 } = {}): AsyncGenerator<Buffer[]> {
  for (const shard of await database.shards()) {
    let cursor = '0';
    do {
      const command = ['SCAN', cursor, 'COUNT', String(count)];
      const [next, keys] = await shard.send<[Buffer, Buffer[]]>(command, { buffers: true });
      cursor = next.toString();
      yield keys;
    } while (cursor !== '0');
  }
}
