import { setTimeout as sleep } from 'node:timers/promises';
import type { Config } from '../config.ts';
import { StackloreError } from '../errors.ts';
import type { DatabaseName } from '../schema/record.ts';
import { isRead, type Place, type RedisCommand } from './command.ts';
import { type Confirmation, confirm } from './confirm.ts';
import { Connection } from './connection.ts';
import { withFate } from './fate.ts';
import { displayLocation, type RedisLocation } from './redis-url.ts';
import { repeat, type Work } from './repeat.ts';
import { closedError, connectFailed, type DatabaseContext, isLasting, replyError } from './reply-error.ts';
import { requireWhole } from './require-whole.ts';

/** How one command differs from the usual. */
export interface CommandOptions {
  /** Bulk replies as Buffers: what holds a vector is mangled as text. */
  readonly buffers?: boolean;
  /** Deadline from the moment the command is sent; by default `commandTimeoutMs`. */
  readonly timeoutMs?: number;
  /**
   * Carrying it out twice is the same as once, so that it is sent again when the connection broke and nobody can tell
   * what became of it. What Redis refuses for the moment is sent again in any case, and so are plain reads.
   */
  readonly isRepeatable?: boolean;
  /** Answered only when as many replicas have it as the configuration asks for (`database_timeout`: too few have). */
  readonly isConfirmed?: boolean;
  /** On a cluster, where a command without a key goes; by default to any node. */
  readonly at?: Place;
}

/** One server behind a database: what is about servers and not about keys is asked here. */
export interface Shard extends Pick<Database, 'name' | 'send' | 'pipeline'> {
  /** Host and port of a cluster's master; absent for a server that is alone. */
  readonly address?: string;
}

/** One named database behind one connection, which its first command opens and which is opened again when it broke. */
export interface Database {
  readonly name: DatabaseName;
  /** How many connections were opened so far: behind another one there may be another server, or a restarted one. */
  readonly connections?: number;
  /** Whether `isConfirmed` waits for anything. */
  readonly confirms?: boolean;
  /**
   * True where the location names a cluster, or one address in front of several shards: a script or a transaction then
   * takes keys of one slot only, and commands sent in one go are carried out in order only if they are about the same slot.
   */
  readonly isCluster: boolean;
  /** One command's reply. */
  send<T = unknown>(command: RedisCommand, options?: CommandOptions): Promise<T>;
  /** The replies of many commands sent in one go, in order. The first that failed rejects, after all replies came. */
  pipeline<T = unknown>(commands: readonly RedisCommand[], options?: CommandOptions): Promise<T[]>;
  /**
   * The replies of commands carried out as one MULTI … EXEC. What Redis refuses beforehand (out of memory, no
   * permission) leaves nothing done; a command that fails on its own data (WRONGTYPE) rejects with the others done.
   */
  transaction<T = unknown>(commands: readonly RedisCommand[], options?: CommandOptions): Promise<T[]>;
  /** The masters of a cluster as they are now, or the one server there is. */
  shards(): Promise<readonly Shard[]>;
  /**
   * A further connection to the same database, for a command that blocks: others would wait behind it. Give such a
   * command a `timeoutMs` beyond its own. With a number it leads to that one of the same server instead. `purpose` is for
   * CLIENT LIST. Closed with this database at the latest.
   */
  duplicate(options?: { readonly number?: number; readonly purpose?: string }): Database;
  /** Closes the connection once every command under way has its answer or is overdue. */
  close(): Promise<void>;
}

