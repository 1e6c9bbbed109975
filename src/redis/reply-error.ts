import { type ErrorCode, errorMessage, StackloreError } from '../errors.ts';
import type { DatabaseName } from '../schema/record.ts';
import type { RedisCommand } from './command.ts';
import { DENIED, deniedUser, missingRules } from './denied.ts';

/** What an error message says of the database it is about. */
export interface DatabaseContext {
  readonly name: DatabaseName;
  /** The location without credentials. */
  readonly place: string;
  /** The setting that names the location, e.g. `STACKLORE_KNOWLEDGE_URL`; `undefined` for the embedded server. */
  readonly setting: string | undefined;
  /** The file that the password was read from, if it was. */
  readonly passwordFile?: string | undefined;
}

interface Explanation {
  readonly pattern: RegExp;
  readonly code: ErrorCode;
  /** What happened and what to do; `{who}` is the database, `{command}` what was sent, `{reply}` Redis's own words. */
  readonly text: string;
}

/** The first pattern that fits a reply explains it. */
const EXPLANATIONS: readonly Explanation[] = [
  {
    pattern: /(^|-)OOM /,
    code: 'database_full',
    text: '{who} is full: it refused {command} because its memory limit is reached. Raise maxmemory, or delete documents or collections.',
  },
  {
    pattern: /(^|-)READONLY /,
    code: 'database_readonly',
    text: '{who} is a read-only replica and refused {command}. Let {setting} name the primary.',
  },
  {
    pattern: /(^|-)MISCONF /,
    code: 'database_readonly',
    text: '{who} refuses writes because it cannot save its data. Free disk space on the server, then look at its log.',
  },
  {
    pattern: /(^|-)NOREPLICAS /,
    code: 'database_readonly',
    text: '{who} refuses writes because too few replicas are connected. Start them, or lower min-replicas-to-write.',
  },
  {
    pattern: /^NOAUTH /,
    code: 'database_auth',
    text: '{who} wants a password and none was given. Put it into {setting} (redis://user:password@host:port), or set databases.{name}.password, or name a file that holds it with databases.{name}.passwordFile.',
  },
  {
    pattern: /^WRONGPASS |invalid (username-password|password)/,
    code: 'database_auth',
    text: '{who} refuses the user name or password{passwordFile}. Correct them in {setting}, or set databases.{name}.username and databases.{name}.passwordFile.',
  },
  {
    pattern: /called without any password configured/,
    code: 'database_auth',
    text: '{who} has no password, but one was given. Remove it from {setting} and from databases.{name}.password, or set requirepass on the server.',
  },
  {
    pattern: DENIED,
    code: 'database_auth',
    text: '{who} does not allow {command} ({reply}). Grant it with ACL SETUSER {user} {rules}, or give another user in {setting}; "stacklore acl rules" prints all the rights that are needed.',
  },
  {
    pattern: /^DENIED /,
    code: 'database_auth',
    text: '{who} is in protected mode and takes clients of its own machine only. Give it users with passwords, or set them for its default user.',
  },
  {
    pattern: /Timeout limit was reached/i,
    code: 'query_timeout',
    text: '{who} ran out of time for {command}. Ask for less (a smaller topK or a narrower filter), or raise STACKLORE_SEARCH_TIMEOUT_MS.',
  },
  {
    pattern: /^LOADING /,
    code: 'busy',
    text: '{who} is still loading its data. Wait until it is done, then try again.',
  },
  {
    pattern: /^BUSY /,
    code: 'busy',
    text: '{who} is busy with a script that does not end. Try again later, or stop it with SCRIPT KILL.',
  },
  {
    pattern: /^(CLUSTERDOWN|MASTERDOWN|TRYAGAIN|UNBLOCKED) |max number of clients reached/,
    code: 'database_unreachable',
    text: '{who} cannot serve {command} now ({reply}). Look at the state of the server, then try again.',
  },
  {
    pattern: /^(CROSSSLOT|MOVED|ASK) |^Too many Cluster redirections/,
    code: 'database_error',
    text: '{who} is a cluster and keeps the keys of {command} on different nodes ({reply}). Let {setting} begin with redis+cluster://, or with redis+sharded:// where one address stands for all nodes; or use keys with one hash tag.',
  },
  {
    pattern: /DB index is out of range/,
    code: 'invalid_config',
    text: '{who} has no database of that number. Choose a smaller databases.{name}.number, or raise "databases" on the server.',
  },
];

/** An error reply of Redis as the error callers see; `cause` keeps the reply. `sent` are the whole commands it may be about. */
export function replyError(
  cause: unknown,
  command: string,
  context: DatabaseContext & { readonly sent?: readonly RedisCommand[] | undefined },
): StackloreError {
  const raw = errorMessage(cause);
  const found = EXPLANATIONS.find(({ pattern }) => pattern.test(raw));
  const text = found?.text ?? '{who} refused {command}: {reply}. See its log and "stacklore status".';
  return new StackloreError(found?.code ?? 'database_error', {
    message: fill(text, command, raw, context),
    cause,
  });
}

/** A connection that broke while a command was on its way. */
export function connectionLost(cause: unknown, command: string, context: DatabaseContext): StackloreError {
  return new StackloreError('database_unreachable', {
    message:
      `The connection to ${who(context)} was lost before ${command} was answered (${errorMessage(cause)}). ` +
      'It may or may not have been carried out: check, then try again.',
    cause,
  });
}

