import { isRead } from '../../src/redis/command.ts';
import type { CommandOptions, Database, RedisCommand } from '../../src/redis/databases.ts';

/** Says that the process that sent the commands was killed. */
export class Killed extends Error {}

/**
 * A database whose client is killed before the nth command: no other command of it reaches the server. With `writesOnly`
 * before the nth that may change anything: being killed before a read is being killed after the write before it.
 */
export class InterruptingDatabase implements Database {
  readonly name = 'knowledge';
  readonly isCluster = false;
  readonly #database: Database;
  readonly #writesOnly: boolean;
  #left: number;

  constructor(database: Database, commands: number, { writesOnly = false } = {}) {
    this.#database = database;
    this.#left = commands;
    this.#writesOnly = writesOnly;
  }

  /** Whether it came to an end before it was killed. */
  get isAlive(): boolean {
    return this.#left >= 0;
  }

  send<T>(command: RedisCommand, options?: CommandOptions): Promise<T> {
    return this.#step(this.#writesOnly && isRead(command) ? 0 : 1, () =>
      this.#database.send<T>(command, options),
    );
  }

  /** Commands of a pipeline reach the server one by one. */
  async pipeline<T>(commands: readonly RedisCommand[], options?: CommandOptions): Promise<T[]> {
    const replies: T[] = [];
    for (const command of commands) replies.push(await this.send<T>(command, options));
    return replies;
  }

  transaction<T>(commands: readonly RedisCommand[], options?: CommandOptions): Promise<T[]> {
    return this.#step(1, () => this.#database.transaction<T>(commands, options));
  }

  shards() {
    return this.#database.shards();
  }

  duplicate(): Database {
    return this.#database.duplicate();
  }

  async close(): Promise<void> {}

  async #step<T>(counts: number, run: () => Promise<T>): Promise<T> {
    this.#left -= counts;
    if (this.#left < 0) throw new Killed();
    return run();
  }
}