/** What one database is connected by. */
export interface DatabaseTarget {
  readonly name: DatabaseName;
  readonly number: number;
  readonly isCluster: boolean;
  /** Where the server is; asked for anew with each connection, as the embedded server may have moved. */
  readonly locate: () => Promise<RedisLocation>;
  /** The setting that names the location, for messages; `undefined` for the embedded server. */
  readonly setting: string | undefined;
  readonly config: Pick<Config, 'tls' | 'connectTimeoutMs' | 'commandTimeoutMs'>;
  /** What CLIENT LIST shows. */
  readonly clientName: string;
  /** What `isConfirmed` waits for. */
  readonly confirmation: Confirmation;
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
/** Where another server may answer by the time that this one has not. */
const ATTEMPT_AMONG_OTHERS_MS = 2_000;
/** A single server that refuses may be a name that is just being given to another, as managed services do. */
const PATIENCE_WITH_ONE_SERVER_MS = 1_000;
/** Loading a large database takes longer than any command. */
const LOADING_FACTOR = 4;

/** A `Database` by its target. */
export class RedisDatabase implements Database {
  readonly #target: DatabaseTarget;
  readonly #abort = new AbortController();
  readonly #duplicates = new Set<RedisDatabase>();
  /** The one that this is a duplicate of, directly or not; else this. */
  readonly #root: RedisDatabase;
  readonly #onClose: () => void;
  #connection: Connection | undefined;
  #connections = 0;
  #connecting: Promise<Connection> | undefined;
  /** Carries out what replicas are to confirm. */
  #confirming: RedisDatabase | undefined;
  /** The server is known not to be several shards behind one address. Told by the root. */
  #isWhole = false;
  /** Of the last location. Told by the root. */
  #hasSuccessors = false;

  constructor(
    target: DatabaseTarget,
    origin?: { readonly root: RedisDatabase; readonly onClose: () => void },
  ) {
    this.#target = target;
    this.#root = origin?.root ?? this;
    this.#onClose = origin?.onClose ?? (() => {});
  }

  get name(): DatabaseName {
    return this.#target.name;
  }

  get confirms(): boolean {
    return this.#target.confirmation.replicas > 0;
  }

  get connections(): number {
    return this.#connections;
  }

  get isCluster(): boolean {
    return this.#target.isCluster;
  }

  send<T>(command: RedisCommand, options: CommandOptions = {}): Promise<T> {
    const { buffers = false, isRepeatable = isRead(command), at } = options;
    const on: Work<T>['on'] = (connection, timeoutMs) => connection.send<T>(command, buffers, timeoutMs, at);
    return this.#run(on, isRepeatable, options);
  }

  pipeline<T>(commands: readonly RedisCommand[], options: CommandOptions = {}): Promise<T[]> {
    const { buffers = false, isRepeatable = commands.every(isRead), at } = options;
    const on: Work<T[]>['on'] = (connection, timeoutMs) =>
      connection.pipeline<T>(commands, buffers, timeoutMs, at);
    return this.#run(on, isRepeatable, options);
  }

  transaction<T>(commands: readonly RedisCommand[], options: CommandOptions = {}): Promise<T[]> {
    const { buffers = false, isRepeatable = commands.every(isRead) } = options;
    const on: Work<T[]>['on'] = (connection, timeoutMs) =>
      connection.transaction<T>(commands, buffers, timeoutMs);
    return this.#run(on, isRepeatable, options);
  }

  async shards(): Promise<readonly Shard[]> {
    if (!this.isCluster) return [this];
    const { masters } = this.#connection ?? (await this.#connect());
    // Shards behind one address cannot be told apart.
    if (masters.length === 0) return [this];
    return masters.map((address) => ({
      name: this.name,
      address,
      send: (command, options) => this.send(command, { ...options, at: { master: address } }),
      pipeline: (commands, options) => this.pipeline(commands, { ...options, at: { master: address } }),
    }));
  }

  duplicate({
    number = this.#target.number,
    purpose = 'more',
  }: {
    number?: number;
    purpose?: string;
  } = {}): Database {
    return this.#duplicate({ number, clientName: `${this.#target.clientName}:${purpose}` });
  }

