import { type ErrorCode, errorMessage, StackloreError } from './errors.ts';
import type { ErrorLog, NewError } from './stores/analytics/error-log.ts';
import { joined, type MetricSummary, type Metrics } from './stores/analytics/metrics.ts';
import type { UsageIncrement, UsageLog } from './stores/analytics/usage.ts';

/** What the real flow tells about itself; no call waits, throws or reaches Redis. */
export interface Recorder {
  /** A measured value. */
  measure(service: string, metricName: string, value: number): void;
  /** What a user has used; `anonymous` where nobody is named. */
  use(userId: string | undefined, usage: Omit<UsageIncrement, 'userId' | 'date'>): void;
  /** Something that failed. Mistakes of callers are not logged. */
  fail(error: unknown, context: Readonly<Record<string, unknown>>): void;
}

/** The stores that a recorder writes to. */
export interface RecorderParts {
  readonly metrics: Pick<Metrics, 'add'>;
  readonly usage: Pick<UsageLog, 'add'>;
  readonly errorLog: Pick<ErrorLog, 'record'>;
}

export interface RecorderOptions {
  /** False while writing would first have to start a server: then nothing is written. */
  readonly mayWrite?: () => boolean;
  readonly flushAfterMs?: number;
  readonly now?: () => number;
}

/** Who is meant when nobody is named. */
export const ANONYMOUS = 'anonymous';

const FLUSH_AFTER_MS = 2_000;
/** After a write that failed the next one waits longer, up to this. */
const LONGEST_PAUSE_MS = 60_000;
/** The deadline of one write, and how long closing waits for the last one. */
const WRITE_TIMEOUT_MS = 500;
/** Beyond these, what is new is dropped until the next flush. */
const MOST_METRICS = 1_000;
const MOST_USERS = 1_000;
const MOST_ERRORS = 200;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** What the caller did wrong is told to the caller only. */
const MISTAKES: ReadonlySet<ErrorCode> = new Set([
  ...([
    'invalid_input',
    'invalid_config',
    'invalid_filter',
    'invalid_vector',
    'not_found',
    'aborted',
  ] as const),
  ...(['already_exists', 'manifest_mismatch', 'too_large'] as const),
]);

/** Records nothing. */
export const silentRecorder: Recorder = { measure: () => {}, use: () => {}, fail: () => {} };

type Summary = { -readonly [Name in keyof MetricSummary]: MetricSummary[Name] };
type Use = { -readonly [Name in keyof UsageIncrement]: UsageIncrement[Name] };
type Amount = Exclude<keyof UsageIncrement, 'userId' | 'date'>;

/**
 * Adds up in memory what is recorded and writes it in batches, on a timer that keeps no process alive and once more
 * when it is closed. What cannot be written at once is dropped: analytics may be incomplete, a search never waits.
 */
export class BufferedRecorder implements Recorder {
  readonly #parts: RecorderParts;
  readonly #mayWrite: () => boolean;
  readonly #flushAfterMs: number;
  readonly #now: () => number;
  #metrics = new Map<string, Summary>();
  #usage = new Map<string, Use>();
  #errors: NewError[] = [];
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> | undefined;
  #failures = 0;
  #dropped = 0;
  #isClosed = false;

  constructor(
    parts: RecorderParts,
    { mayWrite = () => true, flushAfterMs = FLUSH_AFTER_MS, now = Date.now }: RecorderOptions = {},
  ) {
    this.#parts = parts;
    this.#mayWrite = mayWrite;
    this.#flushAfterMs = flushAfterMs;
    this.#now = now;
  }

  /** How many values, uses and errors could not be written. */
  get dropped(): number {
    return this.#dropped;
  }

  measure(service: string, metricName: string, value: number): void {
    if (!Number.isFinite(value)) return;
    const at = this.#now();
    const key = `${Math.floor(at / HOUR_MS)} ${service} ${metricName}`;
    const earlier = this.#metrics.get(key);
    if (earlier) Object.assign(earlier, joined(earlier, summaryOf(value)));
    else if (this.#hasRoom(this.#metrics.size < MOST_METRICS)) {
      this.#metrics.set(key, { service, metricName, at, ...summaryOf(value) });
    }
  }

