import { randomUUID } from 'node:crypto';
import { StackloreError } from '../../errors.ts';
import type { Database } from '../../redis/databases.ts';
import { readHash } from '../../redis/hash.ts';
import { runScript } from '../../redis/script.ts';
import { type Reindex, reindexLockRecord, reindexRecord } from '../../schema/knowledge.ts';
import { RELEASE_LOCK, RENEW_LOCK } from '../main/scripts/cache-lock.ts';
import type { Collection } from './collections.ts';

/** How often a lock is renewed within its time. */
const RENEWALS = 3;

/** The reindex of each collection that is not finished. */
export class Reindexes {
  readonly #database: Database;
  readonly #lockMs: number;

  constructor(database: Database, { lockMs = (reindexLockRecord.ttlSeconds ?? 15) * 1_000 } = {}) {
    this.#database = database;
    this.#lockMs = lockMs;
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
    const key = reindexLockRecord.key.build({ collection: name });
    const token = randomUUID();
    const ms = String(this.#lockMs);
    if ((await this.#database.send<string | null>(['SET', key, token, 'NX', 'PX', ms])) === null) {
      throw new StackloreError('busy', {
        message: `Another process is reindexing collection "${name}", or was ended a moment ago. Repeat in ${Math.ceil(this.#lockMs / 1_000)} s.`,
      });
    }
    const renew = () => {
      // Lost, it lets another process begin: each step may be done twice.
      runScript(this.#database, RENEW_LOCK, { keys: [key], args: [token, ms] }).catch(() => {});
    };
    const timer = setInterval(renew, Math.ceil(this.#lockMs / RENEWALS)).unref();
    try {
      return await work();
    } finally {
      clearInterval(timer);
      await runScript(this.#database, RELEASE_LOCK, { keys: [key], args: [token] }).catch(() => {});
    }
  }
}

function keyOf(collection: string): string {
  return reindexRecord.key.build({ collection });
}
