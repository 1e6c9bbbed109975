import { z } from 'zod';
import type { Metric } from '../../schema/analytics.ts';
import { type Command, defineCommand } from '../command.ts';
import { dateFlag } from '../flag-values.ts';
import { table } from '../format.ts';

const list = defineCommand({
  summary: 'List the metrics there are, of all services or one.',
  arguments: '[service]',
  flags: [],
  schema: z.strictObject({}),
  async run({ lore }, [service]) {
    const metrics = await lore().metrics.list({ service });
    const rows = metrics.map(({ service: of, metricName, hours, days, first, last }) => {
      return [of, metricName, String(hours), String(days), first, last];
    });
    return {
      data: { metrics },
      lines: table(['service', 'metric', 'hours', 'days', 'first', 'last'], rows),
    };
  },
});

const show = defineCommand({
  summary: 'Show a metric by hours or days, and all of them as one.',
  arguments: '<service> <metric>',
  flags: [
    { flags: '--from <date>', description: 'day, hour or timestamp it begins with (a day ago)' },
    { flags: '--to <date>', description: 'day, hour or timestamp it ends with (now)' },
    { flags: '--by <resolution>', description: 'hour or day (hour)' },
  ],
  schema: z.strictObject({
    from: dateFlag().optional(),
    to: dateFlag().optional(),
    by: z.enum(['hour', 'day'], { error: 'must be hour or day' }).default('hour'),
  }),
  examples: ['stacklore metrics show search latency_ms --from 2025-01-15 --by day'],
  async run({ lore }, [service = '', metric = ''], { from, to, by: resolution }) {
    const begin = from ?? new Date(Date.now() - DAY_MS);
    const range = await lore().metrics.range(service, metric, { from: begin, to, resolution });
    const rows = range.buckets.map((bucket) => [bucket.bucket, ...cells(bucket)]);
    if (range.total) rows.push(['total', ...cells(range.total)]);
    const lines =
      rows.length === 0
        ? ['Nothing was measured then. See stacklore metrics list for the metrics there are, or give --from.']
        : table(['bucket', 'count', 'sum', 'min', 'max', 'avg'], rows);
    return { data: range, lines: [...lines, ...range.unreadable.map(({ problem }) => problem)] };
  },
});

const DAY_MS = 86_400_000;

const record = defineCommand({
  summary: 'Add values to a metric, as of now.',
  arguments: '<service> <metric> <values...>',
  flags: [],
  schema: z.strictObject({}),
  examples: ['stacklore metrics record api response_time 12 250.5'],
  async run({ lore }, [service = '', metricName = '', ...values]) {
    const observations = values.map((value) => ({ service, metricName, value: numberOf(value) }));
    const recorded = await lore().metrics.record(observations);
    return { data: { service, metricName, recorded }, lines: [`Recorded ${recorded} values.`] };
  },
});

/** What is no number is refused by the store, as any value that is not finite. */
function numberOf(value: string): number {
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(value) ? Number(value) : Number.NaN;
}

function cells({ count, sum, min, max, avg }: Metric): string[] {
  return [count, sum, min, max, avg].map((value) => String(Math.round(value * 1_000) / 1_000));
}

export const commands: Record<string, Command> = { show, list, record };