  use(userId: string = ANONYMOUS, usage: Omit<UsageIncrement, 'userId' | 'date'>): void {
    const at = this.#now();
    const key = `${Math.floor(at / DAY_MS)} ${userId}`;
    const earlier = this.#usage.get(key);
    if (!earlier) {
      if (!this.#hasRoom(this.#usage.size < MOST_USERS)) return;
      this.#usage.set(key, { userId, date: new Date(at).toISOString().slice(0, 10), ...usage });
      return;
    }
    // Its members are amounts only.
    for (const [name, amount] of Object.entries(usage) as [Amount, number][]) {
      earlier[name] = (earlier[name] ?? 0) + amount;
    }
  }

  fail(error: unknown, context: Readonly<Record<string, unknown>>): void {
    const isKnown = error instanceof StackloreError;
    if (isKnown && MISTAKES.has(error.code)) return;
    if (!this.#hasRoom(this.#errors.length < MOST_ERRORS)) return;
    // Our own errors say what is wrong; of others the stack tells where they come from.
    const root = isKnown ? error.cause : error;
    this.#errors.push({
      errorType: isKnown ? error.code : 'internal',
      message: errorMessage(error),
      stackTrace: root instanceof Error ? root.stack : undefined,
      context,
      at: new Date(this.#now()),
    });
  }

  /** Writes what is buffered, or drops it; never rejects. */
  flush(): Promise<void> {
    this.#stopTimer();
    this.#writing ??= this.#write().finally(() => {
      this.#writing = undefined;
      if (!this.#isClosed && !this.#isEmpty) this.#startTimer();
    });
    return this.#writing;
  }

  /** Writes what is buffered, waiting for half a second at most; what comes later is dropped. */
  async close(): Promise<void> {
    this.#isClosed = true;
    let timer: NodeJS.Timeout | undefined;
    const overdue = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, WRITE_TIMEOUT_MS);
    });
    // A write under way does not hold what came meanwhile.
    const written = (this.#writing ?? Promise.resolve()).then(() => this.flush());
    await Promise.race([written, overdue]);
    clearTimeout(timer);
  }

  get #isEmpty(): boolean {
    return this.#metrics.size === 0 && this.#usage.size === 0 && this.#errors.length === 0;
  }

  #hasRoom(isSmall: boolean): boolean {
    if (this.#isClosed || !isSmall) {
      this.#dropped += 1;
      return false;
    }
    this.#startTimer();
    return true;
  }

  #startTimer(): void {
    if (this.#timer || this.#writing) return;
    const pauseMs = Math.min(this.#flushAfterMs * 2 ** this.#failures, LONGEST_PAUSE_MS);
    this.#timer = setTimeout(() => void this.flush(), pauseMs).unref();
  }

  #stopTimer(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  async #write(): Promise<void> {
    const [metrics, usage, errors] = [[...this.#metrics.values()], [...this.#usage.values()], this.#errors];
    if (this.#isEmpty) return;
    this.#metrics = new Map();
    this.#usage = new Map();
    this.#errors = [];
    if (!this.#mayWrite()) {
      this.#dropped += metrics.length + usage.length + errors.length;
      return;
    }
    const options = { timeoutMs: WRITE_TIMEOUT_MS };
    const written = await Promise.all([
      this.#writeAll(metrics, (some) => this.#parts.metrics.add(some, options)),
      this.#writeAll(usage, (some) => this.#parts.usage.add(some, options)),
      // Each type by itself: of a list that is repeated one by one nothing may have been written yet.
      ...[...new Set(errors.map(({ errorType }) => errorType))].map((type) =>
        this.#writeAll(
          errors.filter(({ errorType }) => errorType === type),
          (some) => this.#parts.errorLog.record(some, options),
        ),
      ),
    ]);
    this.#failures = written.includes(false) ? this.#failures + 1 : 0;
  }

  /** Gives false when the database is away. One record that cannot be written does not take the others along. */
  async #writeAll<T>(items: readonly T[], write: (items: readonly T[]) => Promise<void>): Promise<boolean> {
    if (items.length === 0) return true;
    try {
      await write(items);
      return true;
    } catch (error) {
      if (items.length > 1 && isAboutData(error)) {
        for (const item of items) if (!(await this.#writeAll([item], write))) return false;
        return true;
      }
      this.#dropped += items.length;
      return isAboutData(error);
    }
  }
}

function isAboutData(error: unknown): boolean {
  return (
    error instanceof StackloreError && (error.code === 'record_invalid' || error.code === 'invalid_input')
  );
}

function summaryOf(value: number): { count: number; sum: number; min: number; max: number } {
  return { count: 1, sum: value, min: value, max: value };
}
