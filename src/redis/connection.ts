import { errorMessage, StackloreError } from '../errors.ts';
import { isRead, type Place, type RedisArgument, type RedisCommand } from './command.ts';
import { isRefusal, withFate } from './fate.ts';
import { isLoading, waitUntilLoaded } from './loading.ts';
import { type Call, PendingCalls } from './pending-calls.ts';
import {
  connectFailed,
  connectionLost,
  type DatabaseContext,
  deadlinePassed,
  replyError,
  wrongArgument,
} from './reply-error.ts';
import { watchSilence } from './silence.ts';
import type { Wire } from './wire.ts';

export interface ConnectionOptions {
  readonly context: DatabaseContext;
  /** How long a server may go on loading its data before commands give up. */
  readonly loadingTimeoutMs: number;
  readonly onNotice: (text: string) => void;
  /** Called once, when no further command should be sent here. */
  readonly onRetired: (connection: Connection) => void;
  /** Called once when another server has taken the place of this one, which gives no answer: abandon it. */
  readonly onSuperseded: () => void;
}

/** One open connection: gives every command a deadline, waits while the server loads its data, translates errors. */
export class Connection {
  /** Resolves when the connection is closed. */
  readonly closed: Promise<void>;
  readonly #wire: Wire;
  readonly #options: ConnectionOptions;
  readonly #calls: PendingCalls;
  #isRetired = false;
  #isClosed = false;
  #loading: Promise<void> | undefined;
  #resolveClosed: () => void = () => {};
  readonly #endWatch: () => void;

