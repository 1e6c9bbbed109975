import { searchCursorRecord } from '../schema/knowledge.ts';
import type { DatabaseName } from '../schema/record.ts';
import { RECORDS } from '../schema/records.ts';

/**
 * What a Redis user is for. `reader` finds and shows what is stored, `writer` does all that programs do day by day,
 * `maintenance` saves, moves, measures, reindexes and puts right. Each may do what those before it may.
 */
export const ROLES = ['reader', 'writer', 'maintenance'] as const;
export type Role = (typeof ROLES)[number];

/** What one user may do: commands as ACL names them (`config|get`), and globs of keys. */
export interface Rights {
  readonly commands: readonly string[];
  /** Keys it may read only. */
  readonly readable: readonly string[];
  /** Keys it may read and write; the search module takes the name of an index for such a key. */
  readonly writable: readonly string[];
}

/** The role of a user in each named database; it has no business in those left out. */
export type Grants = Readonly<Partial<Record<DatabaseName, Role>>>;

type RoleCommands = Readonly<Record<Role, string>>;

/** What a connection itself needs, and what every store does. */
const EVERYWHERE: RoleCommands = {
  reader:
    'acl|whoami asking client|id client|info client|setinfo client|setname cluster|slots dbsize exec exists info ' +
    'multi ping role scan select type',
  writer: 'eval evalsha expire time unlink wait',
  maintenance:
    'append bgsave config|get getrange hget hgetall hlen hscan hset lastsave llen lrange memory|usage persist pexpire ' +
    'pexpireat pexpiretime pttl rename rpush sadd scard set smembers sscan zadd zrange zscan',
};

/**
 * What the stores of each named database send beside that, and maintenance for it. A command that is new in the source goes
 * here, to the lowest role that needs it; keys come from the records by themselves.
 */
const COMMANDS: Readonly<Record<DatabaseName, RoleCommands>> = {
  main: {
    reader: 'get hgetall hget hmget llen lpos lrange pttl strlen ttl zcard zrange zrevrange zscore',
    writer:
      'blmove client|unblock hdel hexists hincrby hset hsetnx incr incrby lindex lmove lpush lrem ltrim pexpire rpush set zadd ' +
      'zrem zremrangebyscore',
    maintenance: '',
  },
  knowledge: {
    reader:
      'eval_ro evalsha_ro ft._list ft.info ft.search get getex hexists hget hgetall hmget hstrlen memory|usage ' +
      'object|encoding set zcard zcount zrange zrevrangebyscore zrevrank zscore',
    writer: 'copy ft.aliasupdate ft.alter ft.create ft.dropindex hdel hincrby hset rename zadd zrem',
    maintenance: 'ft.aggregate ft.cursor hsetnx zmscore zremrangebyscore ttl',
  },
  prompts: {
    reader: 'hgetall hmget lrange',
    writer: 'hset lpush ltrim',
    maintenance: 'ttl',
  },
  analytics: {
    reader: 'get hgetall hmget llen lrange ttl',
    writer: 'hincrby hset incrby lpush ltrim',
    maintenance: '',
  },
};

/** The names of indexes and their aliases, which the search module checks as keys. */
const INDEX_NAMES = [
  ...['stacklore:live:*', 'stacklore:index:*', 'stacklore:facts:*', 'stacklore:cached-questions:*'],
  'stacklore:probe:*',
];

/** Keys besides those of records: what a restore puts together before it takes its place. */
const TEMPORARY_KEYS = ['stacklore:restoring:*'];

/** What these roles need together, each command and glob once and in order. */
export function rightsOf(grants: Grants): Rights {
  const commands = new Set<string>();
  const readable = new Set<string>();
  const writable = new Set<string>();
  for (const [database, role] of grantsOf(grants)) {
    for (const each of ROLES.slice(0, ROLES.indexOf(role) + 1)) {
      const named = `${EVERYWHERE[each]} ${COMMANDS[database][each]}`.split(' ');
      for (const command of named) if (command !== '') commands.add(command);
    }
    const keys = role === 'reader' ? readable : writable;
    for (const key of keyPatterns(database)) keys.add(key);
    for (const key of alwaysWritable(database, role)) writable.add(key);
  }
  return {
    commands: [...commands].sort(),
    readable: [...readable].filter((key) => !writable.has(key)).sort(),
    writable: [...writable].sort(),
  };
}

/** The glob of the names of indexes that one is among; `undefined` for a name that stacklore gives to none. */
export function indexPatternOf(name: string): string | undefined {
  return INDEX_NAMES.find((pattern) => name.startsWith(pattern.slice(0, -1)));
}

function grantsOf(grants: Grants): [DatabaseName, Role][] {
  return (Object.entries(grants) as [DatabaseName, Role | undefined][]).flatMap(([database, role]) =>
    role === undefined ? [] : [[database, role]],
  );
}

function keyPatterns(database: DatabaseName): string[] {
  return Object.values(RECORDS)
    .filter((record) => record.database === database)
    .map((record) => record.key.pattern);
}

function alwaysWritable(database: DatabaseName, role: Role): string[] {
  const temporary = role === 'maintenance' ? TEMPORARY_KEYS : [];
  // A reader's searches keep what they found for their further pages.
  return database === 'knowledge'
    ? [...INDEX_NAMES, searchCursorRecord.key.pattern, ...temporary]
    : temporary;
}
