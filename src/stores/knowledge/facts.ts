import { randomUUID } from 'node:crypto';
import { keysForScript } from '../../redis/candidates.ts';
import type { Database } from '../../redis/databases.ts';
import { runScript } from '../../redis/script.ts';
import { unlinkOwned } from '../../redis/unlink-owned.ts';
import { namedWrongType } from '../../redis/wrong-type.ts';
import {
  type FactChanges,
  type FactFilter,
  type NewFact,
  parseFactChanges,
  parseNewFact,
} from '../../schema/fact-input.ts';
import { type FactsManifest, factRecord } from '../../schema/knowledge.ts';
import type { Page } from './documents.ts';
import {
  type AddedFact,
  duplicatesOf,
  type FactDuplicate,
  type FactMatch,
  isCurrent,
  isOwned,
  isSameFact,
  readFact,
  readRow,
  SHOWN_FIELDS,
  type StoredFact,
  shownFact,
  type UnreadableFact,
} from './fact.ts';
import { changeFact, encodeChanges } from './fact-changes.ts';
import { checkFactPage, checkThreshold, noFact, takenFact } from './fact-checks.ts';
import { distanceOf, type FactIndex, type FactRow, readRows } from './fact-index.ts';
import { duplicateQueries, type FactNearest, listQuery, nearestQuery } from './fact-queries.ts';
import { contentFields, type EmbeddedFact, inputHash } from './fact-vector.ts';
import { isLostIndex } from './ft-index.ts';
import type { SearchReply } from './knn-reply.ts';
import { SAVE_FACT } from './scripts/save-fact.ts';

/** How a fact is written. */
export interface FactWriteOptions {
  /** Its vector; without one it is listed but not found by meaning until it is embedded. */
  readonly embedded?: EmbeddedFact;
  /** From which cosine on another fact counts as a duplicate, 0 to 1; the configured one when left out. */
  readonly duplicateThreshold?: number;
}

/** Whose facts are meant. */
export interface OwnerOptions {
  /** Those of this user only; any other fact is as if it were not there. */
  readonly ownedBy?: string | undefined;
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

/** The facts of the knowledge base. */
export class Facts {
  readonly #database: Database;
  readonly #index: FactIndex;
  readonly #duplicateThreshold: number;
  readonly #now: () => number;
  readonly #newId: () => string;

