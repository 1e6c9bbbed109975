import { StackloreError } from '../../errors.ts';
import type { CommandOptions, Database } from '../../redis/databases.ts';
import { readElements, type UnreadableElement } from '../../redis/list.ts';
import { scanKeys } from '../../redis/scan.ts';
import { runScript } from '../../redis/script.ts';
import { isWrongType, namedWrongType } from '../../redis/wrong-type.ts';
import { type ErrorEntry, errorLogRecord } from '../../schema/analytics.ts';
import type { Page } from '../knowledge/documents.ts';
import { checkObject, checkPage, checkWhole } from '../main/check-input.ts';
import { bucketOf, checkDay, momentOf } from './bucket.ts';
import { redactText, redactValue } from './redact.ts';
import { PUSH_ERRORS } from './scripts/push-errors.ts';

/** An error to log. */
export interface NewError {
  readonly errorType: string;
  readonly message: string;
  readonly stackTrace?: string | undefined;
  /** Anything that helps to find the cause; members named like secrets are left out. */
  readonly context?: Readonly<Record<string, unknown>> | undefined;
  /** When it happened; now unless given. */
  readonly at?: Date | undefined;
}

/** Errors of a day and type, and those that cannot be read. */
export interface ErrorPage extends Page<ErrorEntry> {
  /** Counted in the total. */
  readonly unreadable: readonly UnreadableElement[];
}

/** How many errors of a type are logged for a day. */
export interface ErrorCount {
  readonly date: string;
  readonly errorType: string;
  readonly count: number;
}

const DEFAULT_MAX_ENTRIES = 1_000;
const ERRORS_PER_WRITE = 500;
const MOST_MESSAGE = 4_000;
const MOST_STACK = 16_000;
const MOST_CONTEXT = 16_000;
const NEW_ERROR_FIELDS = ['errorType', 'message', 'stackTrace', 'context', 'at'];

/** Errors by day and type, the newest first, for 30 days and without secrets. */
export class ErrorLog {
  readonly #database: Database;
  readonly #now: () => number;
  readonly #maxEntries: number;

  /** `maxEntries` is how many of the newest errors of a type and day are kept. */
  constructor(
    database: Database,
    { now = Date.now, maxEntries = DEFAULT_MAX_ENTRIES }: { now?: () => number; maxEntries?: number } = {},
  ) {
    checkWhole(maxEntries, 'maxEntries', { least: 1, most: 1_000_000 });
    this.#database = database;
    this.#now = now;
    this.#maxEntries = maxEntries;
  }

