import type { Database, Databases, Shard } from '../redis/databases.ts';
import type { DatabaseName } from '../schema/record.ts';

/** One numbered database of one server, or all of a cluster, and the named databases that lie in it. */
export interface Keyspace {
  readonly serverId: string;
  readonly number: number;
  readonly names: readonly DatabaseName[];
  /** The connection of the first of them. */
  readonly database: Database;
}

const NAMES: readonly DatabaseName[] = ['main', 'knowledge', 'prompts', 'analytics'];

/** All four named databases, in the order in which they are reported. */
export function allDatabaseNames(): readonly DatabaseName[] {
  return NAMES;
}

/**
 * Where the named databases lie, by asking their servers: names may share a number, and URLs that differ may lead to
 * one server. Of a keyspace that holds one of `wanted` every name is given, as its keys are not unknown there.
 */
export async function findKeyspaces(
  databases: Databases,
  wanted: readonly DatabaseName[] = NAMES,
): Promise<Keyspace[]> {
  const places = await Promise.all(
    NAMES.map(async (name) => {
      try {
        return { name, ...(await placeOf(databases[name])) };
      } catch (error) {
        // One that is not wanted and cannot be reached lies elsewhere.
        if (wanted.includes(name)) throw error;
        return undefined;
      }
    }),
  );
  const keyspaces = new Map<string, Keyspace>();
  for (const place of places) {
    if (!place) continue;
    const { name, serverId, number } = place;
    const known = keyspaces.get(`${serverId} ${number}`);
    const names = [...(known?.names ?? []), name];
    const database = known?.database ?? databases[name];
    keyspaces.set(`${serverId} ${number}`, { serverId, number, names, database });
  }
  return [...keyspaces.values()].filter(({ names }) => names.some((name) => wanted.includes(name)));
}

/** Which database of which server a connection leads to; URLs that differ may lead to one. */
export async function placeOf(database: Database): Promise<{ serverId: string; number: number }> {
  const info = ['INFO', 'server'];
  // A cluster has one number; shards behind one address may tell nothing of clients.
  const questions = database.isCluster ? [info] : [info, ['CLIENT', 'INFO']];
  const [server = '', client = ''] = await database.pipeline<string>(questions);
  return {
    serverId: /^run_id:(\w+)/m.exec(server)?.[1] ?? database.name,
    number: Number(/ db=(\d+)/.exec(client)?.[1] ?? 0),
  };
}

/** The values of an INFO section by name. */
export async function readInfo(server: Shard, section: string): Promise<ReadonlyMap<string, string>> {
  const lines = (await server.send<string>(['INFO', section])).split('\r\n');
  return new Map(
    lines.flatMap((line) => {
      const at = line.indexOf(':');
      return at < 0 ? [] : [[line.slice(0, at), line.slice(at + 1)] as const];
    }),
  );
}
