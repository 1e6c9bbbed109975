import { isAbsent } from './api.js';

/** @import { Api, DailyUsage, ErrorCount, MetricBucket, MetricName, Page } from './types.d.ts' */
/** @import { ChartData } from './chart.js' */

const DAY_MS = 86_400_000;

/**
 * The last days, oldest first, as the analytics name them: `2025-01-15`, in UTC.
 *
 * @param {number} count
 * @param {number} [now]
 */
export function lastDays(count, now = Date.now()) {
  return Array.from({ length: count }, (_, at) => {
    return new Date(now - (count - 1 - at) * DAY_MS).toISOString().slice(0, 10);
  });
}

/**
 * What all users together used on each day, or the one user whose records the key opens.
 *
 * @param {Api} api
 * @param {readonly string[]} days
 * @returns {Promise<ChartData>}
 */
export async function readUsage(api, days) {
  /** @type {readonly (readonly DailyUsage[])[]} */
  const used = await readAllUsers(api, days).catch((error) => {
    if (!isAbsent(error)) throw error;
    return readOwnUse(api, days);
  });
  const sums = (/** @type {'requests' | 'kbQueries'} */ name) =>
    used.map((items) => items.reduce((sum, item) => sum + item[name], 0));
  return {
    unit: 'day',
    times: days.map(secondsOf),
    series: [
      { label: 'requests', values: sums('requests') },
      { label: 'searches', values: sums('kbQueries') },
    ],
  };
}

/**
 * @param {Api} api
 * @param {readonly string[]} days
 */
function readAllUsers(api, days) {
  return Promise.all(
    days.map(async (day) => {
      /** @type {Page<DailyUsage>} */
      const { items } = await api.get(`/v1/analytics/usage/${day}`, { query: { limit: 1_000 } });
      return items;
    }),
  );
}

/**
 * @param {Api} api
 * @param {readonly string[]} days
 */
async function readOwnUse(api, days) {
  /** @type {{ days: readonly DailyUsage[] }} */
  const { days: used } = await api.get('/v1/analytics/usage', { query: { from: days[0] } });
  return days.map((day) => used.filter(({ date }) => date === day));
}

/**
 * Metrics that are times.
 *
 * @param {Api} api
 * @returns {Promise<MetricName[]>}
 */
export async function listLatencies(api) {
  /** @type {{ items: readonly MetricName[] }} */
  const { items } = await api.get('/v1/analytics/services');
  // Those of the HTTP server are named after their routes.
  return items.filter(({ service, metricName }) => service === 'http' || metricName.endsWith('_ms'));
}

/**
 * A metric by the hour of the last day, or by the day of the last weeks.
 *
 * @param {Api} api
 * @param {MetricName} metric
 * @param {{ unit: 'hour' | 'day', from: Date }} range
 * @returns {Promise<ChartData>}
 */
export async function readLatency(api, { service, metricName }, { unit, from }) {
  /** @type {{ buckets: readonly MetricBucket[] }} */
  const { buckets } = await api.get('/v1/analytics/metrics', {
    query: { service, metric: metricName, from: from.toISOString(), by: unit },
  });
  return {
    unit,
    times: buckets.map(({ bucket }) => secondsOf(bucket)),
    series: [
      { label: 'average', values: buckets.map(({ avg }) => avg) },
      { label: 'longest', values: buckets.map(({ max }) => max) },
    ],
  };
}

/**
 * How many errors there were on each day, and of which types.
 *
 * @param {Api} api
 * @param {readonly string[]} days
 * @returns {Promise<{ chart: ChartData, types: [string, number][] }>}
 */
export async function readErrors(api, days) {
  const counted = await Promise.all(
    days.map(async (date) => {
      /** @type {{ items: readonly ErrorCount[] }} */
      const { items } = await api.get('/v1/analytics/errors', { query: { date } });
      return items;
    }),
  );
  /** @type {Map<string, number>} */
  const types = new Map();
  for (const { errorType, count } of counted.flat())
    types.set(errorType, (types.get(errorType) ?? 0) + count);
  return {
    chart: {
      unit: 'day',
      times: days.map(secondsOf),
      series: [
        {
          label: 'errors',
          kind: 'bars',
          values: counted.map((items) => items.reduce((sum, { count }) => sum + count, 0)),
        },
      ],
    },
    types: [...types].sort(([, a], [, b]) => b - a),
  };
}

/**
 * The beginning of a bucket, `2025-01-15` or `2025-01-15-10`, in Unix seconds.
 *
 * @param {string} bucket
 */
export function secondsOf(bucket) {
  const [year, month, day, hour = '00'] = bucket.split('-');
  return Date.parse(`${year}-${month}-${day}T${hour}:00:00Z`) / 1_000;
}

/**
 * What to say of figures that could not be read.
 *
 * @param {unknown} error
 */
export function absenceText(error) {
  if (isAbsent(error)) return 'This server does not tell, or the key does not open it.';
  return error instanceof Error ? error.message : String(error);
}
