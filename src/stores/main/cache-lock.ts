import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Database } from '../../redis/databases.ts';
import { pipelineScript, runScript } from '../../redis/script.ts';
import { isWrongType, namedWrongType } from '../../redis/wrong-type.ts';
import { cacheStatsRecord } from '../../schema/main.ts';
import type { CachePlace } from './cache-address.ts';
import { readBody } from './cache-body.ts';
import { keepRenewed, releaseLock } from './renewed-lock.ts';
import { LOOK_UP_BODY, LOOK_UP_BODY_UNCOUNTED, LOOKED_UP } from './scripts/look-up-body.ts';
import { STORE_BODY } from './scripts/store-body.ts';

/** Asks the database, or gives `undefined` when it is away; an answer that comes too late goes to `onLate`. */
export type Ask = <T extends NonNullable<unknown>>(
  work: () => Promise<T>,
  onLate?: (answer: T) => void,
) => Promise<T | undefined>;

/** What came of a look-up: the body, the right to compute it, or nothing, so that it is computed without. */
export type Claim =
  | { readonly state: 'found'; readonly body: string; readonly value: unknown }
  | { readonly state: 'locked'; readonly token: string }
  | { readonly state: 'without' };

/** A lock that is renewed until its body is stored or it is released. */
export interface HeldLock {
  /** Keeps the body if the lock is still held. Gives whether it was. */
  store(body: string, ttlSeconds: number): Promise<boolean>;
  release(): Promise<boolean>;
}

/** One of `LOOKED_UP`, and the body if there was one a moment later. */
type Reply = readonly [state: number, body: string | undefined];

const FIRST_PAUSE_MS = 5;
const LONGEST_PAUSE_MS = 100;
const PAUSE_GROWTH = 1.5;
/** Of so many bodies it is remembered that they were there; then all are forgotten. */
const MOST_KNOWN = 10_000;

/** Lets one process compute what many look up, and counts what they met. */
export class CacheLock {
  readonly #database: Database;
  readonly #lockMs: number;
  readonly #stats = cacheStatsRecord.key.build({});
  /** Tokens are this and a number: a random one for each look-up would cost more than the rest of it. */
  readonly #id = randomUUID();
  #claims = 0;
  /** Counted here, not yet in Redis: sent along with the next look-up. */
  #uncounted = { hits: 0, misses: 0 };
  /** Places of bodies that were there when this process looked last. */
  readonly #known = new Set<string>();

  constructor(database: Database, lockMs: number) {
    this.#database = database;
    this.#lockMs = lockMs;
  }

  /** Counts what needed no look-up of its own. */
  count({ hits = 0, misses = 0 }: { hits?: number; misses?: number }): void {
    this.#uncounted.hits += hits;
    this.#uncounted.misses += misses;
  }