  constructor(wire: Wire, options: ConnectionOptions) {
    this.#wire = wire;
    this.#options = options;
    this.closed = new Promise((resolve) => {
      this.#resolveClosed = resolve;
    });
    this.#calls = new PendingCalls({
      explain: ({ command, timeoutMs }) => deadlinePassed(String(command), timeoutMs, options.context),
      onOverdue: (isSilent) => this.#onOverdue(isSilent),
    });
    this.#endWatch = watchSilence({
      isSuperseded: wire.isSuperseded,
      silentSince: () => this.#calls.silentSince,
      onSuperseded: options.onSuperseded,
    });
  }

  get context(): DatabaseContext {
    return this.#options.context;
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
      const call = this.#calls.begin(command[0] ?? '', timeoutMs, reject);
      this.#wire.send(command, buffers, at).then(
        (reply) => {
          this.#end(call);
          resolve(reply as T); // what a command replies is known to its caller only
        },
        (error: unknown) => {
          this.#end(call);
          if (!this.#isToLoad(error)) return reject(this.#explain(error, call.command, { sent: [command] }));
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
      const call = this.#calls.begin(`a pipeline of ${commands.length} commands`, timeoutMs, reject);
      const replies = new Array<T>(commands.length);
      const failures: { error: unknown; command: RedisCommand }[] = [];
      let loading = 0;
      let written = 0;
      let waiting = commands.length;
      const settle = () => {
        waiting -= 1;
        this.#calls.answered();
        if (waiting > 0) return;
        this.#end(call);
        const [first] = failures;
        if (first === undefined) resolve(replies);
        else if (loading < commands.length) {
          // Only when nothing but looks at keys was carried out may all of it be sent again.
          const isWhole = written === 0 && failures.every(({ error }) => this.#isUndone(error));
          reject(this.#explain(first.error, first.command[0] ?? '', { sent: [first.command], isWhole }));
        } else resolve(this.#whenLoaded().then(() => this.pipeline<T>(commands, buffers, timeoutMs, place)));
      };
      for (const [at, command] of commands.entries()) {
        this.#wire.send(command, buffers, place).then(
          (reply) => {
            replies[at] = reply as T;
            if (!isRead(command)) written += 1;
            settle();
          },
          (error: unknown) => {
            failures.push({ error, command });
            if (this.#isToLoad(error)) loading += 1;
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
      const call = this.#calls.begin(`a transaction of ${commands.length} commands`, timeoutMs, reject);
      this.#wire.transact(commands, buffers).then(
        (replies) => {
          this.#end(call);
          const failed = replies.findIndex((reply) => this.#wire.isReply(reply));
          const command = commands[failed] ?? [];
          if (failed < 0) resolve(replies as T[]);
          else reject(this.#explain(replies[failed], command[0] ?? '', { sent: [command], isWhole: false }));
        },
        (error: unknown) => {
          this.#end(call);
          // The first refusal makes EXEC discard everything: nothing was carried out.
          if (!this.#isToLoad(error)) return reject(this.#explain(error, call.command, { sent: commands }));
          resolve(this.#whenLoaded().then(() => this.transaction<T>(commands, buffers, timeoutMs)));
        },
      );
    });
  }

  /**
   * Resolves when the server answers and has loaded its data. Throws what it says instead, e.g. `database_auth`. A node
   * of a cluster has answered already, and one that does not is no reason to do without the others.
   */
  async check(timeoutMs: number): Promise<void> {
    if (this.#wire.masters) return;
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

  /** Retires without waiting: what is under way is rejected as lost. */
  abandon(): void {
    this.retire();
    if (!this.#isClosed) this.#wire.destroy();
  }

  #end(call: Call): void {
    this.#calls.end(call);
    if (this.#isRetired) this.#closeWhenIdle();
  }

  /**
   * Replies come in order: where none came lately, later commands would only queue behind the overdue one. Of a cluster the
   * others' replies tell nothing of the node that is silent, and a new connection finds out who is master by now.
   */
  #onOverdue(isSilent: boolean): void {
    if (isSilent || this.#wire.masters) this.retire();
    if (this.#isRetired) this.#closeWhenIdle();
  }

  #closeWhenIdle(): void {
    if (!this.#calls.isEmpty || this.#isClosed) return;
    this.#isClosed = true;
    this.#calls.close();
    this.#endWatch();
    this.#wire.destroy();
    this.#resolveClosed();
  }

  /** The error that callers see, about what was `sent`. `isWhole`: what it says holds for all of the call. */
  #explain(
    error: unknown,
    command: RedisArgument,
    { sent, isWhole = true }: { readonly sent?: readonly RedisCommand[]; readonly isWhole?: boolean } = {},
  ): StackloreError {
    const { context } = this.#options;
    if (error instanceof TypeError) return wrongArgument([command], error);
    if (this.#wire.isReply(error)) {
      if (this.#wire.isStale(error)) this.retire();
      const explained = replyError(error, String(command), { ...context, sent });
      return isWhole && this.#isUndone(error) ? withFate(explained, 'undone') : explained;
    }
    this.retire();
    if (isWhole && this.#isUndone(error)) return withFate(connectFailed(error, 1, context), 'undone');
    return withFate(connectionLost(error, String(command), context), 'unknown');
  }

  /** True for an error of what was refused for now, or not even sent. */
  #isUndone(error: unknown): boolean {
    return this.#wire.isReply(error) ? isRefusal(error) : this.#wire.isUnsent(error);
  }

  /** Of a cluster the one node that loads cannot be asked how far it is: its refusal is one like others. */
  #isToLoad(error: unknown): boolean {
    return isLoading(error) && !this.#wire.masters;
  }

  #whenLoaded(): Promise<void> {
    this.#loading ??= waitUntilLoaded((command) => this.#ask(command), this.#options)
      .catch((error: unknown) => {
        if (error instanceof StackloreError) throw error;
        throw withFate(this.#explain(error, 'PING'), 'undone'); // what waits here was refused
      })
      .finally(() => {
        this.#loading = undefined;
      });
    return this.#loading;
  }

  /** A command of the loading wait itself, with a deadline but without any waiting or translation. */
  #ask(command: RedisCommand): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const call = this.#calls.begin(command[0] ?? '', this.#options.loadingTimeoutMs, reject);
      const end = () => this.#end(call);
      this.#wire.send(command, false).finally(end).then(resolve, reject);
    });
  }
}

function isArgument(argument: unknown): boolean {
  return typeof argument === 'string' || argument instanceof Buffer;
}
