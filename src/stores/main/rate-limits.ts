import { RecordError } from '../../errors.ts';
import { Availability, type AvailabilityOptions } from '../../redis/availability.ts';
import { keysForScript } from '../../redis/candidates.ts';
import type { Database } from '../../redis/databases.ts';
import { runScript } from '../../redis/script.ts';
import { namedWrongType } from '../../redis/wrong-type.ts';
import { rateLimitRecord } from '../../schema/main.ts';
import { checkObject, checkWhole } from './check-input.ts';
import { HIT_RATE_LIMIT } from './scripts/hit-rate-limit.ts';

/** How many requests a client may make in a window. */
export interface Rate {
  readonly limit?: number | undefined;
  readonly windowSeconds?: number | undefined;
}

/** The limits of a program. */
export interface RateLimitsOptions extends Rate, AvailabilityOptions {
  /** Endpoints with a limit or a window of their own. */
  readonly endpoints?: Readonly<Record<string, Rate>>;
  /** Without the database: `allow` every request, or `refuse` it. */
  readonly whenAway?: 'allow' | 'refuse';
}

/** How one request counts; limit and window instead of the endpoint's. */
export interface HitOptions extends Rate {
  /** How many requests this one counts for; 1. */
  readonly cost?: number;
}

/** What became of a request, and what the window still has. */
export interface RateDecision {
  readonly allowed: boolean;
  readonly limit: number;
  /** How many more requests the window has room for. */
  readonly remaining: number;
  /** Whole seconds until the window ends, for a Retry-After header; 0 when none is open. */
  readonly resetSeconds: number;
  /** When the window ends, by the server's clock. */
  readonly resetAt: Date;
  /** True when the database is away, and nothing was counted. */
  readonly isDegraded: boolean;
}

type Reply = readonly [allowed: number, count: number, leftMs: number, now: number] | readonly [key: string];

const DEFAULT_LIMIT = 60;
const DEFAULT_WINDOW_SECONDS = 60;
const HIGHEST_LIMIT = 1_000_000_000;
const LONGEST_WINDOW_SECONDS = 366 * 24 * 3_600;

/** Fixed windows, one counter for each client and endpoint, timed by the server. */
export class RateLimits {
  readonly #database: Database;
  readonly #defaults: { readonly limit: number; readonly windowSeconds: number };
  readonly #endpoints: ReadonlyMap<string, Rate>;
  readonly #whenAway: 'allow' | 'refuse';
  readonly #availability: Availability;

  constructor(database: Database, options: RateLimitsOptions = {}) {
    const { limit = DEFAULT_LIMIT, windowSeconds = DEFAULT_WINDOW_SECONDS } = options;
    this.#database = database;
    this.#defaults = { limit, windowSeconds };
    // A map: an endpoint may be called "constructor".
    this.#endpoints = new Map(Object.entries(options.endpoints ?? {}));
    this.#whenAway = options.whenAway ?? 'allow';
    this.#availability = new Availability(options);
  }

  /**
   * Counts a request, and says whether it may be served. A refused one is not counted and does not lengthen the window.
   * Throws `invalid_input` or `record_invalid`.
   */
  async hit(clientId: string, endpoint: string, options: HitOptions = {}): Promise<RateDecision> {
    checkObject(options, 'rate limit option', ['limit', 'windowSeconds', 'cost']);
    const { cost = 1, ...rate } = options;
    checkWhole(cost, 'cost', { least: 1, most: HIGHEST_LIMIT });
    return this.#decide({ clientId, endpoint }, rate, cost);
  }

  /** What the next request would be told, without counting it. */
  async peek(clientId: string, endpoint: string, rate: Rate = {}): Promise<RateDecision> {
    checkObject(rate, 'rate limit option', ['limit', 'windowSeconds']);
    return this.#decide({ clientId, endpoint }, rate, 0);
  }

  /** Forgets a client's window at an endpoint; tells whether one was open. */
  async reset(clientId: string, endpoint: string): Promise<boolean> {
    const keys = rateLimitRecord.key.candidates({ clientId, endpoint });
    return (await this.#database.send<number>(['UNLINK', ...keys])) > 0;
  }

  async #decide(
    ids: { clientId: string; endpoint: string },
    rate: Rate,
    cost: number,
  ): Promise<RateDecision> {
    const keys = rateLimitRecord.key.candidates(ids);
    const own = this.#endpoints.get(ids.endpoint);
    const limit = rate.limit ?? own?.limit ?? this.#defaults.limit;
    const windowSeconds = rate.windowSeconds ?? own?.windowSeconds ?? this.#defaults.windowSeconds;
    checkWhole(limit, 'limit', { least: 0, most: HIGHEST_LIMIT });
    checkWhole(windowSeconds, 'windowSeconds', { least: 1, most: LONGEST_WINDOW_SECONDS });
    const args = [String(limit), String(windowSeconds * 1_000), String(cost)];
    const reply = await this.#availability.ask(() => this.#run(keys, args));
    if (reply === undefined) return this.#withoutDatabase(limit);
    if (reply.length === 1) {
      throw new RecordError(reply[0], [{ field: 'value', message: 'it is not a whole number' }]);
    }
    const [allowed, count, leftMs, now] = reply;
    return {
      allowed: allowed === 1,
      limit,
      remaining: Math.max(0, limit - Math.max(0, count)),
      resetSeconds: Math.ceil(leftMs / 1_000),
      resetAt: new Date(now + leftMs),
      isDegraded: false,
    };
  }

  async #run(keys: readonly string[], args: readonly string[]): Promise<Reply> {
    try {
      const places = await keysForScript(this.#database, keys);
      return await runScript<Reply>(this.#database, HIT_RATE_LIMIT, { keys: places, args });
    } catch (error) {
      throw await namedWrongType(this.#database, error, new Map(keys.map((key) => [key, 'string'])));
    }
  }

  #withoutDatabase(limit: number): RateDecision {
    const allowed = this.#whenAway === 'allow';
    const remaining = allowed ? limit : 0;
    return { allowed, limit, remaining, resetSeconds: 0, resetAt: new Date(), isDegraded: true };
  }
}
