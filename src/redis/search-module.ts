import { randomUUID } from 'node:crypto';
import { errorMessage, StackloreError } from '../errors.ts';
import type { Database } from './databases.ts';
import { spansShards } from './shard-span.ts';

/** Databases that passed; a connection that comes back later is the same server, or its errors tell. */
const searchable = new WeakSet<Database>();

/**
 * Resolves when this database can be indexed and searched, which it finds out by creating an index no key belongs to
 * and dropping it again. Throws `search_unavailable`, or `database_auth` when the user may not, each with the remedy.
 */
export async function requireSearch(database: Database): Promise<void> {
  if (searchable.has(database)) return;
  if (database.isCluster) {
    await requireSpan(database);
    searchable.add(database);
    return;
  }
  await refuseNode(database);
  const probe = `stacklore:probe:${randomUUID()}`;
  // As one MULTI: a user who may create but not drop, or a connection that breaks, leaves no index behind.
  await database
    .transaction([
      ['FT.CREATE', probe, 'ON', 'HASH', 'PREFIX', '1', `${probe}:`, 'SCHEMA', 'probe', 'TAG'],
      ['FT.DROPINDEX', probe],
    ])
    .catch((error: unknown) => {
      throw explain(error, database);
    });
  searchable.add(database);
}

/** On a cluster an index of some modules sees the keys of its own shard only, so searches would silently miss most. */
async function requireSpan(database: Database): Promise<void> {
  const spans = await spansShards(database).catch((error: unknown) => {
    throw explain(error, database);
  });
  if (spans) return;
  throw new StackloreError('search_unavailable', {
    message:
      `The ${database.name} database is a Redis Cluster whose search module finds the keys of one shard only. ` +
      'Use one whose search spans shards, such as Redis 8 with its search coordinator, or ' +
      `give the database a server of its own with STACKLORE_${database.name.toUpperCase()}_URL; the other databases may stay on the cluster.`,
  });
}

/** One node of a cluster answers for its own keys only. */
async function refuseNode(database: Database): Promise<void> {
  const info = await database.send<string>(['INFO', 'cluster']);
  if (!info.includes('cluster_enabled:1')) return;
  throw new StackloreError('search_unavailable', {
    message:
      `The server of the ${database.name} database is a node of a Redis Cluster. Name it as a cluster, redis+cluster://host:port, where its search spans shards, or ` +
      `give the database a server of its own with STACKLORE_${database.name.toUpperCase()}_URL.`,
  });
}

function explain(error: unknown, { name }: Database): unknown {
  if (!(error instanceof StackloreError)) return error;
  const reply = errorMessage(error.cause);
  if (/unknown command/i.test(reply)) {
    return new StackloreError('search_unavailable', {
      message:
        `The server of the ${name} database has no search module. Use Redis 8 or Redis Stack, load RediSearch with ` +
        `--loadmodule redisearch.so, or unset REDIS_URL and STACKLORE_${name.toUpperCase()}_URL: stacklore then starts its own server.`,
      cause: error,
    });
  }
  if (/index on db ?!= ?0/i.test(reply)) {
    return new StackloreError('search_unavailable', {
      message:
        `The ${name} database is not number 0, and Redis indexes database 0 only. ` +
        `Set STACKLORE_${name.toUpperCase()}_NUMBER=0 and end its URL with /0, or give it a server of its own. ` +
        'Then stacklore migrate --from-number <the number it has now> brings what is stored there.',
      cause: error,
    });
  }
  return error.code === 'database_auth' && /^NOPERM/.test(reply) ? notPermitted(error, reply, name) : error;
}

function notPermitted(cause: StackloreError, reply: string, name: string): StackloreError {
  return new StackloreError('database_auth', {
    message:
      `The user of the ${name} database may not search or index (${reply}). "stacklore acl rules" prints the rights ` +
      'that are needed, as ACL SETUSER takes them.',
    cause,
  });
}
