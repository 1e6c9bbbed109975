import { randomUUID } from 'node:crypto';
import { StackloreError } from '../../errors.ts';
import type { Database, RedisArgument } from '../../redis/databases.ts';
import { scanKeys } from '../../redis/scan.ts';
import { runScript } from '../../redis/script.ts';
import { namedWrongType } from '../../redis/wrong-type.ts';
import {
  type FactChanges,
  type FactFilter,
  type NewFact,
  parseFactChanges,
  parseNewFact,
} from '../../schema/fact-input.ts';
import { type Field, snakeCase } from '../../schema/fields.ts';
import { type FactsManifest, factRecord } from '../../schema/knowledge.ts';
import type { Page } from './documents.ts';
import {
  type AddedFact,
  duplicatesOf,
  type FactDuplicate,
  type FactMatch,
  isCurrent,
  isSameFact,
  readFact,
  readFacts,
  SHOWN_FIELDS,
  type StoredFact,
  type UnreadableFact,
} from './fact.ts';
import { distanceOf, type FactIndex, type FactRow, readRows } from './fact-index.ts';
import { duplicateQueries, type FactNearest, listQuery, nearestQuery } from './fact-queries.ts';
import { contentFields, type EmbeddedFact, inputHash } from './fact-vector.ts';
import { isLostIndex } from './ft-index.ts';
import type { SearchReply } from './knn-reply.ts';
import { EMBED_FACT } from './scripts/embed-fact.ts';
import { SAVE_FACT } from './scripts/save-fact.ts';
import { UPDATE_FACT } from './scripts/update-fact.ts';

/** How a fact is written. */
export interface FactWriteOptions {
  /** Its vector; without one it is listed but not found by meaning until it is embedded. */
  readonly embedded?: EmbeddedFact;
  /** From which cosine on another fact counts as a duplicate, 0 to 1. */
  readonly duplicateThreshold?: number;
}

/** One page of facts; those that cannot be read are named instead of failing the page. */
export interface FactPage extends Page<StoredFact> {
  readonly unreadable: UnreadableFact[];
}

/** Which facts a list gives. */
export interface FactListOptions extends FactFilter {
  readonly offset?: number;
  readonly limit?: number;
}

/** The facts nearest to a vector, and how many were left out because their vector is not of what they say now. */
export interface FactMatches {
  readonly matches: FactMatch[];
  readonly outdated: number;
  readonly unreadable: UnreadableFact[];
  readonly rebuilt: boolean;
}

/** What a fact says, by its key. */
export interface FactText {
  readonly key: string;
  readonly content: Buffer;
}

const DEFAULT_DUPLICATE_THRESHOLD = 0.95;
const MAX_LISTED = 1_000_000;
const KEYS_PER_READ = 200;

/** The facts of the knowledge base. */
export class Facts {
  readonly #database: Database;
  readonly #index: FactIndex;
  readonly #now: () => number;
  readonly #newId: () => string;

  constructor(
    database: Database,
    {
      index,
      now = Date.now,
      newId = randomUUID,
    }: { index: FactIndex; now?: () => number; newId?: () => string },
  ) {
    this.#database = database;
    this.#index = index;
    this.#now = now;
    this.#newId = newId;
  }

  /**
   * Stores a new fact, and tells in the same instant which others say the same. Throws `already_exists` when its id is
   * taken, `invalid_input` naming a bad field, `manifest_mismatch` for a vector of another model.
   */
  async add(input: NewFact, options: FactWriteOptions = {}): Promise<AddedFact> {
    return this.#save('new', input, options);
  }

  /** Stores a fact, over one of its id if there is one, and tells which others say the same. */
  async save(input: NewFact, options: FactWriteOptions = {}): Promise<AddedFact> {
    return this.#save('any', input, options);
  }

