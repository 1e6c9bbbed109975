import type { Database, RedisArgument } from '../../redis/databases.ts';
import { sameConnection } from '../../redis/scan.ts';

/** A sorted set or a map that both databases may have: what the target lacks is added, what it has stays. */
export interface SharedKey {
  readonly source: Database;
  readonly target: Database;
  readonly key: Buffer;
  readonly type: 'sortedSet' | 'map';
}

type Entry = readonly [name: Buffer, value: Buffer];

const ENTRIES_PER_STEP = '500';

/** How many entries the target has not yet. */
export async function countAbsent(shared: SharedKey): Promise<number> {
  let absent = 0;
  for await (const entries of pagesOf(shared))
    absent += entries.length - (await namesThere(shared, entries)).length;
  return absent;
}

/** Copies entries that the target has not yet; gives how many. */
export async function copyEntries({ target, key, type, ...shared }: SharedKey): Promise<number> {
  let copied = 0;
  for await (const entries of pagesOf({ target, key, type, ...shared })) {
    const added = await target.pipeline<number>(
      type === 'sortedSet'
        ? [['ZADD', key, 'NX', ...entries.flatMap(([member, score]) => [score, member])]]
        : entries.map(([field, value]) => ['HSETNX', key, field, value]),
    );
    copied += added.reduce((sum, one) => sum + one, 0);
  }
  return copied;
}

/** Removes entries from the source that the target has by now; gives how many stayed. */
export async function removeEntries(shared: SharedKey): Promise<number> {
  const { source, key, type } = shared;
  for await (const entries of pagesOf(shared)) {
    const names = await namesThere(shared, entries);
    if (names.length > 0) await source.send([type === 'sortedSet' ? 'ZREM' : 'HDEL', key, ...names]);
  }
  return source.send<number>([type === 'sortedSet' ? 'ZCARD' : 'HLEN', key]);
}

async function namesThere(
  { target, key, type }: SharedKey,
  entries: readonly Entry[],
): Promise<RedisArgument[]> {
  const names = entries.map(([name]) => name);
  const values = await target.send<unknown[]>([type === 'sortedSet' ? 'ZMSCORE' : 'HMGET', key, ...names]);
  return names.filter((_, at) => values[at] !== null);
}

async function* pagesOf({ source, key, type }: SharedKey): AsyncGenerator<Entry[]> {
  const scan = type === 'sortedSet' ? 'ZSCAN' : 'HSCAN';
  // Only looked at from the second step on: the first may be what makes the connection.
  let check: (() => void) | undefined;
  let cursor = '0';
  do {
    const [next, flat] = await source.send<[Buffer, Buffer[]]>(
      [scan, key, cursor, 'COUNT', ENTRIES_PER_STEP],
      {
        buffers: true,
      },
    );
    check?.();
    check ??= sameConnection(source);
    cursor = next.toString();
    const entries: Entry[] = [];
    for (let at = 0; at + 1 < flat.length; at += 2)
      entries.push([flat[at] as Buffer, flat[at + 1] as Buffer]);
    if (entries.length > 0) yield entries;
  } while (cursor !== '0');
}