  constructor(
    database: Database,
    {
      index,
      duplicateThreshold = 0.95,
      now = Date.now,
      newId = randomUUID,
    }: { index: FactIndex; duplicateThreshold?: number; now?: () => number; newId?: () => string },
  ) {
    this.#database = database;
    this.#index = index;
    this.#duplicateThreshold = duplicateThreshold;
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

  /** A fact, or `undefined`. Throws `record_invalid` for one that cannot be read. */
  async find(factId: string, { ownedBy }: OwnerOptions = {}): Promise<StoredFact | undefined> {
    return (await this.#read(factId, ownedBy)).fact;
  }

  /** A fact. Throws `not_found`, or `record_invalid` for one that cannot be read. */
  async get(factId: string, options: OwnerOptions = {}): Promise<StoredFact> {
    const fact = await this.find(factId, options);
    if (fact) return fact;
    throw noFact(factId);
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
    checkFactPage(offset, limit);
    const { rows, total } = await this.#index.search(listQuery(filter, { offset, limit }));
    const items: StoredFact[] = [];
    const unreadable: UnreadableFact[] = [];
    for (const row of rows) {
      const fact = readRow(row);
      if ('message' in fact) unreadable.push(fact);
      else items.push(fact);
    }
    return { items, total, unreadable };
  }

  /** The facts nearest to a vector, nearest first. Throws `dimension_mismatch` or `invalid_vector`. */
  async nearest(manifest: FactsManifest, nearest: FactNearest): Promise<FactMatches> {
    const { rows, rebuilt } = await this.#index.search(nearestQuery(manifest, nearest));
    const matches: FactMatch[] = [];
    const unreadable: UnreadableFact[] = [];
    let outdated = 0;
    for (const row of rows) {
      const distance = distanceOf(row);
      // Vectors of zeros or NaN have no direction, so their distance means nothing.
      if (Number.isNaN(distance)) continue;
      if (!isCurrent(row, manifest)) {
        outdated += 1;
        continue;
      }
      const fact = readRow(row);
      if ('message' in fact) unreadable.push(fact);
      else matches.push({ ...shownFact(fact), distance });
    }
    return { matches, outdated, unreadable, rebuilt };
  }

  /**
   * Changes some fields of a fact in one step. New content needs its vector; without it the fact is not found by
   * meaning until it is embedded. Throws `not_found`, `invalid_input` naming a bad field, or `record_invalid` with
   * nothing written when what stays of the fact cannot be read; what is changed may have been what could not be.
   */
  async update(
    factId: string,
    changes: FactChanges,
    { ownedBy, ...options }: FactWriteOptions & OwnerOptions = {},
  ): Promise<AddedFact> {
    const checked = parseFactChanges(changes);
    checkThreshold(options.duplicateThreshold);
    const keys = factRecord.key.candidates({ factId });
    const fields = encodeChanges(checked);
    if (checked.content !== undefined) {
      if (options.embedded) await this.#index.open(options.embedded.manifest);
      fields.push(...contentFields(checked.content, options.embedded));
    }
    const fact = await changeFact(this.#database, factId, { fields, ownedBy, now: this.#now() }).catch(
      (error: unknown) => this.#rejectNamed(error, keys),
    );
    if (!fact) throw noFact(factId);
    const duplicates = checked.content === undefined ? [] : await this.#findDuplicates(fact, keys, options);
    return { ...fact, duplicates };
  }

  /** Marks a fact as verified, or takes that back. Throws `not_found`. */
  async verify(factId: string, verified = true): Promise<StoredFact> {
    const { duplicates: _none, ...fact } = await this.update(factId, { verified });
    return fact;
  }

  /** Deletes a fact. Throws `not_found`. */
  async delete(factId: string, { ownedBy }: OwnerOptions = {}): Promise<void> {
    const keys = factRecord.key.candidates({ factId });
    const deleted = await (ownedBy === undefined
      ? this.#unlink(keys)
      : unlinkOwned(this.#database, keys, ownedBy));
    if (deleted === 0) throw noFact(factId);
  }

  async #unlink(keys: readonly string[]): Promise<number> {
    const commands = keys.map((key) => ['UNLINK', key]);
    const deleted = await this.#database.pipeline<number>(commands, { isConfirmed: true });
    return deleted.reduce((sum, count) => sum + count, 0);
  }

  async #save(mode: 'new' | 'any', input: NewFact, options: FactWriteOptions): Promise<AddedFact> {
    const checked = parseNewFact(input);
    checkThreshold(options.duplicateThreshold);
    const { factId = this.#newId(), createdAt = new Date(this.#now()) } = checked;
    const fact: StoredFact = { ...checked, factId, createdAt };
    const keys = factRecord.key.candidates({ factId });
    if (options.embedded) await this.#index.open(options.embedded.manifest);
    const fields = [...factRecord.encode(fact, keys[0]), ...contentFields(fact.content, options.embedded)];
    if (this.#database.isCluster) {
      // The index lies in other slots than the fact, which are asked after it: of two that say the same at once, both are told.
      const call = { keys: await keysForScript(this.#database, keys), args: [mode, ...fields] };
      if ((await runScript<number>(this.#database, SAVE_FACT, call)) === 0) throw takenFact(factId);
      return { ...fact, duplicates: await this.#findDuplicates(fact, keys, options) };
    }
    const queries = duplicateQueries(fact, options.embedded);
    try {
      // One MULTI: of two that say the same at once, the later one is told of the earlier one.
      const write = SAVE_FACT.evalCommand(keys, [mode, ...fields]);
      const [saved, ...replies] = await this.#database.transaction<unknown>(
        [write, ...queries.map((query) => this.#index.command(query))],
        { isConfirmed: true },
      );
      if (saved === 0) throw takenFact(factId);
      const found = replies.map((reply) => readRows(reply as SearchReply).rows);
      return { ...fact, duplicates: this.#duplicates(fact, { keys, found, options }) };
    } catch (error) {
      if (!isLostIndex(error)) return this.#rejectNamed(error, keys);
      // Written or not: the script's reply is lost with the search's error.
      const stored = await this.find(factId);
      if (!stored || !isSameFact(stored, fact)) throw takenFact(factId);
      return { ...fact, duplicates: await this.#findDuplicates(fact, keys, options) };
    }
  }

  async #findDuplicates(fact: StoredFact, keys: readonly string[], options: FactWriteOptions) {
    const queries = duplicateQueries(fact, options.embedded);
    const answers = await Promise.all(queries.map((query) => this.#index.search(query)));
    return this.#duplicates(fact, { keys, found: answers.map(({ rows }) => rows), options });
  }

  #duplicates(
    { content }: StoredFact,
    { keys, found, options }: { keys: readonly string[]; found: FactRow[][]; options: FactWriteOptions },
  ): FactDuplicate[] {
    const [exact = [], near = []] = found;
    const { duplicateThreshold: threshold = this.#duplicateThreshold, embedded } = options;
    return duplicatesOf({ content, ownKeys: keys, exact, near, threshold, manifest: embedded?.manifest });
  }

  async #read(factId: string, ownedBy?: string): Promise<{ fact?: StoredFact; inputHash?: string }> {
    const keys = factRecord.key.candidates({ factId });
    const replies = await this.#database
      .pipeline<(string | null)[]>(keys.map((key) => ['HMGET', key, ...SHOWN_FIELDS, 'input_hash']))
      .catch((error: unknown) => this.#rejectNamed(error, keys));
    for (const [at, key] of keys.entries()) {
      const values = replies[at] ?? [];
      // Nothing is said of a fact of others, not even that it cannot be read.
      if (!isOwned(values, ownedBy)) continue;
      const fact = readFact(factId, key, values);
      const made = values[SHOWN_FIELDS.length];
      if (fact) return { fact, ...(typeof made === 'string' && { inputHash: made }) };
    }
    if (ownedBy !== undefined) return {};
    const present = await this.#database.pipeline<number>(keys.map((key) => ['EXISTS', key]));
    const torn = keys.find((_, at) => present[at] === 1);
    // A hash without any field of a fact: it says what is missing.
    if (torn !== undefined) return { fact: { factId, ...factRecord.decode({}, torn) } };
    return {};
  }

  async #rejectNamed(error: unknown, keys: readonly string[]): Promise<never> {
    throw await namedWrongType(this.#database, error, new Map(keys.map((key) => [key, 'hash'] as const)));
  }
}
