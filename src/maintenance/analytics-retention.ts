import { StackloreError } from '../errors.ts';
import type { Database } from '../redis/databases.ts';
import { errorLogRecord, metricRecord, usageRecord } from '../schema/analytics.ts';
import { momentOf, parseBucket } from '../stores/analytics/bucket.ts';
import { checkObject } from '../stores/main/check-input.ts';
import { pacedKeys } from './paced-keys.ts';

/** What of analytics was deleted, or would be. */
export interface AnalyticsDeletion {
  /** Everything that ended by this moment goes. */
  readonly before: Date;
  /** True when nothing was deleted. */
  readonly dryRun: boolean;
  /** Keys by record family, as docs/schema.md names them. */
  readonly families: Readonly<Record<AnalyticsFamily, number>>;
  readonly total: number;
  /** Keys with a date that cannot be read; they stay. */
  readonly undated: number;
}

export type AnalyticsFamily = 'metric' | 'usage' | 'error log';

export interface AnalyticsDeletionOptions {
  readonly dryRun?: boolean;
  /** Ends the deletion between two batches, with `aborted`. */
  readonly signal?: AbortSignal;
  /** Keys looked at in a second at most. */
  readonly keysPerSecond?: number;
}

const KEYS_PER_COMMAND = 500;
const DAY_MS = 86_400_000;

const FAMILIES: Readonly<
  Record<AnalyticsFamily, { readonly pattern: string; readonly dateOf: (key: string) => string | undefined }>
> = {
  metric: {
    pattern: metricRecord.key.pattern,
    dateOf: (key) => metricRecord.key.parse(key)?.timestampBucket,
  },
  usage: { pattern: usageRecord.key.pattern, dateOf: (key) => usageRecord.key.parse(key)?.date },
  'error log': { pattern: errorLogRecord.key.pattern, dateOf: (key) => errorLogRecord.key.parse(key)?.date },
};

/**
 * Deletes the hours and days of metrics, usage and errors that ended by a moment, in batches. The day and the hour that
 * hold the moment stay. Counters end by themselves. Repeated, it finishes what was interrupted.
 */
export async function deleteAnalyticsBefore(
  analytics: Database,
  before: Date | string,
  options: AnalyticsDeletionOptions = {},
): Promise<AnalyticsDeletion> {
  const limit = momentOf(before, 'before');
  // A misspelt option must not delete what was only to be counted.
  checkObject(options, 'request for a deletion', ['dryRun', 'signal', 'keysPerSecond']);
  const { dryRun = false, ...pace } = options;
  if (typeof dryRun !== 'boolean') {
    throw new StackloreError('invalid_input', {
      message: 'dryRun must be true or false. Nothing was deleted.',
    });
  }
  const families = { metric: 0, usage: 0, 'error log': 0 };
  let undated = 0;
  for (const family of ['metric', 'usage', 'error log'] as const) {
    const { pattern, dateOf } = FAMILIES[family];
    for await (const keys of pacedKeys(analytics, pattern, pace)) {
      const old: string[] = [];
      for (const key of keys) {
        const bucket = parseBucket(dateOf(key) ?? '');
        if (bucket && bucket.end > limit) continue;
        if (bucket) old.push(key);
        else undated += 1;
      }
      families[family] += dryRun ? old.length : await unlink(analytics, old);
    }
  }
  const total = families.metric + families.usage + families['error log'];
  return { before: new Date(limit), dryRun, families, total, undated };
}

/** The moment before which a retention of so many days deletes: the start of the day, UTC. */
export function retentionLimit(retentionDays: number, now: number): Date {
  return new Date(Math.floor(now / DAY_MS) * DAY_MS - retentionDays * DAY_MS);
}

async function unlink(analytics: Database, keys: readonly string[]): Promise<number> {
  let deleted = 0;
  for (let at = 0; at < keys.length; at += KEYS_PER_COMMAND) {
    deleted += await analytics.send<number>(['UNLINK', ...keys.slice(at, at + KEYS_PER_COMMAND)]);
  }
  return deleted;
}
