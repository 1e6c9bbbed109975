import { errorMessage, StackloreError } from '../../errors.ts';
import type { Database, RedisCommand } from '../../redis/databases.ts';
import { DENIED } from '../../redis/denied.ts';
import { type Role, rightsOf } from '../../redis/rights.ts';

/** No server has such a command, so a transaction that holds it is discarded: nothing else in it is carried out. */
const NO_COMMAND = ['STACKLORE.PROBE'];
/** How many arguments commands want after their names, the commonest numbers first. */
const ARGUMENTS = [2, 1, 3, 0, 4, 5, 6];
/** What a transaction itself takes. */
const TRANSACTION = ['multi', 'exec'];

/**
 * The rules that the user of a database lacks for a role, as ACL SETUSER takes them (`+ft.search`, `~session:*`); none
 * when it may do all. Found out by commands in transactions that are discarded, so any user can find out about itself;
 * the server's ACL LOG gets an entry for each that is denied.
 */
export async function findMissingRules(database: Database, role: Role): Promise<string[]> {
  // A connection of its own: one whose EXEC is denied is left within its transaction.
  const connection = database.duplicate();
  try {
    const reply = await refusalOf(connection.transaction([['PING']]));
    const denied = TRANSACTION.filter((command) => reply.includes(`'${command}' command`));
    // Without transactions, what is tried here would be carried out.
    if (denied.length > 0) return denied.map((command) => `+${command}`);
    return await tryAll(connection, role);
  } finally {
    await connection.close();
  }
}

async function tryAll(connection: Database, role: Role): Promise<string[]> {
  const { commands, readable, writable } = rightsOf({ [connection.name]: role });
  // With a key that the user should have: only what is denied gets into the server's log.
  const key = keyLike(writable[0] ?? readable[0] ?? '');
  const missing = await those(commands, (command) => isCommandDenied(connection, { command, key }));
  const isAllowed = (command: string) => commands.includes(command) && !missing.includes(command);
  const isKeyDenied = async (...command: string[]) => DENIED.test(await refusal(connection, command));
  // What may not be sent at all tells nothing of keys.
  const reads = isAllowed('hgetall') ? [...readable, ...writable] : [];
  const writes = isAllowed('unlink') || isAllowed('set') ? writable : [];
  const unreadable = await those(reads, (pattern) => isKeyDenied('HGETALL', keyLike(pattern)));
  const unwritable = await those(writes, (pattern) =>
    isAllowed('unlink') ? isKeyDenied('UNLINK', keyLike(pattern)) : isKeyDenied('SET', keyLike(pattern), ''),
  );
  const unusable = new Set([...unreadable, ...unwritable]);
  return [
    ...missing.map((command) => `+${command}`),
    ...readable.filter((pattern) => unusable.has(pattern)).map((pattern) => `%R~${pattern}`),
    ...writable.filter((pattern) => unusable.has(pattern)).map((pattern) => `~${pattern}`),
  ];
}

/** Whether the user may not send a command, whatever its arguments; how many it wants is found out by trying. */
async function isCommandDenied(
  connection: Database,
  { command, key }: { readonly command: string; readonly key: string },
): Promise<boolean> {
  if (TRANSACTION.includes(command)) return false;
  const words = command.toUpperCase().split('|');
  for (const number of ARGUMENTS) {
    const reply = await refusal(connection, [...words, ...new Array<string>(number).fill(key)]);
    if (!/wrong number of arguments/i.test(reply)) return /no permissions to run/.test(reply);
  }
  return false;
}

/** What the server says of a command, which it does not carry out. */
function refusal(connection: Database, command: RedisCommand): Promise<string> {
  return refusalOf(connection.transaction([command, NO_COMMAND]));
}

/** The server's own words where it refuses; empty where it does not. Throws when it gives no answer. */
async function refusalOf(reply: Promise<unknown>): Promise<string> {
  try {
    await reply;
    return '';
  } catch (error) {
    if (!(error instanceof StackloreError)) throw error;
    if (error.code === 'database_unreachable' || error.code === 'database_timeout') throw error;
    return errorMessage(error.cause ?? error);
  }
}

async function those<T>(all: readonly T[], test: (one: T) => Promise<boolean>): Promise<T[]> {
  const passed = await Promise.all(all.map(test));
  return all.filter((_, at) => passed[at]);
}

/** Some key of a pattern. */
function keyLike(pattern: string): string {
  return pattern.replaceAll('*', 'probe');
}
