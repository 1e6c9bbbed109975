import { setTimeout as sleep } from 'node:timers/promises';
import type { Config } from '../config.ts';
import { StackloreError } from '../errors.ts';
import type { DatabaseName } from '../schema/record.ts';
import { Connection } from './connection.ts';
import { withFate } from './fate.ts';
import { displayLocation, type RedisLocation } from './redis-url.ts';
import { connectFailed, type DatabaseContext, isLasting, replyError } from './reply-error.ts';
import { requireWhole } from './require-whole.ts';

/** What a connection leads to, and as whom. */
export interface ConnectionTarget {
  readonly name: DatabaseName;
  readonly number: number;
  /** Where the server is; asked for anew with each connection, as the embedded server may have moved. */
  readonly locate: () => Promise<RedisLocation>;
  /** The setting that names the location, for messages; `undefined` for the embedded server. */
  readonly setting: string | undefined;
  readonly config: Pick<Config, 'tls' | 'connectTimeoutMs' | 'commandTimeoutMs'>;
  /** What CLIENT LIST shows. */
  readonly clientName: string;
  readonly onNotice: (text: string) => void;
}

/** What a connection has found out about its servers, which holds for the next one too. */
export interface KnownServers {
  /** They are not several shards behind one address. */
  areWhole: boolean;
  /** Where one goes, another takes its place: sentinels and clusters see to that. */
  haveSuccessors: boolean;
}

/** What is known beforehand, and who is told what becomes of a connection. */
export interface OpenOptions {
  /** Changed by what is found out. */
  readonly servers: KnownServers;
  /** Ends the attempts with its reason. */
  readonly signal: AbortSignal;
  /** Called in the moment that it can be used. */
  readonly onOpened: (connection: Connection) => void;
  /** Called once, when no further command should be sent there. */
  readonly onRetired: (connection: Connection) => void;
  /** Called once when another server has taken the place of its own, which gives no answer. */
  readonly onSuperseded: () => void;
}

interface Attempt {
  readonly location: RedisLocation;
  readonly context: DatabaseContext;
  readonly timeoutMs: number;
}

/** A refused or lost connection is tried again this often, with growing pauses, but not beyond `connectTimeoutMs`. */
const ATTEMPTS = 8;
const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 1_000;
/** Where another server may answer by the time that this one has not. */
const ATTEMPT_AMONG_OTHERS_MS = 2_000;
/** Loading a large database takes longer than any command. */
const LOADING_FACTOR = 4;

/**
 * Opens a connection, in several attempts where servers cannot be reached. Throws `database_unreachable`, or what a
 * server says instead of taking commands, e.g. `database_auth`.
 */
export async function openConnection(target: ConnectionTarget, options: OpenOptions): Promise<Connection> {
  const { servers, signal } = options;
  signal.throwIfAborted();
  const location = await target.locate();
  const until = performance.now() + target.config.connectTimeoutMs;
  const { name, number, setting } = target;
  const context = {
    ...{ name, place: displayLocation(location, number), setting },
    passwordFile: location.passwordFile?.path,
  };
  for (let attempt = 1; ; attempt += 1) {
    signal.throwIfAborted();
    try {
      const leftMs = Math.max(1, Math.round(until - performance.now()));
      const timeoutMs = hasSuccessors(location) ? Math.min(leftMs, ATTEMPT_AMONG_OTHERS_MS) : leftMs;
      return await tryToOpen(target, options, { location, context, timeoutMs });
    } catch (error) {
      if (signal.aborted || isFinal(error)) throw error;
      const pause = Math.min(FIRST_PAUSE_MS * 2 ** (attempt - 1), LONGEST_PAUSE_MS);
      const isLast = attempt === ATTEMPTS || performance.now() + pause >= until;
      if (isLast || isLasting(error)) {
        const failure = connectFailed(error, attempt, context);
        throw servers.haveSuccessors && !isLasting(error) ? withFate(failure, 'undone') : failure;
      }
      await sleep(pause, undefined, { signal }).catch(() => signal.throwIfAborted());
    }
  }
}

async function tryToOpen(
  { config, number, clientName, onNotice }: ConnectionTarget,
  { servers, signal, onOpened, onRetired, onSuperseded }: OpenOptions,
  { location, context, timeoutMs }: Attempt,
): Promise<Connection> {
  // Only now: programs that never reach Redis, such as --help, do not pay for loading the client.
  const [{ openWire }, { isReply }] = await Promise.all([
    import('./open-wire.ts'),
    import('./wire-error.ts'),
  ]);
  let connection: Connection | undefined;
  const wire = await openWire(location, {
    ...{ number, clientName, timeoutMs, signal },
    ...{ tls: config.tls, connectTimeoutMs: config.connectTimeoutMs },
    onEnd: () => connection?.retire(),
  }).catch((error: unknown) => {
    throw isReply(error) ? replyError(error, 'the connection', context) : error;
  });
  connection = new Connection(wire, {
    ...{ context, onNotice, onRetired, onSuperseded },
    loadingTimeoutMs: LOADING_FACTOR * config.commandTimeoutMs,
  });
  try {
    await connection.check(location.kind === 'sentinel' ? timeoutMs : config.connectTimeoutMs);
    if (location.kind === 'server' && !servers.areWhole) {
      await requireWhole(connection, config.connectTimeoutMs);
      servers.areWhole = true;
    }
    signal.throwIfAborted();
    if (connection.isRetired) throw new Error('the server closed the connection');
  } catch (error) {
    connection.retire();
    throw error;
  }
  onOpened(connection);
  servers.haveSuccessors = hasSuccessors(location);
  return connection;
}

function hasSuccessors({ kind }: RedisLocation): boolean {
  return kind === 'sentinel' || kind === 'cluster';
}

/** True for an error that says all there is to say; what could not be reached is tried again. */
function isFinal(error: unknown): boolean {
  return error instanceof StackloreError && error.code !== 'database_unreachable';
}
