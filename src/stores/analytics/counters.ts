import { RecordError, StackloreError } from '../../errors.ts';
import type { Database } from '../../redis/databases.ts';
import { scanKeys } from '../../redis/scan.ts';
import { namedWrongType } from '../../redis/wrong-type.ts';
import { COUNTER_WINDOWS, counterRecord } from '../../schema/analytics.ts';
import { integer } from '../../schema/fields.ts';
import { checkObject, checkWhole } from '../main/check-input.ts';
import { type Added, addTogether } from './add-together.ts';
import { CHECK_COUNTERS, INCREMENT_COUNTERS } from './scripts/increment-counters.ts';

/** How long a counter counts. */
export type CounterWindow = keyof typeof COUNTER_WINDOWS;

/** What to count up. */
export interface CounterIncrement {
  readonly metric: string;
  /** 1 unless given. */
  readonly by?: number | undefined;
  /** All three unless given. */
  readonly windows?: readonly CounterWindow[] | undefined;
}

/** The counts of a metric in the windows asked for; 0 where no window is open. */
export type Counts = Partial<Record<CounterWindow, number>>;

/** A counter in its current window. */
export interface CounterState {
  readonly metric: string;
  readonly window: CounterWindow;
  readonly count: number;
  /** Seconds until the window ends; 0 when none is open, absent when another program has set no TTL. */
  readonly resetSeconds?: number;
}

export const COUNTER_WINDOW_NAMES = ['1min', '1hour', '1day'] as const satisfies readonly CounterWindow[];
/** One addition. */
const MOST = 1_000_000_000_000;
const COUNTERS_PER_READ = 1_000;
const ADDITION = { add: INCREMENT_COUNTERS, check: CHECK_COUNTERS };

/** Counts of events in fixed windows, each of which begins with its first event. */
export class Counters {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Counts up in one or several windows at once; gives the counts as they are then. Throws `record_invalid`. */
  async increment(metric: string, options: Omit<CounterIncrement, 'metric'> = {}): Promise<Counts> {
    checkObject(options, 'counter option', ['by', 'windows']);
    const [counts = {}] = await this.incrementMany([{ metric, ...options }]);
    return counts;
  }

  /** Counts several metrics up in one step, all or none; gives their counts in the same order. */
  async incrementMany(increments: readonly CounterIncrement[]): Promise<Counts[]> {
    const records: Added[] = [];
    for (const { metric, by = 1, windows = COUNTER_WINDOW_NAMES } of increments) {
      checkWhole(by, 'by', { least: 1, most: MOST });
      for (const window of checkWindows(windows)) {
        const keys = counterRecord.key.candidates({ metric, window });
        records.push({ keys, args: [String(COUNTER_WINDOWS[window]), String(by)] });
      }
    }
    if (records.length === 0) return [];
    const isRefusal = (reply: number[] | string) => typeof reply === 'string';
    const replies = await this.#named(
      records.flatMap(({ keys }) => keys),
      () => addTogether(this.#database, ADDITION, { records, isRefusal }),
    );
    const counted = replies.flatMap((reply) => {
      if (typeof reply === 'string') throw notWhole(reply);
      return reply;
    });
    let at = 0;
    return increments.map(({ windows = COUNTER_WINDOW_NAMES }) => {
      const counts: Counts = {};
      for (const window of windows) counts[window] = counted[at++] ?? 0;
      return counts;
    });
  }

  /** The counters of one or several metrics in all windows, read in one round trip. */
  async read(metrics: string | readonly string[]): Promise<CounterState[]> {
    const names = typeof metrics === 'string' ? [metrics] : metrics;
    const wanted = names.flatMap((metric) => COUNTER_WINDOW_NAMES.map((window) => ({ metric, window })));
    return this.#read(wanted);
  }

  /** Every open counter by name, save those that hold no whole number; a scan of the database. */
  async list(): Promise<CounterState[]> {
    const found = new Map<string, { metric: string; window: CounterWindow }>();
    for await (const keys of scanKeys(this.#database, counterRecord.key.pattern, { type: 'string' })) {
      for (const key of keys) {
        const ids = counterRecord.key.parse(key);
        const window = COUNTER_WINDOW_NAMES.find((name) => name === ids?.window);
        if (ids && window) found.set(JSON.stringify([ids.metric, window]), { metric: ids.metric, window });
      }
    }
    const wanted = [...found.keys()].sort().flatMap((name) => found.get(name) ?? []);
    const states: CounterState[] = [];
    for (let at = 0; at < wanted.length; at += COUNTERS_PER_READ) {
      states.push(...(await this.#read(wanted.slice(at, at + COUNTERS_PER_READ), isWhole)));
    }
    return states.filter(({ resetSeconds }) => resetSeconds !== 0);
  }

  /** Ends the windows of a metric; gives how many were open. */
  async reset(metric: string): Promise<number> {
    const keys = COUNTER_WINDOW_NAMES.flatMap((window) => counterRecord.key.candidates({ metric, window }));
    return this.#database.send<number>(['UNLINK', ...keys]);
  }

  async #read(
    wanted: readonly { metric: string; window: CounterWindow }[],
    isWanted: (value: string) => boolean = () => true,
  ): Promise<CounterState[]> {
    const places = wanted.map((ids) => counterRecord.key.candidates(ids));
    const keys = places.flat();
    const replies = await this.#named(keys, () =>
      this.#database.pipeline<string | number | null>(
        keys.flatMap((key) => [
          ['GET', key],
          ['TTL', key],
        ]),
      ),
    );
    const found = new Map(keys.map((key, at) => [key, [replies[2 * at], replies[2 * at + 1]] as const]));
    return wanted.map((ids, at) => {
      const key = places[at]?.find((place) => typeof found.get(place)?.[0] === 'string');
      const [value, ttl] = found.get(key ?? '') ?? [];
      if (key === undefined || typeof value !== 'string' || !isWanted(value))
        return { ...ids, count: 0, resetSeconds: 0 };
      // A window of less than a second is open still.
      return {
        ...ids,
        count: decode(value, key),
        ...(Number(ttl) >= 0 && { resetSeconds: Number(ttl) || 1 }),
      };
    });
  }

  async #named<T>(keys: readonly string[], work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw await namedWrongType(this.#database, error, new Map(keys.map((key) => [key, 'string'])));
    }
  }
}

function checkWindows(windows: readonly CounterWindow[]): readonly CounterWindow[] {
  const isKnown =
    Array.isArray(windows) &&
    windows.length > 0 &&
    new Set(windows).size === windows.length &&
    windows.every((window) => COUNTER_WINDOW_NAMES.includes(window));
  if (isKnown) return windows;
  throw new StackloreError('invalid_input', {
    message: 'windows must name each of 1min, 1hour and 1day once at most, and at least one of them.',
  });
}

function isWhole(value: string): boolean {
  return /^[+-]?\d{1,15}$/.test(value);
}

function decode(value: string, key: string): number {
  try {
    return integer.decode(value);
  } catch {
    throw notWhole(key);
  }
}

function notWhole(key: string): RecordError {
  return new RecordError(key, [{ field: 'value', message: 'it is not a whole number' }]);
}