/** A connection that could not be made. */
export function connectFailed(error: unknown, attempts: number, context: DatabaseContext): StackloreError {
  const cause = rootOf(error);
  const reason = errorMessage(cause) || 'no answer';
  const times = attempts === 1 ? '' : ` after ${attempts} attempts`;
  return new StackloreError('database_unreachable', {
    message: `${capital(who(context))} cannot be reached${times}: ${reason}. ${connectRemedy(reason, context)}`,
    cause,
  });
}

function rootOf(error: unknown): unknown {
  return error instanceof StackloreError ? (error.cause ?? error) : error;
}

/** True for what the next attempt would find again: no permission, or a TLS disagreement. */
export function isLasting(error: unknown): boolean {
  const { code = '' } = rootOf(error) as NodeJS.ErrnoException; // of a failure to connect; others have no code
  return /^(EACCES|EPERM|EPROTO|ERR_TLS|ERR_SSL)|CERT|SELF_SIGNED|UNABLE_TO|DEPTH_ZERO/.test(code);
}

function connectRemedy(reason: string, { place, setting }: DatabaseContext): string {
  if (setting === undefined)
    return 'Start the embedded server with "stacklore up"; its log is in the data home.';
  if (/certificate|self.signed|altname/i.test(reason)) {
    return `Name the authority that signed the server's certificate with STACKLORE_TLS_CA_FILE, or correct the host in ${setting}.`;
  }
  if (
    place.startsWith('rediss') &&
    /wrong version number|EPROTO|before secure TLS|no answer|closed/i.test(reason)
  ) {
    return `The server may not speak TLS there: use redis:// instead of rediss:// in ${setting}, or its TLS port.`;
  }
  if (/root nodes/i.test(reason)) {
    return `Start the cluster, or correct ${setting}; a server that is no cluster is named with redis:// or rediss://.`;
  }
  if (/EACCES|EPERM/.test(reason))
    return `Give this user the right to open the socket, or correct ${setting}.`;
  if (/closed/i.test(reason))
    return `If the server expects TLS, use rediss:// in ${setting}; otherwise see its log.`;
  return `Start that server, or correct ${setting}.`;
}

/** A command whose deadline passed. */
export function deadlinePassed(command: string, timeoutMs: number, context: DatabaseContext): StackloreError {
  return new StackloreError('database_timeout', {
    message:
      `${capital(who(context))} did not answer ${command} within ${timeoutMs} ms. It may still be carried out. ` +
      'See whether the server is overloaded or stopped, or raise STACKLORE_COMMAND_TIMEOUT_MS.',
  });
}

/** A write that the server has carried out, but that too few replicas have. */
export function tooFewReplicas(
  {
    count,
    replicas,
    timeoutMs,
  }: { readonly count: number; readonly replicas: number; readonly timeoutMs: number },
  context: DatabaseContext,
): StackloreError {
  return new StackloreError('database_timeout', {
    message:
      `${capital(who(context))} has the write, but ${count} of the ${replicas} replicas asked for confirmed it within ` +
      `${timeoutMs} ms: a fail-over now could lose it. See that replicas are connected (INFO replication), then write ` +
      'it again; or ask for fewer with STACKLORE_CONFIRM_REPLICAS.',
  });
}

/** A server that took too long to load its data. */
export function stillLoading(
  percent: number | undefined,
  afterMs: number,
  context: DatabaseContext,
): StackloreError {
  return new StackloreError('database_timeout', {
    message:
      `${capital(who(context))} is still loading its data after ${Math.round(afterMs / 1_000)} s` +
      `${percent === undefined ? '' : ` (${percent} % done)`}. Try again later, or raise STACKLORE_COMMAND_TIMEOUT_MS.`,
  });
}

/** A command of a database that was closed. */
export function closedError(name: DatabaseName): StackloreError {
  return new StackloreError('database_unreachable', {
    message: `The ${name} database was closed by this program. Open stacklore again for further commands.`,
  });
}

/** A command that no server could read. */
export function wrongArgument([name]: RedisCommand, cause?: unknown): StackloreError {
  return new StackloreError('internal', {
    message: `${String(name)} was given an argument that is neither text nor a Buffer. Please report this as a bug of stacklore.`,
    cause,
  });
}

/** `the knowledge database (redis://localhost:6379/0)`. */
export function who({ name, place }: DatabaseContext): string {
  return `the ${name} database (${place})`;
}

function fill(
  text: string,
  command: string,
  reply: string,
  context: Parameters<typeof replyError>[2],
): string {
  // An unknown command's reply quotes its arguments, which may be whole documents.
  const quoted = reply
    .replace(/,? with args beginning with.*/s, '')
    .replace(/ script: \w+, on @user_script:\d+\.$/, '')
    .replace(/\.$/, '')
    .slice(0, 300);
  const parts: Record<string, string> = {
    who: who(context),
    command,
    reply: quoted,
    setting: context.setting ?? 'REDIS_URL',
    passwordFile: context.passwordFile === undefined ? '' : ` (read from ${context.passwordFile})`,
    name: context.name,
    user: deniedUser(reply),
    rules: missingRules(reply, { database: context.name, sent: context.sent ?? [] }) ?? '~<its keys>',
  };
  return capital(text.replace(/\{(\w+)\}/g, (whole, part: string) => parts[part] ?? whole));
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
