import { createHash } from 'node:crypto';
import { StackloreError } from '../errors.ts';
import type { CommandOptions, Database, RedisArgument, RedisCommand } from './databases.ts';

/** A Lua script with the sha Redis knows it by. */
export interface Script {
  readonly lua: string;
  readonly sha: string;
  /** It changes nothing, so that it is allowed to a user who may only read its keys. */
  readonly isReadOnly: boolean;
  /**
   * The script as one command, for `transaction` and `pipeline`. It carries the whole text: EVALSHA of a script the
   * server has forgotten would fail only inside EXEC, when the other commands of the MULTI are already carried out.
   */
  evalCommand(keys: readonly RedisArgument[], args: readonly RedisArgument[]): RedisArgument[];
}

/** Declares a Lua script. */
export function defineScript(lua: string, { isReadOnly = false } = {}): Script {
  const sha = createHash('sha1').update(lua).digest('hex');
  const name = isReadOnly ? 'EVAL_RO' : 'EVAL';
  return {
    ...{ lua, sha, isReadOnly },
    evalCommand: (keys, args) => [name, lua, String(keys.length), ...keys, ...args],
  };
}

/** Runs a script by its sha, and by its text where the server does not know it yet. */
export async function runScript<T = unknown>(
  database: Database,
  script: Script,
  {
    keys = [],
    args = [],
    ...options
  }: { keys?: readonly RedisArgument[]; args?: readonly RedisArgument[] } & CommandOptions = {},
): Promise<T> {
  try {
    return await database.send<T>(shaCommand(script, { keys, args }), options);
  } catch (error) {
    if (!isUnknownScript(error)) throw error;
    return database.send<T>(script.evalCommand(keys, args), options);
  }
}

/** The keys and arguments of one call of a script. */
export interface ScriptCall {
  readonly keys: readonly RedisArgument[];
  readonly args: readonly RedisArgument[];
}

/**
 * Runs a script for each call, all sent in one go; gives the replies in order. The calls are no unit: others may be
 * carried out although one has failed, which rejects when all are answered.
 */
export async function runScripts<T = unknown>(
  database: Database,
  script: Script,
  calls: readonly ScriptCall[],
  options: CommandOptions = {},
): Promise<T[]> {
  const settled = await Promise.allSettled(
    calls.map((call) => runScript<T>(database, script, { ...call, ...options })),
  );
  return settled.map((one) => {
    if (one.status === 'rejected') throw one.reason;
    return one.value;
  });
}

/**
 * Runs a script that does the same to each of its keys: for all at once, or of a cluster, which takes keys of one slot only,
 * for each. Gives the replies.
 */
export function runOverKeys<T = unknown>(
  database: Database,
  script: Script,
  { keys, args }: ScriptCall,
): Promise<T[]> {
  const calls = database.isCluster ? keys.map((key) => ({ keys: [key], args })) : [{ keys, args }];
  return runScripts<T>(database, script, calls);
}

/**
 * Runs a script and after it commands that read, sent in one go; gives its reply and then theirs. Commands of other
 * clients may come in between. Where the server does not know the script yet, all of it is sent again.
 */
export async function pipelineScript<T = unknown>(
  database: Database,
  script: Script,
  call: ScriptCall & { readonly reads: readonly RedisCommand[] },
): Promise<T[]> {
  const { keys, args, reads } = call;
  try {
    return await database.pipeline<T>([shaCommand(script, { keys, args }), ...reads]);
  } catch (error) {
    if (!isUnknownScript(error)) throw error;
    return database.pipeline<T>([script.evalCommand(keys, args), ...reads]);
  }
}

function shaCommand({ sha, isReadOnly }: Script, { keys, args }: ScriptCall): RedisCommand {
  return [isReadOnly ? 'EVALSHA_RO' : 'EVALSHA', sha, String(keys.length), ...keys, ...args];
}

function isUnknownScript(error: unknown): boolean {
  return (
    error instanceof StackloreError &&
    error.cause instanceof Error &&
    error.cause.message.startsWith('NOSCRIPT')
  );
}
