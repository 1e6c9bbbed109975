import type { CommandOptions, Database, RedisCommand } from '../../../../src/redis/databases.ts';

/** Says that the process that sent the commands was killed. */
export class Killed extends Error {}

/** A database whose client is killed before the nth command: no other command of it reaches the server. */
export class InterruptingDatabase implements Database {
  readonly name = 'knowledge';
  readonly isCluster = false;
  readonly #database: Database;
  #left: number;

  constructor(database: Database, commands: number) {
    this.#database = database;
    this.#left = commands;
  }

  /** Whether it came to an end before it was killed. */
  get isAlive(): boolean {
    return this.#left >= 0;
  }

  send<T>(command: RedisCommand, options?: CommandOptions): Promise<T> {
    return this.#step(() => this.#database.send<T>(command, options));
  }

  /** Commands of a pipeline reach the server one by one. */
  async pipeline<T>(commands: readonly RedisCommand[], options?: CommandOptions): Promise<T[]> {
    const replies: T[] = [];
    for (const command of commands) replies.push(await this.send<T>(command, options));
    return replies;
  }

  transaction<T>(commands: readonly RedisCommand[], options?: CommandOptions): Promise<T[]> {
    return this.#step(() => this.#database.transaction<T>(commands, options));
  }

  shards() {
    return this.#database.shards();
  }

  duplicate(): Database {
    return this.#database.duplicate();
  }

  async close(): Promise<void> {}

  async #step<T>(run: () => Promise<T>): Promise<T> {
    this.#left -= 1;
    if (this.#left < 0) throw new Killed();
    return run();
  }
}
