import type { Config } from '../config.ts';
import { StackloreError } from '../errors.ts';
import { type Databases, locationOf } from '../redis/databases.ts';
import type { RedisLocation } from '../redis/redis-url.ts';
import type { DatabaseName } from '../schema/record.ts';
import { findUser } from './acl/check-rights.ts';
import { allDatabaseNames } from './keyspace.ts';

/** How a named database is reached, and as whom. */
export interface ConnectionStatus {
  /** `socket` never leaves the machine; `tcp` is not encrypted. */
  readonly transport: 'socket' | 'tcp' | 'tls';
  /** Name of the user at the server; `null` when it gives no answer. */
  readonly user: string | null;
}

/** How all four named databases are reached. */
export type Connections = Readonly<Record<DatabaseName, ConnectionStatus>>;

/** Asks the servers who the users of the connections are. */
export async function readConnections(databases: Databases, config: Config): Promise<Connections> {
  const entries = await Promise.all(
    allDatabaseNames().map(async (name) => {
      const transport = transportOf(locationOf(config, name));
      const user = await findUser(databases[name]).catch((error: unknown) => {
        if (error instanceof StackloreError) return null;
        throw error;
      });
      return [name, { transport, user }] as const;
    }),
  );
  // One entry for each of the names.
  return Object.fromEntries(entries) as Connections;
}

/** What carries the bytes to a location; the embedded server has none and is reached by its socket. */
export function transportOf(location: RedisLocation | undefined): ConnectionStatus['transport'] {
  if (location === undefined || location.kind === 'socket') return 'socket';
  return location.tls ? 'tls' : 'tcp';
}
