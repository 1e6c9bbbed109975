import type { Config } from '../config.ts';
import { StackloreError } from '../errors.ts';
import { type DatabaseName, DEFAULT_DATABASE_NUMBERS } from '../schema/record.ts';
import { type Database, RedisDatabase } from './database.ts';
import { parseRedisUrl, type RedisLocation } from './redis-url.ts';

export type { RedisArgument, RedisCommand } from './command.ts';
export type { CommandOptions, Database, Shard } from './database.ts';

/** The four named databases, one connection each. */
export interface Databases {
  readonly main: Database;
  readonly knowledge: Database;
  readonly prompts: Database;
  readonly analytics: Database;
  /** Closes all four. */
  close(): Promise<void>;
}

/** What a configuration alone does not give. */
export interface ConnectOptions {
  /** The unix socket of the embedded server, started where needed. Asked for each connection when there is no URL. */
  readonly embeddedSocket?: () => Promise<string>;
  /** Takes sentences for the user, e.g. that a server is loading its data. */
  readonly onNotice?: (text: string) => void;
}

/** The named databases of a configuration. Connects nothing: a connection opens with its first command. Throws `invalid_config`. */
export function connectDatabases(config: Config, options: ConnectOptions = {}): Databases {
  const { embeddedSocket = noServer, onNotice = () => {} } = options;
  const shared = config.redisUrl === undefined ? undefined : parseRedisUrl(config.redisUrl, 'REDIS_URL');
  if (shared?.number !== undefined) {
    onNotice(
      `The database number ${shared.number} in REDIS_URL is not used, as four databases share that server. ` +
        'Numbers are set with STACKLORE_MAIN_NUMBER, STACKLORE_PROMPTS_NUMBER and STACKLORE_ANALYTICS_NUMBER.',
    );
  }
  const connect = (name: DatabaseName): Database => {
    const { location, setting } = locate(config, name, shared);
    const number = chooseNumber(config, name, location, setting);
    const find = async (): Promise<RedisLocation> =>
      location ?? { ...credentialsOf(config, name), kind: 'socket', path: await embeddedSocket() };
    const isCluster = location?.kind === 'cluster';
    return new RedisDatabase({ name, number, isCluster, setting, locate: find, config, onNotice });
  };
  const all = {
    main: connect('main'),
    knowledge: connect('knowledge'),
    prompts: connect('prompts'),
    analytics: connect('analytics'),
  };
  return {
    ...all,
    close: async () => void (await Promise.all(Object.values(all).map((database) => database.close()))),
  };
}

interface Located {
  /** `undefined` for the embedded server, whose socket is not known yet. */
  readonly location: RedisLocation | undefined;
  readonly setting: string | undefined;
}

/** Where a database is: its own URL, else the one for all, else the embedded server. */
function locate(config: Config, name: DatabaseName, shared: RedisLocation | undefined): Located {
  const url = config.databases[name]?.url;
  if (url !== undefined) {
    const setting = `STACKLORE_${name.toUpperCase()}_URL`;
    return { location: { ...parseRedisUrl(url, setting), ...credentialsOf(config, name) }, setting };
  }
  if (!shared) return { location: undefined, setting: undefined };
  const { number: _unused, ...location } = shared;
  return { location: { ...location, ...credentialsOf(config, name) } as RedisLocation, setting: 'REDIS_URL' };
}

/** A database's own user name and password; they win over those of a URL. */
function credentialsOf(config: Config, name: DatabaseName): { username?: string; password?: string } {
  const { username, password } = config.databases[name] ?? {};
  return { ...(username === undefined ? {} : { username }), ...(password === undefined ? {} : { password }) };
}

function chooseNumber(
  config: Config,
  name: DatabaseName,
  location: RedisLocation | undefined,
  setting: string | undefined,
): number {
  const given = config.databases[name]?.number ?? location?.number;
  if (location?.kind !== 'cluster') return given ?? DEFAULT_DATABASE_NUMBERS[name];
  if (given === undefined || given === 0) return 0;
  throw new StackloreError('invalid_config', {
    message: `${setting} names a cluster, which has database 0 only, but the ${name} database is to be number ${given}. Remove the number.`,
  });
}

async function noServer(): Promise<string> {
  throw new StackloreError('server_unavailable', {
    message:
      'No Redis is configured and no embedded server is at hand. Set REDIS_URL, or open stacklore with openStacklore().',
  });
}
