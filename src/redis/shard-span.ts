import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Database } from './databases.ts';

/** Slots of a master, first and last, with what tells it from others. */
interface SlotRange {
  readonly first: number;
  readonly last: number;
  readonly master: string;
}

/** Keys tried until there is one for each master; more masters than this could hardly be told apart by chance. */
const CANDIDATES = 512;
/** How often the index is asked, as a key that was written a moment ago may not be in it yet. */
const LOOKS = 10;
const PAUSE_MS = 50;
/** So that a process that is killed in between leaves no key behind. */
const KEY_SECONDS = 60;

/** Keys where shards lie behind one address: some of as many slots hardly all lie on one shard. */
const KEYS_BLINDLY = 32;

/**
 * Whether a search on a cluster finds keys of all masters: found out by writing a key to each, or many where masters cannot be
 * told apart, and looking for them through one index; all of which goes again.
 */
export async function spansShards(database: Database): Promise<boolean> {
  const probe = `stacklore:probe:${randomUUID()}`;
  const [shard] = await database.shards();
  const keys =
    shard?.address === undefined ? keysOf(probe, KEYS_BLINDLY) : await keyOfEachMaster(database, probe);
  await database.send([
    'FT.CREATE',
    probe,
    'ON',
    'HASH',
    'PREFIX',
    '1',
    `${probe}:`,
    'SCHEMA',
    'probe',
    'TAG',
  ]);
  try {
    await database.pipeline(
      keys.flatMap((key) => [
        ['HSET', key, 'probe', 'probe'],
        ['EXPIRE', key, String(KEY_SECONDS)],
      ]),
    );
    for (let look = 1; ; look += 1) {
      const [found] = await database.send<[number]>(['FT.SEARCH', probe, '*', 'LIMIT', '0', '0']);
      if (found === keys.length) return true;
      if (look === LOOKS) return false;
      await sleep(PAUSE_MS);
    }
  } finally {
    await database.send(['FT.DROPINDEX', probe]);
    await database.pipeline(keys.map((key) => ['UNLINK', key]));
  }
}

async function keyOfEachMaster(database: Database, probe: string): Promise<string[]> {
  const ranges = readRanges(await database.send<unknown[][]>(['CLUSTER', 'SLOTS']));
  const keys = keysOf(probe, CANDIDATES);
  const slots = await database.pipeline<number>(keys.map((key) => ['CLUSTER', 'KEYSLOT', key]));
  const found = new Map<string, string>();
  for (const [at, key] of keys.entries()) {
    const slot = slots[at] ?? -1;
    const owner = ranges.find(({ first, last }) => first <= slot && slot <= last);
    if (owner && !found.has(owner.master)) found.set(owner.master, key);
  }
  return [...found.values()];
}

function keysOf(probe: string, count: number): string[] {
  return Array.from({ length: count }, (_, n) => `${probe}:${n}`);
}

/** Of each range: first slot, last slot, then the master as host, port and id. */
function readRanges(reply: readonly unknown[][]): SlotRange[] {
  return reply.map(([first, last, master]) => {
    return { first: Number(first), last: Number(last), master: String((master as unknown[])[2]) };
  });
}
