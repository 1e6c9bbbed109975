import type { z } from 'zod';
import { StackloreError } from '../errors.ts';
import type { Database, Databases } from '../redis/databases.ts';
import { scanKeyBytes } from '../redis/scan.ts';
import { type Family, familiesOf, familyFinder } from '../schema/families.ts';
import { keysRequest, parseMaintenanceRequest } from '../schema/maintenance-request.ts';
import type { DatabaseName } from '../schema/record.ts';
import {
  BiggestKeys,
  type BigKey,
  type FamilyKeys,
  FamilyTally,
  prefixOf,
  type UnknownKeys,
  UnknownTally,
} from './key-tally.ts';
import { allDatabaseNames, findKeyspaces, type Keyspace, readInfo } from './keyspace.ts';
import { type MeasuredKey, measurePermittedKeys, printableKey, SAMPLED_ELEMENTS } from './measure-keys.ts';

export type { BigKey, CollectionKeys, FamilyKeys, UnknownKeys } from './key-tally.ts';

/** What to look at, and whom to tell. */
export type KeysRequest = z.input<typeof keysRequest> & {
  readonly onProgress?: (progress: { readonly done: number; readonly total: number }) => void;
  readonly signal?: AbortSignal;
};

/** The memory of one server, as it tells it. */
export interface ServerMemory {
  readonly databases: readonly DatabaseName[];
  /** Host and port of a master of a cluster, each of which is told of; absent for a server that is alone. */
  readonly address?: string;
  readonly version: string;
  readonly usedBytes: number;
  readonly peakBytes: number;
  readonly datasetBytes: number;
  /** 0 without a limit. */
  readonly maxBytes: number;
  readonly evictionPolicy: string;
  readonly fragmentation: number;
}

export interface KeysReport {
  /** Whether every element was measured, or a few of each key. */
  readonly exact: boolean;
  readonly keys: number;
  readonly bytes: number;
  readonly families: readonly FamilyKeys[];
  readonly unknown: readonly UnknownKeys[];
  /** Keys that the users of these databases may not look at; they are in no other figure. */
  readonly denied: number;
  readonly biggest: readonly BigKey[];
  readonly servers: readonly ServerMemory[];
}

/** Keys of one script call: the server is held up for a millisecond or so. */
const KEYS_PER_CALL = 250;
/** Calls under way at once, so that the server need not wait for this program. */
const CALLS_UNDER_WAY = 4;

/**
 * Counts and measures every key of the named databases by record family: memory, types, sizes, TTLs against what is
 * declared, keys of no family, and the biggest. Reads no value and changes nothing.
 */
export async function analyseKeys(databases: Databases, request: KeysRequest = {}): Promise<KeysReport> {
  const { onProgress, signal, ...plain } = request;
  const {
    databases: names = allDatabaseNames(),
    exact,
    biggest,
  } = parseMaintenanceRequest(keysRequest, plain);
  const keyspaces = await findKeyspaces(databases, names);
  const sizes = await Promise.all(keyspaces.map(({ database }) => database.send<number>(['DBSIZE'])));
  const progress = { done: 0, total: sizes.reduce((sum, size) => sum + size, 0) };
  const big = new BiggestKeys(biggest);
  const families: FamilyKeys[] = [];
  const unknown: UnknownKeys[] = [];
  let denied = 0;
  for (const keyspace of keyspaces) {
    const known = familiesOf(keyspace.names);
    const tallies = new Map(known.map((family) => [family, new FamilyTally(family)]));
    const strangers = new UnknownTally();
    const findFamily = familyFinder(known);
    const add = (one: MeasuredKey): void => {
      const key = one.key.toString();
      const family = findFamily(key);
      if (!isLookedAt(family, names)) return;
      if (family) tallies.get(family)?.add(key, one);
      else strangers.add(prefixOf(printableKey(one.key)), one);
      big.add(one, {
        family: family?.name ?? null,
        databases: family ? [family.record.database] : keyspace.names,
      });
    };
    // Users may differ by named database: each looks at its own keys.
    const ownerOf = (key: Buffer): Database => {
      const family = findFamily(key.toString());
      return family ? databases[family.record.database] : keyspace.database;
    };
    for await (const page of measuredPages(keyspace.database, { exact, ownerOf })) {
      if (signal?.aborted)
        throw new StackloreError('aborted', { message: 'Stopped as asked; nothing was changed.' });
      for (const one of page.measured) add(one);
      denied += page.denied;
      progress.done += page.scanned;
      onProgress?.({ done: progress.done, total: Math.max(progress.done, progress.total) });
    }
    for (const tally of tallies.values()) if (names.includes(tally.database)) families.push(tally.report());
    unknown.push(...strangers.report(keyspace.names));
  }
  const all = [...families, ...unknown];
  return {
    exact,
    keys: all.reduce((sum, { keys }) => sum + keys, 0),
    bytes: all.reduce((sum, { bytes }) => sum + bytes, 0),
    families,
    unknown,
    denied,
    biggest: big.report(),
    servers: await readServers(keyspaces),
  };
}

