const numbers = new Intl.NumberFormat(undefined);
const dates = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium' });

/** @param {number} value */
export function formatNumber(value) {
  return numbers.format(value);
}

/** @param {string | number | undefined} moment ISO 8601 text or Unix milliseconds */
export function formatDate(moment) {
  const date = new Date(moment ?? Number.NaN);
  return Number.isNaN(date.getTime()) ? 'unknown' : dates.format(date);
}

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'];

/** @param {number} bytes */
export function formatBytes(bytes) {
  let value = bytes;
  let unit = 0;
  while (value >= 1_000 && unit < UNITS.length - 1) {
    value /= 1_000;
    unit += 1;
  }
  return `${value < 10 && unit > 0 ? value.toFixed(1) : Math.round(value)} ${UNITS[unit]}`;
}

/**
 * `1 document`, `3 documents`.
 *
 * @param {number} count
 * @param {string} noun
 */
export function counted(count, noun) {
  return `${formatNumber(count)} ${noun}${count === 1 ? '' : 's'}`;
}

/**
 * The time that a chart shows: half a bucket on each side, so that the first and the last bar are whole. A single
 * bucket would otherwise be drawn on an axis of years.
 *
 * @param {readonly number[]} times in Unix seconds, ascending
 * @param {'hour' | 'day'} unit
 * @returns {[number, number]}
 */
export function timeRange(times, unit) {
  const half = unit === 'day' ? 43_200 : 1_800;
  return [(times[0] ?? 0) - half, (times.at(-1) ?? 0) + half];
}
