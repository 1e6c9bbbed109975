import { setTimeout as sleep } from 'node:timers/promises';
import type { Config } from '../config.ts';
import { StackloreError } from '../errors.ts';
import type { DatabaseName } from '../schema/record.ts';
import type { RedisCommand } from './command.ts';
import { Connection } from './connection.ts';
import { displayLocation, type RedisLocation } from './redis-url.ts';
import { connectFailed, type DatabaseContext, replyError } from './reply-error.ts';

/** How one command differs from the usual. */
export interface CommandOptions {
  /** Bulk replies as Buffers: what holds a vector is mangled as text. */
  readonly buffers?: boolean;
  /** Deadline from the moment the command is sent; by default `commandTimeoutMs`. */
  readonly timeoutMs?: number;
}

/** One named database behind one connection, which its first command opens and which is opened again when it broke. */
export interface Database {
  readonly name: DatabaseName;
  /** How many connections were opened so far: behind another one there may be another server, or a restarted one. */
  readonly connections?: number;
  /** One command's reply. */
  send<T = unknown>(command: RedisCommand, options?: CommandOptions): Promise<T>;
  /** The replies of many commands sent in one go, in order. The first that failed rejects, after all replies came. */
  pipeline<T = unknown>(commands: readonly RedisCommand[], options?: CommandOptions): Promise<T[]>;
  /**
   * The replies of commands carried out as one MULTI … EXEC. What Redis refuses beforehand (out of memory, no
   * permission) leaves nothing done; a command that fails on its own data (WRONGTYPE) rejects with the others done.
   */
  transaction<T = unknown>(commands: readonly RedisCommand[], options?: CommandOptions): Promise<T[]>;
  /**
   * A further connection to the same database, for a command that blocks: others would wait behind it. Give such a
   * command a `timeoutMs` beyond its own. With a number it leads to that one of the same server instead. Closed with this
   * database at the latest.
   */
  duplicate(options?: { readonly number?: number }): Database;
  /** Closes the connection once every command under way has its answer or is overdue. */
  close(): Promise<void>;
}

/** What one database is connected by. */
export interface DatabaseTarget {
  readonly name: DatabaseName;
  readonly number: number;
  /** Where the server is; asked for anew with each connection, as the embedded server may have moved. */
  readonly locate: () => Promise<RedisLocation>;
  /** The setting that names the location, for messages; `undefined` for the embedded server. */
  readonly setting: string | undefined;
  readonly config: Pick<Config, 'tls' | 'connectTimeoutMs' | 'commandTimeoutMs'>;
  readonly onNotice: (text: string) => void;
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
/** Loading a large database takes longer than any command. */
const LOADING_FACTOR = 4;

/** A `Database` by its target. */
export class RedisDatabase implements Database {
  readonly #target: DatabaseTarget;
  readonly #abort = new AbortController();
  readonly #duplicates = new Set<RedisDatabase>();
  readonly #onClose: () => void;
  #connection: Connection | undefined;
  #connections = 0;
  #connecting: Promise<Connection> | undefined;

  constructor(target: DatabaseTarget, onClose: () => void = () => {}) {
    this.#target = target;
    this.#onClose = onClose;
  }

  get name(): DatabaseName {
    return this.#target.name;
  }

  get connections(): number {
    return this.#connections;
  }

