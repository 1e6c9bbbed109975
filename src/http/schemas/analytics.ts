import { z } from 'zod';

const unreadable = z.array(z.object({ key: z.string(), problem: z.string() }));
const aggregates = { count: z.number(), sum: z.number(), min: z.number(), max: z.number(), avg: z.number() };
const amounts = {
  requests: z.int(),
  tokensIn: z.int(),
  tokensOut: z.int(),
  llmCalls: z.int(),
  kbQueries: z.int(),
};
const day = z.object({ date: z.string(), userId: z.string(), ...amounts });

/** The buckets of a metric, see `MetricRange`. */
export const metricRange = z.object({
  buckets: z.array(z.object({ bucket: z.string(), ...aggregates })),
  total: z.object(aggregates).optional(),
  unreadable,
});
export const metricNames = z.object({
  items: z.array(
    z.object({
      service: z.string(),
      metricName: z.string(),
      hours: z.int(),
      days: z.int(),
      first: z.string(),
      last: z.string(),
    }),
  ),
});

/** The days of a user, see `UsageRange`, and the users of a day. */
export const usageRange = z.object({ days: z.array(day), total: z.object(amounts), unreadable });
export const usageOfDay = z.object({ items: z.array(day), total: z.int(), unreadable });

export const errorCounts = z.object({
  items: z.array(z.object({ date: z.string(), errorType: z.string(), count: z.int() })),
});
export const errorList = z.object({
  items: z.array(
    z.object({
      timestamp: z.string(),
      message: z.string(),
      stackTrace: z.string().optional(),
      context: z.record(z.string(), z.unknown()),
    }),
  ),
  total: z.int(),
  unreadable: z.array(z.object({ key: z.string(), position: z.int(), problem: z.string() })),
});

export const counterStates = z.object({
  items: z.array(
    z.object({
      metric: z.string(),
      window: z.enum(['1min', '1hour', '1day']),
      count: z.int(),
      resetSeconds: z.int().optional(),
    }),
  ),
});
