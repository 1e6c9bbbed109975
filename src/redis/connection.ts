import { setTimeout as sleep } from 'node:timers/promises';
import { errorMessage, StackloreError } from '../errors.ts';
import type { Place, RedisArgument, RedisCommand } from './command.ts';
import {
  connectionLost,
  type DatabaseContext,
  deadlinePassed,
  replyError,
  stillLoading,
  who,
} from './reply-error.ts';

/** The way of bytes to Redis and back: a client of one server, or of a cluster. Knows neither deadlines nor our errors. */
export interface Wire {
  /** Of a cluster, `at` names the node; elsewhere there is one. */
  send(command: RedisCommand, buffers: boolean, at?: Place): Promise<unknown>;
  /** MULTI, the commands and EXEC with nothing in between; gives EXEC's replies, errors among them. */
  transact(commands: readonly RedisCommand[], buffers: boolean): Promise<unknown[]>;
  /** True for an error Redis replied with, false for anything that broke on the way. */
  isReply(error: unknown): boolean;
  /** True for a reply which tells that another server should be asked from now on. */
  isStale(error: unknown): boolean;
  /** The addresses of a cluster's masters; absent where there is one server. */
  masters?(): readonly string[];
  destroy(): void;
}

export interface ConnectionOptions {
  readonly context: DatabaseContext;
  /** How long a server may go on loading its data before commands give up. */
  readonly loadingTimeoutMs: number;
  readonly onNotice: (text: string) => void;
  /** Called once, when no further command should be sent here. */
  readonly onRetired: (connection: Connection) => void;
}

/** A command, or a batch of them, that waits for its answer. */
interface Call {
  readonly command: RedisArgument;
  readonly timeoutMs: number;
  readonly deadline: number;
  reject: (error: Error) => void;
}

const LOADING_POLL_MS = 200;
const NOTICE_EVERY_MS = 1_000;

/** One open connection: gives every command a deadline, waits while the server loads its data, translates errors. */
export class Connection {
  /** Resolves when the connection is closed. */
  readonly closed: Promise<void>;
  readonly #wire: Wire;
  readonly #options: ConnectionOptions;
  readonly #calls = new Set<Call>();
  /** One timer for all calls, set to the earliest deadline: one for each would cost more than the command itself. */
  #alarm: NodeJS.Timeout | undefined;
  #alarmAt = Number.POSITIVE_INFINITY;
  #lastReplyAt = 0;
  #isRetired = false;
  #isClosed = false;
  #loading: Promise<void> | undefined;
  #resolveClosed: () => void = () => {};

  constructor(wire: Wire, options: ConnectionOptions) {
    this.#wire = wire;
    this.#options = options;
    this.closed = new Promise((resolve) => {
      this.#resolveClosed = resolve;
    });
  }

  /** True once no further command should be sent here. */
  get isRetired(): boolean {
    return this.#isRetired;
  }

  /** The addresses of a cluster's masters; none of a single server. */
  get masters(): readonly string[] {
    return this.#wire.masters?.() ?? [];
  }

