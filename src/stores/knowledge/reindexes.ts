import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { StackloreError } from '../../errors.ts';
import type { Database } from '../../redis/databases.ts';
import { readHash } from '../../redis/hash.ts';
import { type Reindex, reindexLockRecord, reindexRecord } from '../../schema/knowledge.ts';
import { keepRenewed, releaseLock, renewLock } from '../main/renewed-lock.ts';
import type { Collection } from './collections.ts';

/** What the tokens of those begin with who hold a lock for a step of an `auto` index only; a reindex waits for them. */
const TENDING = 'tending:';
/** Such a step is short; a killed one keeps others out for no longer. */
const TENDING_MS = 5_000;
const PAUSE_MS = 50;

/** The reindex of each collection that is not finished. */
export class Reindexes {
  readonly #database: Database;
  readonly #lockMs: number;
  readonly #tendingMs: number;

  constructor(
    database: Database,
    { lockMs = (reindexLockRecord.ttlSeconds ?? 15) * 1_000, tendingMs = TENDING_MS } = {},
  ) {
    this.#database = database;
    this.#lockMs = lockMs;
    this.#tendingMs = tendingMs;
  }

  /** The reindex of a collection, or `undefined`; one of an earlier collection of that name is none. */
  async find({ name, createdAt }: Pick<Collection, 'name' | 'createdAt'>): Promise<Reindex | undefined> {
    const reindex = await readHash(this.#database, reindexRecord, keyOf(name));
    const { encode } = reindexRecord.fields.collectionCreatedAt;
    return reindex && encode(reindex.collectionCreatedAt) === encode(createdAt) ? reindex : undefined;
  }

  async save(name: string, reindex: Reindex): Promise<void> {
    const key = keyOf(name);
    await this.#database.transaction([
      ['UNLINK', key],
      ['HSET', key, ...reindexRecord.encode(reindex)],
    ]);
  }

  /** Forgets a reindex whose leftovers are gone already. */
  async delete(name: string): Promise<void> {
    await this.#database.send(['UNLINK', keyOf(name)]);
  }

  /**
   * Does work that one process at a time may do for a collection. Throws `busy` while another does; after one that was
   * killed for at most the time of the lock.
   */
  async locked<T>(name: string, work: () => Promise<T>): Promise<T> {
    const key = lockKeyOf(name);
    const token = randomUUID();
    const until = performance.now() + TENDING_MS;
    while (!(await this.#lock(key, token, this.#lockMs))) {
      const holder = (await this.#database.send<string | null>(['GET', key])) ?? TENDING;
      if (holder.startsWith(TENDING) && performance.now() < until) {
        await sleep(PAUSE_MS);
        continue;
      }
      throw new StackloreError('busy', {
        message: `Another process is reindexing collection "${name}", or was ended a moment ago. Repeat in ${Math.ceil(this.#lockMs / 1_000)} s.`,
      });
    }
    return this.#holding({ key, token, ms: this.#lockMs }, work, async () => {
      await releaseLock(this.#database, { key, token });
    });
  }

  /**
   * Does a short step for a collection's index while nobody else changes its indexes, and keeps others out for as long as it
   * says. Gives `undefined`, with nothing done, while another process does.
   */
  async tending<T>(
    name: string,
    work: () => Promise<{ readonly result: T; readonly keepMs: number }>,
  ): Promise<T | undefined> {
    const key = lockKeyOf(name);
    const token = `${TENDING}${randomUUID()}`;
    if (!(await this.#lock(key, token, this.#tendingMs))) return undefined;
    let keepMs = 0;
    return this.#holding(
      { key, token, ms: this.#tendingMs },
      async () => {
        const done = await work();
        keepMs = done.keepMs;
        return done.result;
      },
      async () => {
        if (keepMs === 0) await releaseLock(this.#database, { key, token });
        else await renewLock(this.#database, { key, token }, keepMs);
      },
    );
  }

  async #lock(key: string, token: string, ms: number): Promise<boolean> {
    return (await this.#database.send<string | null>(['SET', key, token, 'NX', 'PX', String(ms)])) !== null;
  }

  async #holding<T>(
    { key, token, ms }: { readonly key: string; readonly token: string; readonly ms: number },
    work: () => Promise<T>,
    end: () => Promise<void>,
  ): Promise<T> {
    // Lost, it lets another process begin: each step may be done twice.
    const stop = keepRenewed(this.#database, { keys: [key], token, ms });
    try {
      return await work();
    } finally {
      stop();
      await end().catch(() => {});
    }
  }
}

function lockKeyOf(collection: string): string {
  return reindexLockRecord.key.build({ collection });
}

function keyOf(collection: string): string {
  return reindexRecord.key.build({ collection });
}