  /** Looks a body up; while another process computes it, again and again for `waitMs`. */
  async claim(place: CachePlace, { waitMs, ask }: { waitMs: number; ask: Ask }): Promise<Claim> {
    const found = this.#known.has(place.lock) ? await this.#findKnown(place, ask) : undefined;
    if (found) return found;
    this.#claims += 1;
    const token = `${this.#id}:${this.#claims}`;
    const until = performance.now() + waitMs;
    const releaseLate = ([state]: Reply) => {
      // Nobody waits for this: it ends by itself, if later.
      if (state === LOOKED_UP.locked) this.#release(place, token).catch(() => {});
    };
    let pauseMs = FIRST_PAUSE_MS;
    for (let isUnreadable = false; ; ) {
      const reply = await ask(() => this.#lookUp(place, { token, isUnreadable }), releaseLate);
      const [state, body] = reply ?? [];
      if (state === LOOKED_UP.locked) return { state: 'locked', token };
      if (state === LOOKED_UP.found) {
        const value = body === undefined ? undefined : readBody(body);
        if (body !== undefined && value !== undefined) {
          this.#remember(place);
          return { state: 'found', body, value };
        }
        this.#uncounted.hits -= 1;
        isUnreadable = body !== undefined;
        continue;
      }
      const leftMs = until - performance.now();
      if (reply === undefined || leftMs <= 0) {
        this.#uncounted.misses += 1;
        return { state: 'without' };
      }
      isUnreadable = false;
      await sleep(Math.min(pauseMs, leftMs));
      pauseMs = Math.min(pauseMs * PAUSE_GROWTH, LONGEST_PAUSE_MS);
    }
  }

  /** Renews a claimed lock for as long as the computation takes. */
  hold(place: CachePlace, token: string): HeldLock {
    // Without the database the lock ends and another may compute the same: no harm to this answer.
    const stop = keepRenewed(this.#database, { keys: [place.lock], token, ms: this.#lockMs });
    return {
      store: async (body, ttlSeconds) => {
        stop();
        const keys = [place.lock, ...place.keys];
        const args = [token, body, String(ttlSeconds)];
        const store = () => runScript<number>(this.#database, STORE_BODY, { keys, args });
        const isKept = (await this.#named(place, store)) === 1;
        if (isKept) this.#remember(place);
        return isKept;
      },
      release: () => {
        stop();
        return this.#release(place, token);
      },
    };
  }

  /** All hits and misses so far. */
  async counts(): Promise<{ hits: number; misses: number }> {
    const key = this.#stats;
    const [, , counts = []] = await this.#counted(({ hits, misses }) =>
      this.#database
        .pipeline<(string | null)[]>([
          ['HINCRBY', key, 'hits', String(hits)],
          ['HINCRBY', key, 'misses', String(misses)],
          ['HMGET', key, 'hits', 'misses'],
        ])
        .catch(async (error: unknown) => {
          throw await namedWrongType(this.#database, error, new Map([[key, 'hash']]));
        }),
    );
    const [hits, misses] = counts;
    return { hits: Number(hits), misses: Number(misses) };
  }

  /**
   * A body that was there lately: read and counted without a script, which would take as long as all the rest.
   * `undefined` when it is gone, or is not what it should be: the look-up knows what to do then.
   */
  async #findKnown(place: CachePlace, ask: Ask): Promise<Claim | undefined> {
    const reads = place.keys.map((key) => ['GET', key]);
    const replies = await ask(() =>
      this.#counted(({ hits, misses }) => {
        const counting = [['HINCRBY', this.#stats, 'hits', String(hits + 1)]];
        if (misses !== 0) counting.push(['HINCRBY', this.#stats, 'misses', String(misses)]);
        return this.#database
          .pipeline<string | number | null>([...reads, ...counting])
          .catch((error: unknown) => {
            if (isWrongType(error)) return [];
            throw error;
          });
      }),
    );
    // Away: the look-up is not asked again then, and counts it.
    if (replies === undefined) return undefined;
    const body = replies.slice(0, reads.length).find((reply) => typeof reply === 'string' && reply !== '');
    const value = typeof body === 'string' ? readBody(body) : undefined;
    if (typeof body === 'string' && value !== undefined) return { state: 'found', body, value };
    this.#known.delete(place.lock);
    this.#uncounted.hits -= 1;
    return undefined;
  }

  #remember({ lock }: CachePlace): void {
    if (this.#known.size === MOST_KNOWN) this.#known.clear();
    this.#known.add(lock);
  }

  #lookUp(
    place: CachePlace,
    { token, isUnreadable }: { token: string; isUnreadable: boolean },
  ): Promise<Reply> {
    const keys = [this.#stats, place.lock, ...place.keys];
    const reads = place.keys.map((key) => ['GET', key]);
    if (this.#database.isCluster) return this.#lookUpUncounted(place, { token, isUnreadable });
    return this.#counted(({ hits, misses }) => {
      const args = [token, String(this.#lockMs), String(hits), String(misses), isUnreadable ? '1' : '0'];
      return this.#named(place, async () => {
        const call = { keys, args, reads };
        const [state, ...bodies] = await pipelineScript<string | null>(this.#database, LOOK_UP_BODY, call);
        return [Number(state), bodies.find((body) => body) ?? undefined];
      });
    });
  }

  /** Of a cluster: the counts lie in another slot, so they follow. */
  async #lookUpUncounted(
    place: CachePlace,
    { token, isUnreadable }: { token: string; isUnreadable: boolean },
  ): Promise<Reply> {
    const call = {
      keys: [place.lock, place.lock, ...place.keys],
      args: [token, String(this.#lockMs), '', '', isUnreadable ? '1' : '0'],
      reads: place.keys.map((key) => ['GET', key]),
    };
    const [first, ...bodies] = await this.#named(place, () =>
      pipelineScript<string | null>(this.#database, LOOK_UP_BODY_UNCOUNTED, call),
    );
    const state = Number(first);
    if (state === LOOKED_UP.found) this.count({ hits: 1 });
    if (state === LOOKED_UP.locked) this.count({ misses: 1 });
    // Nobody waits for it; what does not arrive is counted with the next.
    if (state !== LOOKED_UP.underWay) this.counts().catch(() => {});
    return [state, bodies.find((body) => body) ?? undefined];
  }

  #release({ lock }: CachePlace, token: string): Promise<boolean> {
    return releaseLock(this.#database, { key: lock, token });
  }

  /** Hands over what is to be counted, and takes it back when it did not arrive. */
  #counted<T>(send: (counts: { hits: number; misses: number }) => Promise<T>): Promise<T> {
    const counts = this.#uncounted;
    this.#uncounted = { hits: 0, misses: 0 };
    return send(counts).catch((error: unknown) => {
      this.count(counts);
      throw error;
    });
  }

  #named<T>({ keys, lock }: CachePlace, work: () => Promise<T>): Promise<T> {
    return work().catch(async (error: unknown) => {
      const strings = [...keys, lock].map((key) => [key, 'string'] as const);
      throw await namedWrongType(this.#database, error, new Map([...strings, [this.#stats, 'hash']]));
    });
  }
}
