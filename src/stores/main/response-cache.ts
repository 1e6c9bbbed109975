import { StackloreError } from '../../errors.ts';
import { Availability, type AvailabilityOptions } from '../../redis/availability.ts';
import type { Database } from '../../redis/databases.ts';
import { isWrongType, namedWrongType } from '../../redis/wrong-type.ts';
import {
  type CacheAddress,
  type CachedEndpoint,
  type CachePlace,
  endpointHashOf,
  placeOf,
} from './cache-address.ts';
import { decodeBody, encodeBody, fitsInto, readBody } from './cache-body.ts';
import { countBodies, type EndpointEntries, removeBodies } from './cache-contents.ts';
import { CacheLock } from './cache-lock.ts';
import { checkObject, checkWhole } from './check-input.ts';
import { Flights } from './flights.ts';

/** How the cache of a program behaves. */
export interface ResponseCacheOptions extends AvailabilityOptions {
  /** How long bodies are kept where a call does not say; 300. */
  readonly ttlSeconds?: number;
  /** Longer bodies are given to the caller but not kept, in UTF-8 bytes; 4 MiB. */
  readonly maxBodyBytes?: number;
  /** Without the database: `compute` each answer, or `throw` what is wrong with it. */
  readonly whenAway?: 'compute' | 'throw';
  /** How long a computing process that died keeps others waiting; 10,000. */
  readonly lockMs?: number;
}

/** How one answer is cached. */
export interface ComputeOptions<T> {
  readonly ttlSeconds?: number | undefined;
  /** How long to wait for another process that computes the same; then it is computed here too. 30,000. */
  readonly waitMs?: number | undefined;
  /** Whether a computed value may be kept. */
  readonly keep?: (value: T) => boolean;
}

/** A value, and whether it came from the cache or from another's computation. */
export interface CacheAnswer<T> {
  readonly value: T;
  readonly cached: boolean;
}

/** A cached body as stored. */
export interface CachedBody {
  readonly key: string;
  readonly value: unknown;
  /** Seconds until it goes; absent when another writer set none. */
  readonly ttlSeconds?: number;
}

/** What the cache has done and holds. */
export interface CacheStats {
  readonly hits: number;
  readonly misses: number;
  readonly entries: number;
  readonly endpoints: readonly EndpointEntries[];
}

/** The JSON of an answer and its value, which belongs to the caller who fetched it. */
interface Landed {
  readonly body: string;
  readonly value: unknown;
  readonly cached: boolean;
}

const DEFAULT_TTL_SECONDS = 300;
const DEFAULT_WAIT_MS = 30_000;
const DEFAULT_LOCK_MS = 10_000;
const DEFAULT_MAX_BODY_BYTES = 4 * 1024 * 1024;
const LONGEST_TTL_SECONDS = 366 * 24 * 3_600;
const LONGEST_WAIT_MS = 3_600_000;

/** JSON bodies kept for a while; of all who ask for an absent one, in whatever process, one computes it. */
export class ResponseCache {
  readonly #database: Database;
  readonly #options: Required<Omit<ResponseCacheOptions, keyof AvailabilityOptions>>;
  readonly #availability: Availability;
  readonly #lock: CacheLock;
  /** Answers being fetched by this process, by key. */
  readonly #flights = new Flights<Landed>();

  constructor(database: Database, options: ResponseCacheOptions = {}) {
    const { ttlSeconds = DEFAULT_TTL_SECONDS, maxBodyBytes = DEFAULT_MAX_BODY_BYTES } = options;
    const { whenAway = 'compute', lockMs = DEFAULT_LOCK_MS } = options;
    this.#database = database;
    this.#options = { ttlSeconds, maxBodyBytes, whenAway, lockMs };
    this.#availability = new Availability(options);
    this.#lock = new CacheLock(database, lockMs);
  }

