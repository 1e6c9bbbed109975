import { setTimeout as sleep } from 'node:timers/promises';
import { errorMessage, StackloreError } from '../../errors.ts';
import type { Shard } from '../../redis/databases.ts';
import { readInfo } from '../keyspace.ts';
import { throwIfAborted } from './read-records.ts';

/** A snapshot that a server wrote of everything it holds, all its databases together. */
export interface Snapshot {
  /** The file on the server's machine; `null` where the server does not tell. */
  readonly path: string | null;
  readonly savedAt: Date;
  readonly redisVersion: string;
}

export interface SnapshotOptions {
  readonly pollMs?: number;
  readonly signal?: AbortSignal;
}

/**
 * Has a server write its snapshot with BGSAVE and waits until it is on disk; one under way already is waited for first,
 * as it shows an earlier moment. Throws `server_failed` when the server could not write it.
 */
export async function saveSnapshot(
  server: Shard,
  { pollMs = 100, signal }: SnapshotOptions = {},
): Promise<Snapshot> {
  const before = await startSave(server, { pollMs, ...(signal && { signal }) });
  for (;;) {
    const state = await readInfo(server, 'persistence');
    if (!isUnderWay(state)) {
      if (state.get('rdb_last_bgsave_status') !== 'ok') throw saveFailed();
      if (savesOf(state) > before) break;
      // Neither under way nor done: it waits for a rewrite of the append-only file.
      if (state.get('aof_rewrite_in_progress') !== '1') throw saveFailed();
    }
    throwIfAborted(signal);
    await sleep(pollMs);
  }
  const savedAt = new Date((await server.send<number>(['LASTSAVE'])) * 1_000);
  const redisVersion = (await readInfo(server, 'server')).get('redis_version') ?? 'unknown';
  return { path: await findPath(server), savedAt, redisVersion };
}

/** Starts a save and gives how many there were before it. */
async function startSave(server: Shard, { pollMs = 100, signal }: SnapshotOptions): Promise<number> {
  for (;;) {
    const before = savesOf(await readInfo(server, 'persistence'));
    try {
      await server.send(['BGSAVE', 'SCHEDULE']);
      return before;
    } catch (error) {
      const reply = error instanceof StackloreError ? errorMessage(error.cause) : '';
      if (!/background save already in progress/i.test(reply)) throw error;
    }
    throwIfAborted(signal);
    await sleep(pollMs);
  }
}

function isUnderWay(state: ReadonlyMap<string, string>): boolean {
  return state.get('rdb_bgsave_in_progress') === '1';
}

function savesOf(state: ReadonlyMap<string, string>): number {
  return Number(state.get('rdb_saves') ?? 0);
}

function saveFailed(): StackloreError {
  return new StackloreError('server_failed', {
    message:
      'The server could not write its snapshot; the one before it, if any, is unchanged. Look at its log: most often its disk is full or its folder cannot be written.',
  });
}

async function findPath(server: Shard): Promise<string | null> {
  try {
    const flat = await server.send<string[]>(['CONFIG', 'GET', 'dir', 'dbfilename']);
    const value = (name: string) => flat[flat.indexOf(name) + 1];
    return `${value('dir')}/${value('dbfilename')}`;
  } catch (error) {
    // Hosted servers keep CONFIG to themselves.
    if (error instanceof StackloreError) return null;
    throw error;
  }
}
