import { StackloreError } from '../../errors.ts';
import type { CommandOptions, Database } from '../../redis/databases.ts';
import { type UnreadableRecord, unreadable } from '../../redis/hash.ts';
import { scanKeys } from '../../redis/scan.ts';
import { type Usage, usageRecord } from '../../schema/analytics.ts';
import { snakeCase } from '../../schema/fields.ts';
import type { Page } from '../knowledge/documents.ts';
import { checkObject, checkPage, checkWhole } from '../main/check-input.ts';
import { readRecords } from '../read-records.ts';
import { type Added, addToHashes } from './add-together.ts';
import { bucketOf, bucketsBetween, checkDay, type TimeRange } from './bucket.ts';
import { ADD_USAGE, CHECK_USAGE } from './scripts/add-usage.ts';

/** What to add to a user's day; what is absent adds nothing. */
export interface UsageIncrement extends Partial<Usage> {
  readonly userId: string;
  /** `2025-01-15`; today unless given. */
  readonly date?: string;
}

/** What a user used on a day. */
export interface DailyUsage extends Usage {
  readonly date: string;
  readonly userId: string;
}

/** The days of a user that hold anything, oldest first, and their sum. */
export interface UsageRange {
  readonly days: DailyUsage[];
  readonly total: Usage;
  /** Days whose records cannot be read; not in the sum. */
  readonly unreadable: readonly UnreadableRecord[];
}

/** Users of a day, and the records that cannot be read. */
export interface UsagePage extends Page<DailyUsage> {
  readonly unreadable: readonly UnreadableRecord[];
}

/** The fields of a usage record. */
export const USAGE_FIELDS = ['requests', 'tokensIn', 'tokensOut', 'llmCalls', 'kbQueries'] as const;
const WIRE_NAMES = USAGE_FIELDS.map(snakeCase);
const INCREMENT_FIELDS = ['userId', 'date', ...USAGE_FIELDS];
/** One addition; far above what a user has in a day. */
const MOST = 1_000_000_000_000;
const RECORDS_PER_WRITE = 500;
const ADDITION = { add: ADD_USAGE, check: CHECK_USAGE, head: [String(WIRE_NAMES.length), ...WIRE_NAMES] };

/** Requests, tokens, model calls and knowledge-base queries by day and user. */
export class UsageLog {
  readonly #database: Database;
  readonly #now: () => number;

  constructor(database: Database, { now = Date.now } = {}) {
    this.#database = database;
    this.#now = now;
  }

  /**
   * Adds to the days of one or many users, up to 500 in one step. Throws `record_invalid`, with nothing of the step
   * written, when a record holds a field that is no whole number.
   */
  async add(
    increments: UsageIncrement | readonly UsageIncrement[],
    options: CommandOptions = {},
  ): Promise<void> {
    const all = isList(increments) ? increments : [increments];
    const places = all.map((increment) => {
      checkObject(increment, 'usage', INCREMENT_FIELDS);
      const { userId, date = bucketOf(this.#now(), 'day') } = increment;
      const amounts = USAGE_FIELDS.map((name) => {
        const amount = increment[name] ?? 0;
        checkWhole(amount, name, { least: 0, most: MOST });
        return String(amount);
      });
      return { keys: usageRecord.key.candidates({ date: checkDay(date), userId }), args: amounts };
    });
    for (let at = 0; at < places.length; at += RECORDS_PER_WRITE) {
      await this.#add(places.slice(at, at + RECORDS_PER_WRITE), options);
    }
  }

  /** What a user used on a day, or `undefined`. */
  async find(userId: string, date = bucketOf(this.#now(), 'day')): Promise<DailyUsage | undefined> {
    const { found, errors } = await this.#read([{ userId, date: checkDay(date) }]);
    if (errors[0]) throw errors[0];
    return found[0];
  }

  /** What a user used on a day. Throws `not_found`. */
  async get(userId: string, date = bucketOf(this.#now(), 'day')): Promise<DailyUsage> {
    const found = await this.find(userId, date);
    if (found) return found;
    throw new StackloreError('not_found', {
      message: `User "${userId}" used nothing on ${date}. See stacklore usage day for who did.`,
    });
  }

  /** A user's days, read in one round trip. */
  async rangeOfUser(userId: string, range: TimeRange): Promise<UsageRange> {
    checkObject(range, 'range', ['from', 'to']);
    const dates = bucketsBetween(range, 'day', this.#now());
    const { found: days, errors } = await this.#read(dates.map((date) => ({ userId, date })));
    const total = { requests: 0, tokensIn: 0, tokensOut: 0, llmCalls: 0, kbQueries: 0 };
    for (const day of days) for (const name of USAGE_FIELDS) total[name] += day[name];
    return { days, total, unreadable: errors.map(unreadable) };
  }

  /** The users of a day by id; a scan of the database. */
  async listDay(date = bucketOf(this.#now(), 'day'), { offset = 0, limit = 100 } = {}): Promise<UsagePage> {
    checkPage({ offset, limit });
    const { key: template } = usageRecord;
    const userIds = new Set<string>();
    for (const pattern of template.patternsOf({ date: checkDay(date) })) {
      for await (const keys of scanKeys(this.#database, pattern, { type: 'hash' })) {
        for (const key of keys) {
          const ids = template.parse(key);
          if (ids?.date === date) userIds.add(ids.userId);
        }
      }
    }
    const page = [...userIds].sort().slice(offset, offset + limit);
    const { found: items, errors } = await this.#read(page.map((userId) => ({ userId, date })));
    return { items, total: userIds.size, unreadable: errors.map(unreadable) };
  }

  async #add(records: readonly Added[], options: CommandOptions): Promise<void> {
    await addToHashes(this.#database, ADDITION, { records, ...options });
  }

  async #read(ids: readonly { userId: string; date: string }[]) {
    const places = ids.map((id) => ({ id, keys: usageRecord.key.candidates(id) }));
    const { found, errors } = await readRecords(this.#database, usageRecord, places);
    return {
      found: found.map(({ id: { date, userId }, value }) => ({ date, userId, ...value })),
      errors: errors.map(({ error }) => error),
    };
  }
}

function isList<T>(value: T | readonly T[]): value is readonly T[] {
  return Array.isArray(value);
}