/** Of a number that databases share, only what belongs to those asked for, or to none. */
function isLookedAt(family: Family | undefined, names: readonly DatabaseName[]): boolean {
  return family === undefined || names.includes(family.record.database);
}

interface MeasuredPage {
  readonly measured: readonly MeasuredKey[];
  readonly denied: number;
  readonly scanned: number;
}

/** Every key once, measured by its owner; the next pages are asked for while one is counted. */
async function* measuredPages(
  database: Database,
  { exact, ownerOf }: { exact: boolean; ownerOf: (key: Buffer) => Database },
): AsyncGenerator<MeasuredPage> {
  const samples = exact ? 0 : SAMPLED_ELEMENTS;
  const underWay: Promise<MeasuredPage>[] = [];
  for await (const scanned of scanKeyBytes(database)) {
    // SCAN gives a key twice only while it rehashes; within a page that can be told for nothing.
    const keys = new Map(scanned.map((key) => [key.toString('latin1'), key]));
    const byOwner = new Map<Database, Buffer[]>();
    for (const key of keys.values()) {
      const owner = ownerOf(key);
      const own = byOwner.get(owner) ?? [];
      own.push(key);
      byOwner.set(owner, own);
    }
    for (const [owner, own] of byOwner) {
      for (let at = 0; at < own.length; at += KEYS_PER_CALL) {
        const part = own.slice(at, at + KEYS_PER_CALL);
        const page = measurePermittedKeys(owner, part, { samples }).then((measured) => ({
          ...{ ...measured, scanned: part.length },
        }));
        // Seen when its turn comes.
        page.catch(() => undefined);
        underWay.push(page);
      }
    }
    while (underWay.length > CALLS_UNDER_WAY) yield await (underWay.shift() ?? NO_PAGE);
  }
  for (const page of underWay) yield await page;
}

const NO_PAGE: MeasuredPage = { measured: [], denied: 0, scanned: 0 };

async function readServers(keyspaces: readonly Keyspace[]): Promise<ServerMemory[]> {
  const firsts = keyspaces.filter((one, at) => {
    return keyspaces.findIndex(({ serverId }) => serverId === one.serverId) === at;
  });
  const servers = await Promise.all(
    firsts.map(async ({ database, serverId }) => {
      const same = keyspaces.filter((one) => one.serverId === serverId);
      const databases = same.flatMap(({ names }) => names);
      return (await database.shards()).map((shard) => ({ shard, databases }));
    }),
  );
  return Promise.all(
    servers.flat().map(async ({ shard, databases }) => {
      const [memory, server] = await Promise.all([readInfo(shard, 'memory'), readInfo(shard, 'server')]);
      const number = (name: string) => Number(memory.get(name) ?? 0);
      return {
        databases,
        ...(shard.address !== undefined && { address: shard.address }),
        version: server.get('redis_version') ?? 'unknown',
        usedBytes: number('used_memory'),
        peakBytes: number('used_memory_peak'),
        datasetBytes: number('used_memory_dataset'),
        maxBytes: number('maxmemory'),
        evictionPolicy: memory.get('maxmemory_policy') ?? 'unknown',
        fragmentation: number('mem_fragmentation_ratio'),
      };
    }),
  );
}
