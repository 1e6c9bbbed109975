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
  if (name === 'EVAL' || name === 'EVALSHA') return command[2] === '0' ? undefined : command[3];
  if (KEY_AFTER_SUBCOMMAND.has(name)) return command[2];
  return command[1];
}

const KEYLESS = new Set(
  (
    'ACL BGREWRITEAOF BGSAVE CLIENT CLUSTER COMMAND CONFIG DBSIZE ECHO FT._LIST FT.CONFIG INFO LASTSAVE LATENCY ' +
    'MODULE PING ROLE SAVE SCAN SCRIPT SLOWLOG TIME WAIT'
  ).split(' '),
);
const KEY_AFTER_SUBCOMMAND = new Set(['FT.CURSOR', 'MEMORY', 'OBJECT', 'XINFO']);
