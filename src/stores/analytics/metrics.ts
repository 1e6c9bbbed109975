import { StackloreError } from '../../errors.ts';
import type { CommandOptions, Database } from '../../redis/databases.ts';
import { type UnreadableRecord, unreadable } from '../../redis/hash.ts';
import { scanKeys } from '../../redis/scan.ts';
import { type Metric, metricRecord } from '../../schema/analytics.ts';
import { checkObject } from '../main/check-input.ts';
import { readRecords } from '../read-records.ts';
import { type Added, addToHashes } from './add-together.ts';
import {
  bucketOf,
  bucketsBetween,
  momentOf,
  parseBucket,
  type Resolution,
  type TimeRange,
} from './bucket.ts';
import { CHECK_METRICS, RECORD_METRICS } from './scripts/record-metrics.ts';

/** One measured value. */
export interface Observation {
  readonly service: string;
  readonly metricName: string;
  readonly value: number;
  /** When it was measured; now unless given. */
  readonly at?: Date;
}

/** Many values of one metric within one hour, added up. */
export interface MetricSummary extends Omit<Metric, 'avg'> {
  readonly service: string;
  readonly metricName: string;
  /** A moment of that hour, in Unix milliseconds. */
  readonly at: number;
}

/** Aggregates of one bucket. */
export interface MetricBucket extends Metric {
  readonly bucket: string;
}

/** The buckets of a range that hold anything, oldest first, and all of them as one. */
export interface MetricRange {
  readonly buckets: MetricBucket[];
  /** Absent when nothing was measured. */
  readonly total?: Metric;
  /** Buckets that cannot be read; not in the total. */
  readonly unreadable: readonly UnreadableRecord[];
}

/** A metric that has buckets. */
export interface MetricName {
  readonly service: string;
  readonly metricName: string;
  readonly hours: number;
  readonly days: number;
  /** The first and the last bucket. */
  readonly first: string;
  readonly last: string;
}

export interface RangeOptions extends TimeRange {
  /** Hours unless told. */
  readonly resolution?: Resolution | undefined;
}

const RESOLUTIONS: readonly Resolution[] = ['hour', 'day'];
const SUMMARIES_PER_WRITE = 500;
const ADDITION = { add: RECORD_METRICS, check: CHECK_METRICS };

/** Metrics in buckets of an hour and of a day. */
export class Metrics {
  readonly #database: Database;
  readonly #now: () => number;

  constructor(database: Database, { now = Date.now } = {}) {
    this.#database = database;
    this.#now = now;
  }

  /**
   * Adds one or many values to their hours and days, whose count, sum, min, max and avg change together. Gives how many
   * values there were. Throws `record_invalid`, with nothing written, when a bucket holds something that is no
   * metric: what another program keeps there is never replaced.
   */
  async record(observations: Observation | readonly Observation[]): Promise<number> {
    const all = isList(observations) ? observations : [observations];
    const hours = new Map<string, MetricSummary>();
    for (const observation of all) {
      checkObject(observation, 'observation', ['service', 'metricName', 'value', 'at']);
      const { service, metricName, value, at } = observation;
      if (typeof value !== 'number' || !Number.isFinite(value)) {
        throw new StackloreError('invalid_input', {
          message: `The value of metric "${metricName}" must be a finite number.`,
        });
      }
      const moment = at === undefined ? this.#now() : momentOf(at, 'at');
      const key = metricKeys(service, metricName, bucketOf(moment, 'hour'))[0] ?? '';
      const one = { service, metricName, at: moment, count: 1, sum: value, min: value, max: value };
      const earlier = hours.get(key);
      hours.set(key, earlier ? { ...one, ...joined(earlier, one) } : one);
    }
    await this.add([...hours.values()]);
    return all.length;
  }

  /** Adds values that were added up already, 500 summaries at a time. Throws like `record`. */
  async add(summaries: readonly MetricSummary[], options: CommandOptions = {}): Promise<void> {
    for (let at = 0; at < summaries.length; at += SUMMARIES_PER_WRITE) {
      await this.#add(summaries.slice(at, at + SUMMARIES_PER_WRITE), options);
    }
  }

  async #add(summaries: readonly MetricSummary[], options: CommandOptions): Promise<void> {
    const records: Added[] = [];
    for (const { service, metricName, at, count, sum, min, max } of summaries) {
      if (!Number.isFinite(sum)) {
        throw new StackloreError('invalid_input', {
          message: `The values of metric "${metricName}" add up to more than a number can hold.`,
        });
      }
      for (const resolution of RESOLUTIONS) {
        const keys = metricKeys(service, metricName, bucketOf(at, resolution));
        records.push({ keys, args: [String(count), String(sum), String(min), String(max)] });
      }
    }
    if (records.length === 0) return;
    await addToHashes(this.#database, ADDITION, { records, ...options });
  }