  send<T>(command: RedisCommand, buffers: boolean, timeoutMs: number, at?: Place): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const call = this.#begin(command[0] ?? '', timeoutMs, reject);
      this.#wire.send(command, buffers, at).then(
        (reply) => {
          this.#end(call);
          resolve(reply as T); // what a command replies is known to its caller only
        },
        (error: unknown) => {
          this.#end(call);
          if (!isLoading(error)) return reject(this.#explain(error, call.command));
          resolve(this.#whenLoaded().then(() => this.send<T>(command, buffers, timeoutMs, at)));
        },
      );
    });
  }

  pipeline<T>(
    commands: readonly RedisCommand[],
    buffers: boolean,
    timeoutMs: number,
    place?: Place,
  ): Promise<T[]> {
    if (commands.length === 0) return Promise.resolve([]);
    return new Promise<T[]>((resolve, reject) => {
      const call = this.#begin(`a pipeline of ${commands.length} commands`, timeoutMs, reject);
      const replies = new Array<T>(commands.length);
      const failures: { error: unknown; command: RedisArgument }[] = [];
      let loading = 0;
      let waiting = commands.length;
      const settle = () => {
        waiting -= 1;
        this.#lastReplyAt = performance.now();
        if (waiting > 0) return;
        this.#end(call);
        const [first] = failures;
        if (first === undefined) resolve(replies);
        // Only when nothing was carried out may all of it be sent again.
        else if (loading < commands.length) reject(this.#explain(first.error, first.command));
        else resolve(this.#whenLoaded().then(() => this.pipeline<T>(commands, buffers, timeoutMs, place)));
      };
      for (const [at, command] of commands.entries()) {
        this.#wire.send(command, buffers, place).then(
          (reply) => {
            replies[at] = reply as T;
            settle();
          },
          (error: unknown) => {
            failures.push({ error, command: command[0] ?? '' });
            if (isLoading(error)) loading += 1;
            settle();
          },
        );
      }
    });
  }

  transaction<T>(commands: readonly RedisCommand[], buffers: boolean, timeoutMs: number): Promise<T[]> {
    if (commands.length === 0) return Promise.resolve([]);
    // The client leaves out what it cannot encode and sends the rest, so a wrong argument must not get that far.
    const wrong = commands.find((command) => !command.every(isArgument));
    if (wrong) return Promise.reject(wrongArgument(wrong));
    return new Promise<T[]>((resolve, reject) => {
      const call = this.#begin(`a transaction of ${commands.length} commands`, timeoutMs, reject);
      this.#wire.transact(commands, buffers).then(
        (replies) => {
          this.#end(call);
          const failed = replies.findIndex((reply) => this.#wire.isReply(reply));
          if (failed < 0) resolve(replies as T[]);
          else reject(this.#explain(replies[failed], commands[failed]?.[0] ?? ''));
        },
        (error: unknown) => {
          this.#end(call);
          // The first refusal makes EXEC discard everything: nothing was carried out.
          if (!isLoading(error)) return reject(this.#explain(error, call.command));
          resolve(this.#whenLoaded().then(() => this.transaction<T>(commands, buffers, timeoutMs)));
        },
      );
    });
  }

  /** Resolves when the server answers and has loaded its data. Throws what it says instead, e.g. `database_auth`. */
  async check(timeoutMs: number): Promise<void> {
    await this.send(['PING'], false, timeoutMs).catch((error: unknown) => {
      if (!(error instanceof StackloreError && /^NOPERM/.test(errorMessage(error.cause)))) throw error;
    });
  }

  /** Takes no further commands here, and closes when those under way have their answers or are overdue. */
  retire(): void {
    if (this.#isRetired) return;
    this.#isRetired = true;
    this.#options.onRetired(this);
    this.#closeWhenIdle();
  }

  #begin(command: RedisArgument, timeoutMs: number, reject: (error: Error) => void): Call {
    const call = { command, timeoutMs, deadline: performance.now() + timeoutMs, reject };
    this.#calls.add(call);
    if (call.deadline < this.#alarmAt) this.#setAlarm(call.deadline);
    return call;
  }

  #end(call: Call): void {
    this.#lastReplyAt = performance.now();
    this.#calls.delete(call);
    // What a set once held can outlive it in the collector; the reply behind this must not.
    call.reject = nobodyWaits;
    if (this.#isRetired) this.#closeWhenIdle();
  }

  #setAlarm(at: number): void {
    clearTimeout(this.#alarm);
    this.#alarmAt = at;
    // setImmediate: replies that came while this program was busy are read first, so they are not called late.
    this.#alarm = setTimeout(
      () => setImmediate(() => this.#rejectOverdue()),
      Math.max(1, at - performance.now()),
    );
    this.#alarm.unref();
  }

  #rejectOverdue(): void {
    this.#alarmAt = Number.POSITIVE_INFINITY;
    const now = performance.now();
    let next = Number.POSITIVE_INFINITY;
    let isDead = false;
    for (const call of this.#calls) {
      if (call.deadline > now) {
        next = Math.min(next, call.deadline);
        continue;
      }
      this.#calls.delete(call);
      call.reject(deadlinePassed(String(call.command), call.timeoutMs, this.#options.context));
      // Replies come in order. Where none came lately, later commands would only queue behind this one.
      isDead ||= this.#lastReplyAt < call.deadline - call.timeoutMs / 2;
    }
    if (next < this.#alarmAt) this.#setAlarm(next);
    if (isDead) this.retire();
    if (this.#isRetired) this.#closeWhenIdle();
  }

  #closeWhenIdle(): void {
    if (this.#calls.size > 0 || this.#isClosed) return;
    this.#isClosed = true;
    clearTimeout(this.#alarm);
    this.#wire.destroy();
    this.#resolveClosed();
  }

  #explain(error: unknown, command: RedisArgument): StackloreError {
    const { context } = this.#options;
    if (error instanceof TypeError) return wrongArgument([command], error);
    if (this.#wire.isReply(error)) {
      if (this.#wire.isStale(error)) this.retire();
      return replyError(error, String(command), context);
    }
    this.retire();
    return connectionLost(error, String(command), context);
  }

  #whenLoaded(): Promise<void> {
    this.#loading ??= this.#waitUntilLoaded().finally(() => {
      this.#loading = undefined;
    });
    return this.#loading;
  }

  async #waitUntilLoaded(): Promise<void> {
    const { context, loadingTimeoutMs, onNotice } = this.#options;
    const startedAt = performance.now();
    let noticeAt = startedAt;
    for (;;) {
      const isLoaded = await this.#ask(['PING']).then(
        () => true,
        (error: unknown) => {
          if (isLoading(error)) return false;
          throw this.#explain(error, 'PING');
        },
      );
      if (isLoaded) return;
      const percent = await this.#ask(['INFO', 'persistence']).then(loadedPercent, () => undefined);
      const now = performance.now();
      if (now - startedAt > loadingTimeoutMs) throw stillLoading(percent, loadingTimeoutMs, context);
      if (now >= noticeAt) {
        onNotice(
          `Waiting for ${who(context)}: it is loading its data${percent === undefined ? '' : ` (${percent} %)`}.`,
        );
        noticeAt = now + NOTICE_EVERY_MS;
      }
      await sleep(LOADING_POLL_MS);
    }
  }

  /** A command of the loading wait itself, with a deadline but without any waiting or translation. */
  #ask(command: RedisCommand): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const call = this.#begin(command[0] ?? '', this.#options.loadingTimeoutMs, reject);
      const end = () => this.#end(call);
      this.#wire.send(command, false).finally(end).then(resolve, reject);
    });
  }
}

function nobodyWaits(): void {}

function isLoading(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('LOADING ');
}

function loadedPercent(info: unknown): number | undefined {
  const match = /^loading_loaded_perc:(\d+)/m.exec(String(info));
  return match ? Number(match[1]) : undefined;
}

function isArgument(argument: unknown): boolean {
  return typeof argument === 'string' || argument instanceof Buffer;
}

function wrongArgument([name]: RedisCommand, cause?: unknown): StackloreError {
  return new StackloreError('internal', {
    message: `${String(name)} was given an argument that is neither text nor a Buffer. Please report this as a bug of stacklore.`,
    cause,
  });
}