  #duplicate(over: Partial<DatabaseTarget>): RedisDatabase {
    this.#abort.signal.throwIfAborted();
    const duplicate = new RedisDatabase(
      { ...this.#target, ...over },
      {
        root: this.#root,
        onClose: () => this.#duplicates.delete(duplicate),
      },
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

  #run<T>(on: Work<T>['on'], isRepeatable: boolean, options: CommandOptions): Promise<T> {
    const { timeoutMs = this.#target.config.commandTimeoutMs, isConfirmed = false } = options;
    if (isConfirmed && this.confirms) return this.#runConfirmed({ on, timeoutMs, isRepeatable });
    return this.#runHere({ on, timeoutMs, isRepeatable });
  }

  #runHere<T>(work: Work<T>): Promise<T> {
    const startedAt = performance.now();
    const again = (failure?: unknown): Promise<T> =>
      repeat(
        work,
        {
          connect: async () => this.#connection ?? this.#connect(),
          patienceMs: this.#root.#hasSuccessors ? Number.POSITIVE_INFINITY : PATIENCE_WITH_ONE_SERVER_MS,
          signal: this.#abort.signal,
        },
        { startedAt, failure },
      );
    return this.#connection ? work.on(this.#connection, work.timeoutMs).catch(again) : again();
  }

  /** On a connection of its own, as what comes after a write there waits for the replicas too. */
  async #runConfirmed<T>(work: Work<T>): Promise<T> {
    const { clientName, confirmation } = this.#target;
    const { commandTimeoutMs } = this.#target.config;
    this.#confirming ??= this.#duplicate({ clientName: `${clientName}:confirm` });
    return this.#confirming.#runHere({
      ...work,
      on: (connection, timeoutMs) =>
        confirm(connection, work.on(connection, timeoutMs), { ...confirmation, commandTimeoutMs }),
    });
  }

  /** Leaves a server that another has replaced, on all connections: those without work would not notice before theirs. */
  #abandon(): void {
    this.#connection?.abandon();
    for (const duplicate of this.#duplicates) duplicate.#abandon();
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
    const context = {
      ...{ name, place: displayLocation(location, number), setting },
      passwordFile: location.passwordFile?.path,
    };
    for (let attempt = 1; ; attempt += 1) {
      signal.throwIfAborted();
      try {
        const leftMs = Math.max(1, Math.round(until - performance.now()));
        const timeoutMs = hasSuccessors(location) ? Math.min(leftMs, ATTEMPT_AMONG_OTHERS_MS) : leftMs;
        return await this.#attempt(wires, { location, context, timeoutMs });
      } catch (error) {
        if (signal.aborted || isFinal(error)) throw error;
        const pause = Math.min(FIRST_PAUSE_MS * 2 ** (attempt - 1), LONGEST_PAUSE_MS);
        const isLast = attempt === ATTEMPTS || performance.now() + pause >= until;
        if (isLast || isLasting(error)) {
          const failure = connectFailed(error, attempt, context);
          throw this.#root.#hasSuccessors && !isLasting(error) ? withFate(failure, 'undone') : failure;
        }
        await sleep(pause, undefined, { signal }).catch(() => signal.throwIfAborted());
      }
    }
  }

  async #attempt(
    { isReply, openWire }: typeof import('./open-wire.ts'),
    { location, context, timeoutMs }: Attempt,
  ): Promise<Connection> {
    const { config, number, clientName, onNotice } = this.#target;
    let connection: Connection | undefined;
    const wire = await openWire(location, {
      number,
      clientName,
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
      onSuperseded: () => this.#root.#abandon(),
    });
    try {
      await connection.check(location.kind === 'sentinel' ? timeoutMs : config.connectTimeoutMs);
      if (location.kind === 'server' && !this.#root.#isWhole) {
        await requireWhole(connection, config.connectTimeoutMs);
        this.#root.#isWhole = true;
      }
      this.#abort.signal.throwIfAborted();
      if (connection.isRetired) throw new Error('the server closed the connection');
    } catch (error) {
      connection.retire();
      throw error;
    }
    this.#connection = connection;
    this.#connections += 1;
    this.#root.#hasSuccessors = hasSuccessors(location);
    return connection;
  }
}

/** Where one server goes, another takes its place: sentinels and clusters see to that. */
function hasSuccessors({ kind }: RedisLocation): boolean {
  return kind === 'sentinel' || kind === 'cluster';
}

/** True for an error that says all there is to say; what could not be reached is tried again. */
function isFinal(error: unknown): boolean {
  return error instanceof StackloreError && error.code !== 'database_unreachable';
}
