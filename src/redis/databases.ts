import type { Config } from '../config.ts';
import { StackloreError } from '../errors.ts';
import { type DatabaseName, DEFAULT_DATABASE_NUMBERS } from '../schema/record.ts';
import type { Confirmation } from './confirm.ts';
import { type Database, RedisDatabase } from './database.ts';
import { type Credentials, isSlotted, parseRedisUrl, type RedisLocation } from './redis-url.ts';

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
  /** What the connections are for, in their names. */
  readonly purpose?: string | undefined;
}

/** The named databases of a configuration. Connects nothing: a connection opens with its first command. Throws `invalid_config`. */
export function connectDatabases(config: Config, options: ConnectOptions = {}): Databases {
  const { embeddedSocket = noServer, onNotice = () => {} } = options;
  const shared = config.redisUrl === undefined ? undefined : sharedLocation(config, config.redisUrl);
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
    const clientName = [config.clientName, options.purpose, name].filter(Boolean).join(':');
    const confirmation = chooseConfirmation(config, location, setting);
    const isCluster = location !== undefined && isSlotted(location);
    const target = {
      name,
      number,
      isCluster,
      setting,
      clientName,
      confirmation,
      locate: find,
      config,
      onNotice,
    };
    return new RedisDatabase(target);
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

/** Where the configuration says that a named database is, and as whom; `undefined` for the embedded server. */
export function locationOf(config: Config, name: DatabaseName): RedisLocation | undefined {
  const { redisUrl } = config;
  return locate(config, name, redisUrl === undefined ? undefined : sharedLocation(config, redisUrl)).location;
}

function sharedLocation({ redisPasswordFile: path }: Config, url: string): RedisLocation {
  const location = parseRedisUrl(url, 'REDIS_URL');
  if (path === undefined) return location;
  return { ...location, passwordFile: { path, setting: 'redisPasswordFile (REDIS_PASSWORD_FILE)' } };
}

interface Located {
  /** `undefined` for the embedded server, whose socket is not known yet. */
  readonly location: RedisLocation | undefined;
  readonly setting: string | undefined;
}

/** Where a database is: its own URL, else the one for all, else the embedded server. */
function locate(config: Config, name: DatabaseName, shared: RedisLocation | undefined): Located {
  const own = credentialsOf(config, name);
  const url = config.databases[name]?.url;
  if (url !== undefined) {
    const setting = `STACKLORE_${name.toUpperCase()}_URL`;
    return { location: withCredentials(parseRedisUrl(url, setting), own), setting };
  }
  if (!shared) return { location: undefined, setting: undefined };
  const { number: _unused, ...location } = withCredentials(shared, own);
  return { location: location as RedisLocation, setting: 'REDIS_URL' };
}

/** A location with other credentials where there are some; a password takes the place of a file with one. */
function withCredentials(location: RedisLocation, own: Credentials): RedisLocation {
  const { passwordFile, ...rest } = location;
  if (passwordFile === undefined || own.password !== undefined) return { ...rest, ...own } as RedisLocation;
  return { ...location, ...own };
}

/** A database's own user name and password; they win over those of a URL. */
function credentialsOf(config: Config, name: DatabaseName): Credentials {
  const { username, password, passwordFile } = config.databases[name] ?? {};
  const setting = `databases.${name}.passwordFile (STACKLORE_${name.toUpperCase()}_PASSWORD_FILE)`;
  return {
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(passwordFile === undefined ? {} : { passwordFile: { path: passwordFile, setting } }),
  };
}

function chooseNumber(
  config: Config,
  name: DatabaseName,
  location: RedisLocation | undefined,
  setting: string | undefined,
): number {
  const given = config.databases[name]?.number ?? location?.number;
  if (!location || !isSlotted(location)) return given ?? DEFAULT_DATABASE_NUMBERS[name];
  if (given === undefined || given === 0) return 0;
  throw new StackloreError('invalid_config', {
    message: `${setting} names a cluster or shards, which have database 0 only, but the ${name} database is to be number ${given}. Remove the number.`,
  });
}

/** A master that dies takes along what no replica has yet. The embedded server has no replicas. */
function chooseConfirmation(
  { confirm }: Config,
  location: RedisLocation | undefined,
  setting: string | undefined,
): Confirmation {
  const { timeoutMs } = confirm;
  if (location?.kind === 'sentinel') return { replicas: confirm.replicas ?? 1, timeoutMs };
  if (!location) return { replicas: 0, timeoutMs };
  if (!isSlotted(location) || !confirm.replicas) return { replicas: confirm.replicas ?? 0, timeoutMs };
  throw new StackloreError('invalid_config', {
    message: `${setting} names a cluster or shards, where confirm.replicas (STACKLORE_CONFIRM_REPLICAS) cannot be waited for. Unset it, and set min-replicas-to-write on the servers.`,
  });
}

async function noServer(): Promise<string> {
  throw new StackloreError('server_unavailable', {
    message:
      'No Redis is configured and no embedded server is at hand. Set REDIS_URL, or open stacklore with openStacklore().',
  });
}
