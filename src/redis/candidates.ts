import type { Database } from './databases.ts';

/** The key that a record is written at: that of another program which has stored it already, else our own. */
export async function keyToWrite(database: Database, keys: readonly string[]): Promise<string> {
  const own = keys.at(-1) ?? '';
  if (keys.length < 2) return own;
  const found = await database.pipeline<number>(keys.map((key) => ['EXISTS', key]));
  return keys.find((_, at) => found[at] === 1) ?? own;
}

/**
 * The keys that a script is to look at: all those where a record may be, or of a cluster, which takes keys of one slot
 * only, the one where it is now or is to be written.
 */
export async function keysForScript(database: Database, keys: readonly string[]): Promise<readonly string[]> {
  return database.isCluster && keys.length > 1 ? [await keyToWrite(database, keys)] : keys;
}