  send<T>(command: RedisCommand, options?: CommandOptions): Promise<T> {
    const buffers = options?.buffers ?? false;
    const timeoutMs = options?.timeoutMs ?? this.#target.config.commandTimeoutMs;
    if (this.#connection) return this.#connection.send<T>(command, buffers, timeoutMs);
    return this.#connect().then((connection) => connection.send<T>(command, buffers, timeoutMs));
  }

  async pipeline<T>(commands: readonly RedisCommand[], options: CommandOptions = {}): Promise<T[]> {
    const { buffers = false, timeoutMs = this.#target.config.commandTimeoutMs } = options;
    const connection = this.#connection ?? (await this.#connect());
    return connection.pipeline<T>(commands, buffers, timeoutMs);
  }

  async transaction<T>(commands: readonly RedisCommand[], options: CommandOptions = {}): Promise<T[]> {
    const { buffers = false, timeoutMs = this.#target.config.commandTimeoutMs } = options;
    const connection = this.#connection ?? (await this.#connect());
    return connection.transaction<T>(commands, buffers, timeoutMs);
  }

  duplicate({ number = this.#target.number }: { readonly number?: number } = {}): Database {
    this.#abort.signal.throwIfAborted();
    const duplicate = new RedisDatabase({ ...this.#target, number }, () =>
      this.#duplicates.delete(duplicate),
    );
    this.#duplicates.add(duplicate);
    return duplicate;
  }

  async close(): Promise<void> {
    this.#abort.abort(closedError(this.#target.name));
    this.#onClose();
    const connection = this.#connection;
    connection?.retire();
    await Promise.all([connection?.closed, ...[...this.#duplicates].map((one) => one.close())]);
  }

  /** Commands that come while a connection is being made share it. */
  #connect(): Promise<Connection> {
    this.#connecting ??= this.#open().finally(() => {
      this.#connecting = undefined;
    });
    return this.#connecting;
  }

  async #open(): Promise<Connection> {
    const { signal } = this.#abort;
    signal.throwIfAborted();
    const location = await this.#target.locate();
    // Only now: programs that never reach Redis, such as --help, do not pay for loading the client.
    const wires = await import('./open-wire.ts');
    const until = performance.now() + this.#target.config.connectTimeoutMs;
    const { name, number, setting } = this.#target;
    const context = { name, place: displayLocation(location, number), setting };
    for (let attempt = 1; ; attempt += 1) {
      signal.throwIfAborted();
      try {
        const timeoutMs = Math.max(1, Math.round(until - performance.now()));
        return await this.#attempt(wires, { location, context, timeoutMs });
      } catch (error) {
        if (signal.aborted || isFinal(error)) throw error;
        const pause = Math.min(FIRST_PAUSE_MS * 2 ** (attempt - 1), LONGEST_PAUSE_MS);
        const isLast = attempt === ATTEMPTS || performance.now() + pause >= until;
        if (isLast || isLasting(error)) throw connectFailed(rootOf(error), attempt, context);
        await sleep(pause, undefined, { signal }).catch(() => signal.throwIfAborted());
      }
    }
  }

  async #attempt(
    { isReply, openWire }: typeof import('./open-wire.ts'),
    { location, context, timeoutMs }: Attempt,
  ): Promise<Connection> {
    const { config, number, name, onNotice } = this.#target;
    let connection: Connection | undefined;
    const wire = await openWire(location, {
      number,
      clientName: `stacklore-${name}`,
      tls: config.tls,
      timeoutMs,
      signal: this.#abort.signal,
      onEnd: () => connection?.retire(),
    }).catch((error: unknown) => {
      throw isReply(error) ? replyError(error, 'the connection', context) : error;
    });
    connection = new Connection(wire, {
      context,
      onNotice,
      loadingTimeoutMs: LOADING_FACTOR * config.commandTimeoutMs,
      onRetired: (retired) => {
        if (this.#connection === retired) this.#connection = undefined;
      },
    });
    try {
      await connection.check(config.connectTimeoutMs);
      this.#abort.signal.throwIfAborted();
      if (connection.isRetired) throw new Error('the server closed the connection');
    } catch (error) {
      connection.retire();
      throw error;
    }
    this.#connection = connection;
    this.#connections += 1;
    return connection;
  }
}

/** True for an error that says all there is to say; what could not be reached is tried again. */
function isFinal(error: unknown): boolean {
  return error instanceof StackloreError && error.code !== 'database_unreachable';
}

function rootOf(error: unknown): unknown {
  return error instanceof StackloreError ? (error.cause ?? error) : error;
}

/** True for what the next attempt would find again: no permission, or a TLS disagreement. */
function isLasting(error: unknown): boolean {
  const { code = '' } = rootOf(error) as NodeJS.ErrnoException; // of a failure to connect; others have no code
  return /^(EACCES|EPERM|EPROTO|ERR_TLS|ERR_SSL)|CERT|SELF_SIGNED|UNABLE_TO|DEPTH_ZERO/.test(code);
}

function closedError(name: DatabaseName): StackloreError {
  return new StackloreError('database_unreachable', {
    message: `The ${name} database was closed by this program. Open stacklore again for further commands.`,
  });
}
