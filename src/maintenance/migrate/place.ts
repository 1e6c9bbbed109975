import type { Config } from '../../config.ts';
import { StackloreError } from '../../errors.ts';
import { type Database, RedisDatabase } from '../../redis/database.ts';
import { isSlotted, parseRedisUrl } from '../../redis/redis-url.ts';
import { placeOf } from '../keyspace.ts';

/** A database beside the named ones. */
export interface Place {
  readonly url: string | undefined;
  readonly number: number | undefined;
  /** The setting that gave the URL, for messages. */
  readonly setting: string;
}

/**
 * Opens a database of another server, or of another number of the one that knowledge is on. To be closed. Throws
 * `invalid_config` for a URL that cannot be read.
 */
export function openPlace(knowledge: Database, { url, number, setting }: Place, config: Config): Database {
  if (url === undefined) return knowledge.duplicate(number === undefined ? {} : { number });
  const location = parseRedisUrl(url, setting);
  return new RedisDatabase({
    name: 'knowledge',
    number: number ?? location.number ?? 0,
    isCluster: isSlotted(location),
    setting,
    locate: async () => location,
    clientName: `${config.clientName}:migrate`,
    confirmation: { replicas: 0, timeoutMs: 0 },
    config,
    onNotice: () => {},
  });
}

/** Whether two databases are of one server. Throws `invalid_input` when they are one and the same. */
export async function requireOtherPlace(
  source: Database,
  target: Database,
): Promise<{ sameServer: boolean }> {
  const [from, to] = await Promise.all([placeOf(source), placeOf(target)]);
  const sameServer = from.serverId === to.serverId;
  if (!sameServer || from.number !== to.number) return { sameServer };
  throw new StackloreError('invalid_input', {
    message: `The knowledge database is number ${to.number} of that server itself, so there is nothing to move. Name another number or server to read from, or let STACKLORE_KNOWLEDGE_NUMBER or STACKLORE_KNOWLEDGE_URL name where the records are to go.`,
  });
}
