import { errorMessage, StackloreError } from '../errors.ts';
import { familiesOf, familyFinder } from '../schema/families.ts';
import type { DatabaseName } from '../schema/record.ts';
import { firstKey, isScript, type RedisCommand } from './command.ts';
import { indexPatternOf } from './rights.ts';

/** What a server says of a command that this user may not send, or that names a key it may not touch. */
export const DENIED = /(^|-)NOPERM |\bACL failure in script: /;

const COMMAND = /no permissions to run the '([^']+)' command/;
const USER = /\bUser (\S+) has no permissions/;

/** Whether a command failed because this user may not touch one of its keys. */
export function isKeyDenied(error: unknown): boolean {
  if (!(error instanceof StackloreError)) return false;
  const reply = errorMessage(error.cause);
  return DENIED.test(reply) && !COMMAND.test(reply);
}

/** The user that was denied something; `<user>` where the reply does not say. */
export function deniedUser(reply: string): string {
  return USER.exec(reply)?.[1] ?? '<user>';
}

/**
 * The rules that would have let a command through, as ACL SETUSER takes them: `+hset` for a command, `~session:*` for
 * keys. `undefined` where neither the reply nor the commands tell.
 */
export function missingRules(
  reply: string,
  { database, sent }: { database: DatabaseName; sent: readonly RedisCommand[] },
): string | undefined {
  const command = COMMAND.exec(reply)?.[1];
  if (command !== undefined) return `+${command.toLowerCase()}`;
  const patterns = sent.flatMap(keysOf).map((key) => patternOf(key, database));
  const known = [...new Set(patterns)].filter((pattern) => pattern !== undefined);
  return known.length === 0 ? undefined : known.map((pattern) => `~${pattern}`).join(' ');
}

/** The keys a script is given, or the first key of another command. */
function keysOf(command: RedisCommand): string[] {
  if (isScript(command)) return command.slice(3, 3 + Number(command[2])).map(String);
  const key = firstKey(command);
  return key === undefined ? [] : [String(key)];
}

/** The glob of all keys like one, never a whole key: ids of users may be in it. */
function patternOf(key: string, database: DatabaseName): string | undefined {
  return familyFinder(familiesOf([database]))(key)?.record.key.pattern ?? indexPatternOf(key);
}
