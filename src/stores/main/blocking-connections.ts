import { setTimeout as sleep } from 'node:timers/promises';
import type { Database, RedisArgument, RedisCommand } from '../../redis/databases.ts';

/** A command that blocks, and what is to be carried out right before it. */
export interface BlockingCall {
  readonly before?: RedisCommand;
  /** Its first argument is a key. */
  readonly command: RedisCommand;
  /** Deadline of the answer, longer than the command may block. */
  readonly timeoutMs: number;
  /** Ends the blocking. What the command got nevertheless is still given. */
  readonly signal: AbortSignal;
}

const ASK_AGAIN_MS = 20;

/** Connections for commands that block: as many as block at the same time, kept for the next ones. */
export class BlockingConnections {
  readonly #database: Database;
  readonly #idle: Database[] = [];

  constructor(database: Database) {
    this.#database = database;
  }

  /** The reply of a command that blocks, `null` when it ended without one. */
  async send(call: BlockingCall): Promise<Buffer | null> {
    const connection = this.#idle.pop() ?? this.#database.duplicate();
    try {
      const reply = await this.#sendOn(connection, call);
      this.#idle.push(connection);
      return reply;
    } catch (error) {
      void connection.close();
      throw error;
    }
  }

  /** Closes those that are idle; end those that block by their signals first. */
  async close(): Promise<void> {
    await Promise.all(this.#idle.splice(0).map((connection) => connection.close()));
  }

  async #sendOn(
    connection: Database,
    { before, command, timeoutMs, signal }: BlockingCall,
  ): Promise<Buffer | null> {
    const [, key = ''] = command;
    // All three leave in one go, so the last is carried out right after the one before.
    const clientId = connection.send<number>(['CLIENT', 'ID'], { at: { key } }).catch(() => undefined);
    const prepared = before && connection.send(before);
    // A cluster may get them in another order.
    if (connection.isCluster) await prepared;
    const reply = connection.send<Buffer | null>(command, { buffers: true, timeoutMs });
    const answered = new AbortController();
    const unblock = () => void this.#unblock(clientId, key, answered.signal);
    if (signal.aborted) unblock();
    signal.addEventListener('abort', unblock, { once: true });
    try {
      return (await Promise.all([reply, prepared]))[0];
    } finally {
      answered.abort();
      signal.removeEventListener('abort', unblock);
    }
  }

  /** Cutting the connection could lose what is on its way; the server ends the command with or without a task. */
  async #unblock(
    clientId: Promise<number | undefined>,
    key: RedisArgument,
    answered: AbortSignal,
  ): Promise<void> {
    const id = await clientId;
    // Where these commands are not permitted, the command ends by its own timeout.
    while (id !== undefined && !answered.aborted) {
      const isSent = await this.#database.send(['CLIENT', 'UNBLOCK', String(id)], { at: { key } }).then(
        () => true,
        () => false,
      );
      if (!isSent) return;
      // It may not have begun to block when it was asked to stop.
      await sleep(ASK_AGAIN_MS, undefined, { signal: answered }).catch(() => {});
    }
  }
}