  /** One bucket, `2025-01-15-10` or `2025-01-15`, or `undefined`. */
  async find(service: string, metricName: string, bucket: string): Promise<Metric | undefined> {
    if (!parseBucket(bucket)) {
      throw new StackloreError('invalid_input', {
        message: 'The bucket must be an hour such as 2025-01-15-10, or a day such as 2025-01-15.',
      });
    }
    const { found, errors } = await this.#read(service, metricName, [bucket]);
    if (errors[0]) throw errors[0];
    if (!found[0]) return undefined;
    const { count, sum, min, max, avg } = found[0];
    return { count, sum, min, max, avg };
  }

  /** One bucket. Throws `not_found`. */
  async get(service: string, metricName: string, bucket: string): Promise<Metric> {
    const found = await this.find(service, metricName, bucket);
    if (found) return found;
    throw new StackloreError('not_found', {
      message: `Metric "${metricName}" of "${service}" has no bucket ${bucket}. See stacklore metrics list for those there are.`,
    });
  }

  /** The hours or days of a range, read in one round trip. */
  async range(service: string, metricName: string, options: RangeOptions): Promise<MetricRange> {
    checkObject(options, 'range', ['from', 'to', 'resolution']);
    const { resolution = 'hour' } = options;
    if (!RESOLUTIONS.includes(resolution)) {
      throw new StackloreError('invalid_input', { message: 'resolution must be hour or day.' });
    }
    const wanted = bucketsBetween(options, resolution, this.#now());
    const { found: buckets, errors } = await this.#read(service, metricName, wanted);
    const broken = { unreadable: errors.map(unreadable) };
    const [first, ...others] = buckets.filter(({ count }) => count > 0);
    if (!first) return { buckets, ...broken };
    const { count, sum, min, max } = others.reduce<Omit<Metric, 'avg'>>(joined, first);
    return { buckets, total: { count, sum, min, max, avg: sum / count }, ...broken };
  }

  /** Every metric, or those of one service, by name; a scan of the database. */
  async list({ service }: { service?: string | undefined } = {}): Promise<MetricName[]> {
    const { key: template } = metricRecord;
    const patterns = service === undefined ? [template.pattern] : template.patternsOf({ service });
    const buckets = new Map<string, { service: string; metricName: string; buckets: Set<string> }>();
    for (const pattern of patterns) {
      for await (const keys of scanKeys(this.#database, pattern, { type: 'hash' })) {
        for (const key of keys) {
          const ids = template.parse(key);
          if (!ids || !parseBucket(ids.timestampBucket)) continue;
          if (service !== undefined && ids.service !== service) continue;
          const name = JSON.stringify([ids.service, ids.metricName]);
          const entry = buckets.get(name) ?? { ...ids, buckets: new Set() };
          entry.buckets.add(ids.timestampBucket);
          buckets.set(name, entry);
        }
      }
    }
    return [...buckets.keys()].sort().flatMap((name) => {
      const entry = buckets.get(name);
      return entry ? [summaryOf(entry)] : [];
    });
  }

  async #read(service: string, metricName: string, buckets: readonly string[]) {
    const places = buckets.map((bucket) => ({ id: bucket, keys: metricKeys(service, metricName, bucket) }));
    const { found, errors } = await readRecords(this.#database, metricRecord, places);
    return {
      found: found.map(({ id: bucket, value }) => ({ bucket, ...value })),
      errors: errors.map(({ error }) => error),
    };
  }
}

function metricKeys(service: string, metricName: string, timestampBucket: string): readonly string[] {
  return metricRecord.key.candidates({ service, metricName, timestampBucket });
}

/** Two aggregates as one. */
export function joined(a: Omit<Metric, 'avg'>, b: Omit<Metric, 'avg'>): Omit<Metric, 'avg'> {
  return {
    count: a.count + b.count,
    sum: a.sum + b.sum,
    min: Math.min(a.min, b.min),
    max: Math.max(a.max, b.max),
  };
}

function summaryOf(entry: {
  readonly service: string;
  readonly metricName: string;
  readonly buckets: ReadonlySet<string>;
}): MetricName {
  const { service, metricName } = entry;
  const buckets = [...entry.buckets].sort();
  const days = buckets.filter((bucket) => parseBucket(bucket)?.resolution === 'day').length;
  const [first = '', last = first] = [buckets.at(0), buckets.at(-1)];
  return { service, metricName, hours: buckets.length - days, days, first, last };
}

function isList<T>(value: T | readonly T[]): value is readonly T[] {
  return Array.isArray(value);
}
