import { setMaxListeners } from 'node:events';
import type { DatabaseName } from '../schema/record.ts';
import { isRead, type Place, type RedisCommand } from './command.ts';
import { type Confirmation, confirm } from './confirm.ts';
import type { Connection } from './connection.ts';
import { type ConnectionTarget, type KnownServers, openConnection } from './open-connection.ts';
import { repeat, type Work } from './repeat.ts';
import { closedError } from './reply-error.ts';

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
export interface DatabaseTarget extends ConnectionTarget {
  readonly isCluster: boolean;
  /** What `isConfirmed` waits for. */
  readonly confirmation: Confirmation;
}

/** A single server that refuses may be a name that is just being given to another, as managed services do. */
const PATIENCE_WITH_ONE_SERVER_MS = 1_000;

/** A `Database` by its target. */
export class RedisDatabase implements Database {
  readonly #target: DatabaseTarget;
  readonly #abort = new AbortController();
  readonly #duplicates = new Set<RedisDatabase>();
  /** The one that this is a duplicate of, directly or not; else this. */
  readonly #root: RedisDatabase;
  /** The root's, too. */
  readonly #servers: KnownServers;
  readonly #onClose: () => void;
  #connection: Connection | undefined;
  #connections = 0;
  #connecting: Promise<Connection> | undefined;
  /** Carries out what replicas are to confirm. */
  #confirming: RedisDatabase | undefined;

  constructor(
    target: DatabaseTarget,
    origin?: { readonly root: RedisDatabase; readonly onClose: () => void },
  ) {
    this.#target = target;
    this.#root = origin?.root ?? this;
    this.#servers = origin ? origin.root.#servers : { areWhole: false, haveSuccessors: false };
    this.#onClose = origin?.onClose ?? (() => {});
    // Each command that waits to be sent again listens to it.
    setMaxListeners(0, this.#abort.signal);
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
          patienceMs: this.#servers.haveSuccessors ? Number.POSITIVE_INFINITY : PATIENCE_WITH_ONE_SERVER_MS,
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
    this.#connecting ??= openConnection(this.#target, {
      servers: this.#servers,
      signal: this.#abort.signal,
      onOpened: (connection) => {
        this.#connection = connection;
        this.#connections += 1;
      },
      onRetired: (connection) => {
        if (this.#connection === connection) this.#connection = undefined;
      },
      onSuperseded: () => this.#root.#abandon(),
    }).finally(() => {
      this.#connecting = undefined;
    });
    return this.#connecting;
  }
}
