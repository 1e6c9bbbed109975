import { StackloreError } from '../../errors.ts';

/** How long one bucket of a metric is. */
export type Resolution = 'hour' | 'day';

/** From and to, both included, as moments or as days and hours: `2025-01-15`, `2025-01-15-10`, `2025-01-15T10:30:00Z`. */
export interface TimeRange {
  readonly from: Date | string;
  readonly to?: Date | string | undefined;
}

const LENGTH_MS: Readonly<Record<Resolution, number>> = { hour: 3_600_000, day: 86_400_000 };
const BUCKET = /^(\d{4}-\d{2}-\d{2})(?:-(\d{2}))?$/;
/** The most buckets one call reads: more than a year of hours. */
const MOST_BUCKETS = 10_000;

/** The bucket a moment is in, in UTC: `2025-01-15-10` or `2025-01-15`. */
export function bucketOf(at: number, resolution: Resolution): string {
  const text = new Date(at).toISOString();
  return resolution === 'day' ? text.slice(0, 10) : `${text.slice(0, 10)}-${text.slice(11, 13)}`;
}

/** When a bucket begins and ends, in milliseconds, and its resolution; `undefined` for text that names none. */
export function parseBucket(
  bucket: string,
): { start: number; end: number; resolution: Resolution } | undefined {
  const [, day, hour] = BUCKET.exec(bucket) ?? [];
  if (day === undefined) return undefined;
  const resolution = hour === undefined ? 'day' : 'hour';
  const start = Date.parse(`${day}T${hour ?? '00'}:00:00Z`);
  // `Date` rolls 30 February and 24 o'clock over instead of refusing them.
  if (Number.isNaN(start) || bucketOf(start, resolution) !== bucket) return undefined;
  return { start, end: start + LENGTH_MS[resolution], resolution };
}

/** Every bucket of a range, oldest first. Throws `invalid_input`. */
export function bucketsBetween({ from, to }: TimeRange, resolution: Resolution, now: number): string[] {
  const first = momentOf(from, 'from', 'start');
  const last = to === undefined ? now : momentOf(to, 'to', 'end');
  if (first > last) {
    throw new StackloreError('invalid_input', { message: 'from must not be later than to. Swap them.' });
  }
  const length = LENGTH_MS[resolution];
  const count = Math.floor(last / length) - Math.floor(first / length) + 1;
  if (count > MOST_BUCKETS) {
    throw new StackloreError('invalid_input', {
      message: `The range has ${count} buckets, at most ${MOST_BUCKETS} are read at once. Ask for less, or for days.`,
    });
  }
  const start = Math.floor(first / length) * length;
  return Array.from({ length: count }, (_, at) => bucketOf(start + at * length, resolution));
}

/** A moment of a caller in milliseconds; of a day or hour its first or last one. Throws `invalid_input`. */
export function momentOf(given: Date | string, name: string, edge: 'start' | 'end' = 'start'): number {
  const bucket = typeof given === 'string' ? parseBucket(given) : undefined;
  if (bucket) return edge === 'start' ? bucket.start : bucket.end - 1;
  // Text such as "5" or "2025-02-30" would be read as some date by `Date` too.
  const isText = typeof given === 'string' && /^\d{4}-\d{2}-\d{2}T/.test(given);
  const moment = given instanceof Date || isText ? new Date(given).getTime() : Number.NaN;
  // Outside of these years a date has more or fewer digits, and its buckets would not be found again.
  if (moment >= FIRST_MOMENT && moment <= LAST_MOMENT) return moment;
  throw new StackloreError('invalid_input', {
    message: `${name} must be a date such as 2025-01-15, an hour such as 2025-01-15-10 or an ISO 8601 timestamp.`,
  });
}

const FIRST_MOMENT = Date.parse('0001-01-01T00:00:00Z');
const LAST_MOMENT = Date.parse('9999-12-31T23:59:59.999Z');

/** Checks a day that a caller gave, `2025-01-15`. Throws `invalid_input`. */
export function checkDay(date: string): string {
  if (typeof date === 'string' && parseBucket(date)?.resolution === 'day') return date;
  throw new StackloreError('invalid_input', { message: 'The date must be a day such as 2025-01-15.' });
}