  /**
   * The cached value, or the computed one, which is cached then. `compute` gives a JSON value and runs once for all
   * callers with this address, of other processes too; its errors reach the caller, are not kept, and let the next one
   * try. The answer is the caller's own to change. Throws `invalid_input` for a value JSON cannot hold.
   */
  async getOrCompute<T>(
    address: CacheAddress,
    compute: () => T | Promise<T>,
    options: ComputeOptions<T> = {},
  ): Promise<CacheAnswer<T>> {
    const place = placeOf(this.#database, address);
    checkObject(options, 'cache option', ['ttlSeconds', 'waitMs', 'keep']);
    if (options.ttlSeconds !== undefined) checkTtl(options.ttlSeconds);
    if (options.waitMs !== undefined)
      checkWhole(options.waitMs, 'waitMs', { least: 0, most: LONGEST_WAIT_MS });
    const key = place.keys.at(-1) as string; // a place has one key at least
    for (let failures = 0; ; ) {
      const landing = this.#flights.find(key);
      if (!landing) {
        const fetch = () => this.#fetch(place, compute, options);
        const { value, cached } = await this.#flights.take(key, place.endpointHash, fetch);
        return { value: value as T, cached };
      }
      try {
        const { body } = await landing;
        this.#lock.count({ hits: 1 });
        return { value: JSON.parse(body) as T, cached: true };
      } catch (error) {
        // The one computation that failed was another caller's: try again, but not as often as there are callers.
        failures += 1;
        if (failures === 2) throw error;
      }
    }
  }

  /**
   * The cached value, counted as a hit, or `undefined`: nothing that can be read is there, or the database is away. Nobody
   * is waited for.
   */
  async take<T>(address: CacheAddress): Promise<T | undefined> {
    const reads = placeOf(this.#database, address).keys.map((key) => ['GET', key]);
    const bodies = await this.#ask(() =>
      this.#database.pipeline<string | null>(reads).catch((error: unknown) => {
        if (isWrongType(error)) return [];
        throw error;
      }),
    );
    const body = bodies?.find((one) => one !== null);
    const value = body ? readBody(body) : undefined;
    if (value !== undefined) this.#lock.count({ hits: 1 });
    return value as T | undefined;
  }

  /** The body at an address as stored, or `undefined`. Not counted. Throws `record_invalid` for what is no JSON. */
  async find(address: CacheAddress): Promise<CachedBody | undefined> {
    const { keys } = placeOf(this.#database, address);
    const commands = keys.flatMap((key) => [
      ['GET', key],
      ['PTTL', key],
    ]);
    const replies = await this.#database
      .pipeline<string | number | null>(commands)
      .catch(async (error: unknown) => {
        throw await namedWrongType(this.#database, error, new Map(keys.map((key) => [key, 'string'])));
      });
    for (const [index, key] of keys.entries()) {
      const [body, ttlMs] = [replies[index * 2], replies[index * 2 + 1]];
      if (typeof body !== 'string') continue;
      const left = Number(ttlMs) < 0 ? {} : { ttlSeconds: Math.ceil(Number(ttlMs) / 1_000) };
      return { key, value: decodeBody(body, key), ...left };
    }
    return undefined;
  }

  /** The body at an address as stored. Throws `not_found`. */
  async get(address: CacheAddress): Promise<CachedBody> {
    const body = await this.find(address);
    if (body) return body;
    throw new StackloreError('not_found', {
      message: `Nothing is cached at "${placeOf(this.#database, address).keys.at(-1)}". It may have expired; stacklore cache stats shows what there is.`,
    });
  }

  /** Caches a value, in place of what is there and of what is being computed. Throws `too_large`. */
  async save(
    address: CacheAddress,
    value: unknown,
    { ttlSeconds = this.#options.ttlSeconds }: { ttlSeconds?: number } = {},
  ): Promise<void> {
    const { keys, lock } = placeOf(this.#database, address);
    checkTtl(ttlSeconds);
    const body = encodeBody(value);
    if (!fitsInto(body, this.#options.maxBodyBytes)) {
      throw new StackloreError('too_large', {
        message: `The body has more than ${this.#options.maxBodyBytes} bytes. Cache a shorter one, or raise responseCache.maxBodyBytes.`,
      });
    }
    const key = keys.at(-1) as string; // a place has one key at least
    this.#flights.leave(key);
    await this.#database.transaction([
      ['SET', key, body, 'EX', String(ttlSeconds)],
      // Without its lock, what is being computed is not kept in place of this.
      ['UNLINK', lock, ...keys.slice(0, -1)],
    ]);
  }

  /** Forgets one body, also one that is being computed; tells whether there was one. */
  async delete(address: CacheAddress): Promise<boolean> {
    const { keys, lock } = placeOf(this.#database, address);
    this.#flights.leave(keys.at(-1) as string);
    const [removed = 0] = await this.#database.transaction<number>([
      ['UNLINK', ...keys],
      ['UNLINK', lock],
    ]);
    return removed > 0;
  }

  /**
   * Forgets all bodies of an endpoint and gives how many there were. What is being computed meanwhile is not kept.
   * Other endpoints are not touched.
   */
  async invalidate(endpoint: CachedEndpoint): Promise<number> {
    checkObject(endpoint, 'endpoint', ['endpoint', 'endpointName']);
    const endpointHash = endpointHashOf(endpoint);
    this.#flights.leaveAll(endpointHash);
    return removeBodies(this.#database, endpointHash);
  }

  /** Forgets all bodies of all endpoints and gives how many there were; the counts stay. */
  async clear(): Promise<number> {
    this.#flights.leaveAll();
    return removeBodies(this.#database);
  }

  /** Hits and misses so far, and how many bodies there are now. */
  async stats(): Promise<CacheStats> {
    const { hits, misses } = await this.#lock.counts();
    const endpoints = await countBodies(this.#database);
    const entries = endpoints.reduce((sum, one) => sum + one.entries, 0);
    return { hits, misses, entries, endpoints };
  }

  async #fetch<T>(
    place: CachePlace,
    compute: () => T | Promise<T>,
    options: ComputeOptions<T>,
  ): Promise<Landed> {
    const { ttlSeconds = this.#options.ttlSeconds, waitMs = DEFAULT_WAIT_MS, keep = () => true } = options;
    const claim = await this.#lock.claim(place, { waitMs, ask: (work, onLate) => this.#ask(work, onLate) });
    if (claim.state === 'found') return { body: claim.body, value: claim.value, cached: true };
    if (claim.state === 'without') return computed(await compute());
    const held = this.#lock.hold(place, claim.token);
    try {
      const value = await compute();
      const answer = computed(value);
      if (keep(value) && fitsInto(answer.body, this.#options.maxBodyBytes)) {
        await this.#ask(() => held.store(answer.body, ttlSeconds));
      } else {
        await this.#ask(() => held.release());
      }
      return answer;
    } catch (error) {
      // What failed is the news; a lock that cannot be given back ends by itself.
      await this.#ask(() => held.release()).catch(() => {});
      throw error;
    }
  }

  /** What the database answers, or `undefined` when it is away and the cache is to do without. */
  async #ask<T extends NonNullable<unknown>>(
    work: () => Promise<T>,
    onLate?: (answer: T) => void,
  ): Promise<T | undefined> {
    if (this.#options.whenAway === 'throw') return work();
    return this.#availability.ask(work, onLate && { onLate });
  }
}

/** The caller gets what the JSON holds, as the next one will, not what it was made of. */
function computed(value: unknown): Landed {
  const body = encodeBody(value);
  return { body, value: JSON.parse(body), cached: false };
}

function checkTtl(ttlSeconds: number): void {
  checkWhole(ttlSeconds, 'ttlSeconds', { least: 1, most: LONGEST_TTL_SECONDS });
}
