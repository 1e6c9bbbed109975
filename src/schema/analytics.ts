import { z } from 'zod';
import { float, integer, snakeJson } from './fields.ts';
import { counter, hash, list, type ValueOf } from './record.ts';

const DAY = 86_400;

/** Aggregates of one metric in one hour or day. */
export const metricRecord = hash({
  database: 'analytics',
  key: 'metrics:{service}:{metricName}:{timestampBucket}',
  description: 'Aggregates of one metric in one bucket (`2025-01-15-10` is an hour, `2025-01-15` a day).',
  fields: { count: integer, sum: float, min: float, max: float, avg: float },
});
export type Metric = ValueOf<typeof metricRecord>;

/** What one user used on one day. */
export const usageRecord = hash({
  database: 'analytics',
  key: 'usage:{date}:{userId}',
  description: 'What a user used on a day.',
  fields: { requests: integer, tokensIn: integer, tokensOut: integer, llmCalls: integer, kbQueries: integer },
});
export type Usage = ValueOf<typeof usageRecord>;

/** Errors of one type on one day. */
export const errorLogRecord = list({
  database: 'analytics',
  key: 'errors:{date}:{errorType}',
  description: 'Errors of one type on one day.',
  ttlSeconds: 30 * DAY,
  element: snakeJson({
    timestamp: z.string(),
    message: z.string(),
    stackTrace: z.string().optional(),
    context: z.record(z.string(), z.json()),
  }),
});
export type ErrorEntry = ValueOf<typeof errorLogRecord>;

/** The lengths, in seconds, of the windows a counter may have; each is also that counter's TTL. */
export const COUNTER_WINDOWS = { '1min': 60, '1hour': 3_600, '1day': DAY } as const;

/** Events in the current window. */
export const counterRecord = counter({
  database: 'analytics',
  key: 'counter:{metric}:{window}',
  description: 'Events in the current window (`1min`, `1hour` or `1day`); expires with its window.',
});
