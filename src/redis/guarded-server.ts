import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { Socket } from 'node:net';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { StackloreError } from '../errors.ts';

/** How a guarded server is started: its output is appended to `log`. */
export interface ServerCommand {
  readonly command: string;
  readonly args: readonly string[];
  readonly log: string;
}

const GUARD_SCRIPT = fileURLToPath(new URL('./private-redis-guard.mjs', import.meta.url));

type GuardMessage =
  | { readonly folder: string }
  | { readonly pid: number }
  | { readonly exit: true; readonly reason: string };

interface Listener {
  readonly isWanted: (message: GuardMessage) => boolean;
  readonly resolve: (message: GuardMessage) => void;
}

/**
 * Starts the guard process (see private-redis-guard.mjs) with a temporary folder whose path begins with `prefix`.
 * Must be closed; does not keep this program alive by itself.
 */
export async function openGuard(prefix: string): Promise<GuardedServer> {
  const guard = spawn(process.execPath, [GUARD_SCRIPT, prefix], {
    detached: true,
    cwd: '/',
    stdio: ['pipe', 'pipe', 'ignore'],
    // Loaders and debuggers of this program are none of the guard's business.
    env: { ...process.env, NODE_OPTIONS: '' },
  });
  // Writing to a guard that was killed must not crash this program; its end is seen through `exit`.
  guard.stdin.on('error', () => undefined);
  const messages = createInterface({ input: guard.stdout });
  const [line] = await Promise.race([
    once(messages, 'line'),
    once(guard, 'exit').then((): [string] => {
      throw new StackloreError('server_failed', {
        message: `A temporary folder ${prefix}… cannot be made. Point TMPDIR at a folder this user can write to.`,
      });
    }),
  ]);
  const { folder } = JSON.parse(String(line)) as { folder: string }; // our own script's first message
  return new GuardedServer(guard, messages, folder);
}

/** A server behind a guard process: signalled by its handle, gone when this program is. */
export class GuardedServer {
  readonly folder: string;
  readonly #guard: ChildProcessByStdio<Writable, Readable, null>;
  readonly #gone: Promise<void>;
  #pid = 0;
  #running = false;
  #listeners: Listener[] = [];

  /** @internal */
  constructor(
    guard: ChildProcessByStdio<Writable, Readable, null>,
    messages: NodeJS.EventEmitter,
    folder: string,
  ) {
    this.#guard = guard;
    this.folder = folder;
    this.#gone = new Promise((resolve) => {
      const finish = (): void => {
        this.#running = false;
        this.#hear({ exit: true, reason: 'its guard process ended' });
        resolve();
      };
      if (guard.exitCode !== null || guard.signalCode !== null) finish();
      else guard.once('exit', finish);
    });
    messages.on('line', (line: string) => this.#hear(JSON.parse(line) as GuardMessage)); // our own script's messages
    this.#keepAlive(false);
  }

  /** Process id of the server, or of the last one when it has ended. */
  get pid(): number {
    return this.#pid;
  }

  /** Starts the server; `died` rejects with what `describe` makes of the reason as soon as it has ended. */
  async start(
    command: ServerCommand,
    describe: (reason: string) => Error,
  ): Promise<{ died: Promise<never> }> {
    if (this.#guard.exitCode !== null || this.#guard.signalCode !== null)
      throw describe('it was stopped for good');
    this.#running = true;
    const died = this.#ended().then((reason): never => {
      throw describe(reason);
    });
    const spawned = this.#next((message) => 'pid' in message);
    this.#tell({ start: command });
    await this.#awake(Promise.race([spawned, died]));
    return { died };
  }

  /** Signals the server, if it runs, and waits for its end. */
  async end(signal: NodeJS.Signals): Promise<void> {
    if (!this.#running) return;
    const ended = this.#ended();
    this.#tell({ signal });
    await this.#awake(ended);
  }

  /** Kills the server, removes the folder and ends the guard. */
  async close(): Promise<void> {
    this.#guard.stdin.end();
    await this.#awake(this.#gone);
  }

  #hear(message: GuardMessage): void {
    if ('pid' in message) this.#pid = message.pid;
    if ('exit' in message) this.#running = false;
    const heard = this.#listeners.filter(({ isWanted }) => isWanted(message));
    this.#listeners = this.#listeners.filter((listener) => !heard.includes(listener));
    for (const { resolve } of heard) resolve(message);
  }

  async #ended(): Promise<string> {
    const message = await this.#next((candidate) => 'exit' in candidate);
    return 'reason' in message ? message.reason : '';
  }

  #next(isWanted: (message: GuardMessage) => boolean): Promise<GuardMessage> {
    return new Promise((resolve) => {
      this.#listeners.push({ isWanted, resolve });
    });
  }

  #tell(order: object): void {
    this.#guard.stdin.write(`${JSON.stringify(order)}\n`);
  }

  async #awake<T>(work: Promise<T>): Promise<T> {
    this.#keepAlive(true);
    try {
      return await work;
    } finally {
      this.#keepAlive(false);
    }
  }

  #keepAlive(wanted: boolean): void {
    for (const handle of [this.#guard, this.#guard.stdin, this.#guard.stdout]) {
      if (handle instanceof Socket || handle === this.#guard) {
        if (wanted) handle.ref();
        else handle.unref();
      }
    }
  }
}
