/** An argument of a command: text, or bytes that reach Redis as they are. */
export type RedisArgument = string | Buffer;

/** One command, name first. */
export type RedisCommand = readonly RedisArgument[];

/** Which node of a cluster a command goes to that has no key to tell: the one that holds a key, or a master by its address. */
export type Place = { readonly key: RedisArgument } | { readonly master: string };

/**
 * The key that decides which node of a cluster a command goes to; `undefined` for commands without a key.
 * Knows the commands this program sends.
 */
export function firstKey(command: RedisCommand): RedisArgument | undefined {
  const name = String(command[0]).toUpperCase();
  if (KEYLESS.has(name)) return undefined;
  if (isScript(command)) return command[2] === '0' ? undefined : command[3];
  if (KEY_AFTER_SUBCOMMAND.has(name)) return command[2];
  return command[1];
}

/** True for a command that runs a script: the number of its keys follows the script, then they. */
export function isScript(command: RedisCommand): boolean {
  return SCRIPT.test(String(command[0]));
}

const SCRIPT = /^EVAL(?:SHA)?(?:_RO)?$/i;
const KEYLESS = new Set(
  (
    'ACL BGREWRITEAOF BGSAVE CLIENT CLUSTER COMMAND CONFIG DBSIZE ECHO FT._LIST FT.CONFIG INFO LASTSAVE LATENCY ' +
    'MODULE PING ROLE SAVE SCAN SCRIPT SLOWLOG TIME WAIT'
  ).split(' '),
);
const KEY_AFTER_SUBCOMMAND = new Set(['FT.CURSOR', 'MEMORY', 'OBJECT', 'XINFO']);

/**
 * True for a command that only reads and is no more than a look at keys, so that asking again does no harm. Queries are
 * none: one that a server died of must not be sent to the next. Nor are steps of a scan, whose cursors are of one server.
 */
export function isRead(command: RedisCommand): boolean {
  return READS.has(String(command[0]).toUpperCase());
}

const READS = new Set(
  (
    'DBSIZE ECHO EXISTS FT._LIST FT.INFO GET GETRANGE HEXISTS HGET HGETALL HLEN HMGET HSTRLEN INFO LINDEX LLEN LPOS ' +
    'LRANGE MGET PING PTTL SCARD SMEMBERS STRLEN TTL TYPE ZCARD ZCOUNT ZRANGE ZREVRANGE ZREVRANGEBYSCORE ZSCORE'
  ).split(' '),
);