  /** A fact, or `undefined`. */
  async find(factId: string): Promise<StoredFact | undefined> {
    return (await this.#read(factId)).fact;
  }

  /** A fact. Throws `not_found`. */
  async get(factId: string): Promise<StoredFact> {
    const fact = await this.find(factId);
    if (fact) return fact;
    throw notFound(factId);
  }

  /** A fact, if there is one, and whether it has a vector of what it says by this model. */
  async findState(
    factId: string,
    manifest: FactsManifest,
  ): Promise<{ fact?: StoredFact; isEmbedded: boolean }> {
    const { fact, inputHash: made } = await this.#read(factId);
    if (!fact) return { isEmbedded: false };
    return { fact, isEmbedded: made === inputHash(manifest, fact.content) };
  }

  /** Facts, newest first, a page at a time. Throws `invalid_filter` for a filter it does not know. */
  async list({ offset = 0, limit = 100, ...filter }: FactListOptions = {}): Promise<FactPage> {
    checkPage(offset, limit);
    const { rows, total } = await this.#index.search(listQuery(filter, { offset, limit }));
    const { facts, unreadable } = readFacts(rows);
    return { items: facts, total, unreadable };
  }

  /** The facts nearest to a vector, nearest first. Throws `dimension_mismatch` or `invalid_vector`. */
  async nearest(manifest: FactsManifest, nearest: FactNearest): Promise<FactMatches> {
    const { rows, rebuilt } = await this.#index.search(nearestQuery(manifest, nearest));
    // Vectors of zeros or NaN have no direction, so their distance means nothing.
    const comparable = rows.filter((row) => !Number.isNaN(distanceOf(row)));
    const current = comparable.filter((row) => isCurrent(row, manifest));
    const matches: FactMatch[] = [];
    const unreadable: UnreadableFact[] = [];
    for (const row of current) {
      const read = readFacts([row]);
      unreadable.push(...read.unreadable);
      for (const fact of read.facts) matches.push({ ...fact, distance: distanceOf(row) });
    }
    return { matches, outdated: comparable.length - current.length, unreadable, rebuilt };
  }

  /**
   * Changes some fields of a fact in one step. New content needs its vector; without it the fact is not found by
   * meaning until it is embedded. Throws `not_found`, or `invalid_input` naming a bad field.
   */
  async update(factId: string, changes: FactChanges, options: FactWriteOptions = {}): Promise<AddedFact> {
    const checked = parseFactChanges(changes);
    checkThreshold(options.duplicateThreshold);
    const keys = factRecord.key.candidates({ factId });
    const fields = encodeChanges(checked);
    if (checked.content !== undefined) {
      if (options.embedded) await this.#index.open(options.embedded.manifest);
      fields.push(...contentFields(checked.content, options.embedded));
    }
    const reply = await runScript<[string, (string | null)[]] | null>(this.#database, UPDATE_FACT, {
      keys,
      args: [String(SHOWN_FIELDS.length), ...SHOWN_FIELDS, ...fields],
    }).catch((error: unknown) => this.#rejectNamed(error, keys));
    const fact = reply && readFact(factId, ...reply);
    if (!fact) throw notFound(factId);
    const duplicates = checked.content === undefined ? [] : await this.#findDuplicates(fact, keys, options);
    return { ...fact, duplicates };
  }

  /** Marks a fact as verified, or takes that back. Throws `not_found`. */
  async verify(factId: string, verified = true): Promise<StoredFact> {
    const { duplicates: _none, ...fact } = await this.update(factId, { verified });
    return fact;
  }

  /** Deletes a fact. Throws `not_found`. */
  async delete(factId: string): Promise<void> {
    const deleted = await this.#database.send<number>(['UNLINK', ...factRecord.key.candidates({ factId })]);
    if (deleted === 0) throw notFound(factId);
  }

  /**
   * Every fact, page by page, that has no vector of what it says by this model: those of other writers, those changed
   * since, those of another model. `scanned` counts all facts of a page.
   */
  async *unembedded(manifest: FactsManifest): AsyncGenerator<{ scanned: number; facts: FactText[] }> {
    const pages = scanKeys(this.#database, factRecord.key.pattern, { type: 'hash', count: KEYS_PER_READ });
    for await (const keys of pages) {
      const commands = keys.flatMap((key) => [
        ['HMGET', key, 'content', 'input_hash'],
        ['HSTRLEN', key, 'embedding'],
      ]);
      const replies = await this.#database.pipeline<unknown>(commands, { buffers: true });
      const facts = keys.flatMap((key, at) => {
        const [content, made] = replies[at * 2] as (Buffer | null)[];
        if (!content) return [];
        const isWhole = Number(replies[at * 2 + 1]) === manifest.dimensions * 4;
        const isMade = made?.toString() === inputHash(manifest, content.toString());
        return isWhole && isMade ? [] : [{ key, content }];
      });
      yield { scanned: keys.length, facts };
    }
  }

  /** Gives a fact its vector, unless it says something else by now, which is told by `false`. */
  async embed({ key, content }: FactText, embedded: EmbeddedFact): Promise<boolean> {
    const args = [content, ...contentFields(content.toString(), embedded)];
    const written = await runScript<number>(this.#database, EMBED_FACT, { keys: [key], args }).catch(
      (error: unknown) => this.#rejectNamed(error, [key]),
    );
    return written === 1;
  }

  async #save(mode: 'new' | 'any', input: NewFact, options: FactWriteOptions): Promise<AddedFact> {
    const checked = parseNewFact(input);
    checkThreshold(options.duplicateThreshold);
    const { factId = this.#newId(), createdAt = new Date(this.#now()) } = checked;
    const fact: StoredFact = { ...checked, factId, createdAt };
    const keys = factRecord.key.candidates({ factId });
    if (options.embedded) await this.#index.open(options.embedded.manifest);
    const fields = [...factRecord.encode(fact, keys[0]), ...contentFields(fact.content, options.embedded)];
    const queries = duplicateQueries(fact.content, options.embedded);
    try {
      // One MULTI: of two that say the same at once, the later one is told of the earlier one.
      const [saved, ...replies] = await this.#database.transaction<unknown>([
        SAVE_FACT.evalCommand(keys, [mode, ...fields]),
        ...queries.map((query) => this.#index.command(query)),
      ]);
      if (saved === 0) throw taken(factId);
      const found = replies.map((reply) => readRows(reply as SearchReply).rows);
      return { ...fact, duplicates: this.#duplicates(fact, { keys, found, options }) };
    } catch (error) {
      if (!isLostIndex(error)) return this.#rejectNamed(error, keys);
      // Written or not: the script's reply is lost with the search's error.
      const stored = await this.find(factId);
      if (!stored || !isSameFact(stored, fact)) throw taken(factId);
      return { ...fact, duplicates: await this.#findDuplicates(fact, keys, options) };
    }
  }

  async #findDuplicates(fact: StoredFact, keys: readonly string[], options: FactWriteOptions) {
    const queries = duplicateQueries(fact.content, options.embedded);
    const answers = await Promise.all(queries.map((query) => this.#index.search(query)));
    return this.#duplicates(fact, { keys, found: answers.map(({ rows }) => rows), options });
  }

  #duplicates(
    { content }: StoredFact,
    { keys, found, options }: { keys: readonly string[]; found: FactRow[][]; options: FactWriteOptions },
  ): FactDuplicate[] {
    const [exact = [], near = []] = found;
    const { duplicateThreshold: threshold = DEFAULT_DUPLICATE_THRESHOLD, embedded } = options;
    return duplicatesOf({ content, ownKeys: keys, exact, near, threshold, manifest: embedded?.manifest });
  }

  async #read(factId: string): Promise<{ fact?: StoredFact; inputHash?: string }> {
    const keys = factRecord.key.candidates({ factId });
    const replies = await this.#database
      .pipeline<(string | null)[]>(keys.map((key) => ['HMGET', key, ...SHOWN_FIELDS, 'input_hash']))
      .catch((error: unknown) => this.#rejectNamed(error, keys));
    for (const [at, key] of keys.entries()) {
      const values = replies[at] ?? [];
      const fact = readFact(factId, key, values);
      const made = values[SHOWN_FIELDS.length];
      if (fact) return { fact, ...(typeof made === 'string' && { inputHash: made }) };
    }
    return {};
  }

  async #rejectNamed(error: unknown, keys: readonly string[]): Promise<never> {
    throw await namedWrongType(this.#database, error, new Map(keys.map((key) => [key, 'hash'] as const)));
  }
}

function encodeChanges(changes: FactChanges): RedisArgument[] {
  return Object.entries(changes).flatMap(([name, value]) => {
    if (value === undefined) return [];
    // The names are those of the record; each codec gets the value that was checked for it.
    const codec = factRecord.fields[name as keyof FactChanges] as Field<unknown>;
    return [snakeCase(name), codec.encode(value)];
  });
}

function checkThreshold(threshold: number = DEFAULT_DUPLICATE_THRESHOLD): void {
  if (threshold >= 0 && threshold <= 1) return;
  throw new StackloreError('invalid_input', {
    message: 'The threshold for duplicates must be a number from 0 to 1. Leave it out for 0.95.',
  });
}

function checkPage(offset: number, limit: number): void {
  const isWhole = Number.isSafeInteger(offset) && Number.isSafeInteger(limit);
  if (isWhole && offset >= 0 && limit >= 0 && offset + limit <= MAX_LISTED) return;
  throw new StackloreError('invalid_input', {
    message: `offset and limit must be whole numbers of at least 0, together at most ${MAX_LISTED}. Narrow the list with a filter.`,
  });
}

function notFound(factId: string): StackloreError {
  return new StackloreError('not_found', {
    message: `There is no fact "${factId}". See stacklore facts list for the ids.`,
  });
}

function taken(factId: string): StackloreError {
  return new StackloreError('already_exists', {
    message: `There is a fact "${factId}" already. Give another id, or change it: stacklore facts update.`,
  });
}