  /**
   * Logs one or many errors; each day and type in one step, all in one round trip. URL credentials, tokens, passwords
   * and keys are taken out of message, stack trace and context; long ones are cut. Throws `record_invalid`.
   */
  async record(errors: NewError | readonly NewError[], options: CommandOptions = {}): Promise<void> {
    const lists = new Map<string, string[]>();
    for (const error of isList(errors) ? errors : [errors]) {
      const { key, element } = this.#prepare(error);
      const elements = lists.get(key) ?? [];
      elements.push(element);
      lists.set(key, elements);
    }
    const writes = [...lists].flatMap(([key, elements]) => {
      return inParts(elements.slice(-this.#maxEntries)).map((part) =>
        runScript(this.#database, PUSH_ERRORS, {
          ...{ keys: [key], args: [String(this.#maxEntries), ...part] },
          ...options,
        }),
      );
    });
    await this.#named([...lists.keys()], async () => {
      // All have been sent, so all are waited for before one that failed is told of.
      const failed = (await Promise.allSettled(writes)).find(({ status }) => status === 'rejected');
      if (failed?.status === 'rejected') throw failed.reason;
    });
  }

  /** Errors of a day and type, the newest first. */
  async list(
    errorType: string,
    { date = bucketOf(this.#now(), 'day'), offset = 0, limit = 100 } = {},
  ): Promise<ErrorPage> {
    checkPage({ offset, limit });
    const places = errorLogRecord.key.candidates({ date: checkDay(date), errorType });
    const replies = await this.#named(places, () =>
      this.#database.pipeline<number | string[]>(
        places.flatMap((place) => [
          ['LLEN', place],
          ['LRANGE', place, String(offset), String(offset + limit - 1)],
        ]),
      ),
    );
    const found = places.findIndex((_, at) => Number(replies[2 * at]) > 0);
    if (found < 0) return { items: [], total: 0, unreadable: [] };
    const elements = replies[2 * found + 1] as string[]; // What LRANGE gives.
    const { decode } = errorLogRecord.element;
    const read = readElements(elements, { key: places[found] ?? '', offset, decode });
    return { ...read, total: Number(replies[2 * found]) };
  }

  /** How many errors of each type are logged, newest day first; of one day where given. A scan of the database. */
  async types({ date }: { date?: string | undefined } = {}): Promise<ErrorCount[]> {
    const { key: template } = errorLogRecord;
    const patterns = date === undefined ? [template.pattern] : template.patternsOf({ date: checkDay(date) });
    const found = new Map<string, { date: string; errorType: string }>();
    for (const pattern of patterns) {
      for await (const keys of scanKeys(this.#database, pattern, { type: 'list' })) {
        for (const key of keys) {
          const ids = template.parse(key);
          if (ids && (date === undefined || ids.date === date)) found.set(key, ids);
        }
      }
    }
    const keys = [...found.keys()];
    const lengths = await this.#database.pipeline<number>(keys.map((key) => ['LLEN', key]));
    const counts = keys.flatMap((key, at) => {
      const ids = found.get(key);
      // Expired since.
      return ids && Number(lengths[at]) > 0 ? [{ ...ids, count: Number(lengths[at]) }] : [];
    });
    return counts.sort(
      (a, b) => compare(b.date, a.date) || b.count - a.count || compare(a.errorType, b.errorType),
    );
  }

  #prepare(error: NewError): { key: string; element: string } {
    checkObject(error, 'error', NEW_ERROR_FIELDS);
    const { errorType, message, stackTrace, context = {}, at } = error;
    if (typeof message !== 'string' || (stackTrace !== undefined && typeof stackTrace !== 'string')) {
      throw new StackloreError('invalid_input', {
        message: 'The message of an error, and its stack trace if given, must be text.',
      });
    }
    checkObject(context, 'context of an error');
    const moment = new Date(at === undefined ? this.#now() : momentOf(at, 'at'));
    const element = errorLogRecord.element.encode({
      timestamp: moment.toISOString(),
      message: cut(redactText(message), MOST_MESSAGE),
      ...(stackTrace !== undefined && { stackTrace: cut(redactText(stackTrace), MOST_STACK) }),
      context: fitting(context),
    });
    const date = bucketOf(moment.getTime(), 'day');
    return { key: errorLogRecord.key.build({ date, errorType }), element: String(element) };
  }

  async #named<T>(keys: readonly string[], work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (!isWrongType(error)) throw error;
      throw await namedWrongType(this.#database, error, new Map(keys.map((key) => [key, 'list'])));
    }
  }
}

function fitting(context: Readonly<Record<string, unknown>>): ErrorEntry['context'] {
  // An object stays one.
  const redacted = redactValue(context) as ErrorEntry['context'];
  const size = JSON.stringify(redacted).length;
  return size <= MOST_CONTEXT ? redacted : { omitted: `${size} characters of context` };
}

function cut(text: string, most: number): string {
  // toWellFormed: the cut may fall into a surrogate pair.
  return (text.length <= most ? text : `${text.slice(0, most - 1)}…`).toWellFormed();
}

function inParts(elements: readonly string[]): string[][] {
  const parts: string[][] = [];
  for (let at = 0; at < elements.length; at += ERRORS_PER_WRITE)
    parts.push(elements.slice(at, at + ERRORS_PER_WRITE));
  return parts;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function isList<T>(value: T | readonly T[]): value is readonly T[] {
  return Array.isArray(value);
}
