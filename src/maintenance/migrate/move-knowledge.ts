import { randomUUID } from 'node:crypto';
import { RecordError } from '../../errors.ts';
import type { Database } from '../../redis/databases.ts';
import { scanKeyBytes } from '../../redis/scan.ts';
import { runScript } from '../../redis/script.ts';
import { type Family, familiesOf, familyFinder, redisTypeOf } from '../../schema/families.ts';
import { chunkRecord, collectionRecord, factRecord } from '../../schema/knowledge.ts';
import type { CheckedMigration } from '../../schema/migration-request.ts';
import { readRecords } from '../backup/read-records.ts';
import { WriteRecords } from '../backup/write-records.ts';
import { printableKey } from '../measure-keys.ts';
import { findMerged, mergeCollection } from './merge-collection.ts';
import { copyEntries, countAbsent, removeEntries } from './merge-entries.ts';
import { type MovedFamily, MoveTally } from './move-tally.ts';
import { type IndexParts, MovedIndexes } from './moved-indexes.ts';
import { requireOtherPlace, throwIfStopped } from './place.ts';
import { DIGEST_KEYS, UNLINK_IF_SAME } from './scripts/digest-keys.ts';

/** How far a migration is. */
export interface MigrationProgress {
  /** What is being done: `compare`, `copy`, `verify` or `rows`. */
  readonly database: string;
  readonly done: number;
  readonly total: number;
}

/** What became of the knowledge records of another database. */
export interface MoveReport {
  readonly layout: 'stacklore';
  readonly dryRun: boolean;
  readonly move: boolean;
  readonly families: readonly MovedFamily[];
  /** Keys (of indexes, entries) that were copied, or with `dryRun` would be. */
  readonly copied: number;
  /** Equal in both places before anything was copied. */
  readonly alreadyThere: number;
  /** Keys compared on both sides afterwards and found equal. */
  readonly verified: number;
  readonly removed: number;
  /** Keys that changed while they were copied, or that the target lost: repeat. */
  readonly unequal: { readonly count: number; readonly keys: readonly string[] };
  /** Keys of a Redis type that no record has. */
  readonly skipped: { readonly count: number; readonly keys: readonly string[] };
  /** Collections of chunks that nobody has created: make them, and their chunks are found. */
  readonly uncreated: readonly string[];
}

export interface MoveParts extends IndexParts {
  readonly now?: () => number;
}

export interface MoveOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: MigrationProgress) => void) | undefined;
}

/** Keys of one comparison: together some milliseconds of the server's time. */
const KEYS_PER_STEP = 100;

/**
 * Copies every knowledge record of another database to where knowledge is, with expiries and every byte, then compares
 * both sides, and with `move` removes from the source what is equal. What both have, such as the index of documents, is
 * put together. Repeated, it goes on. Throws before anything is written: `already_exists` when a key holds something else
 * at its target, `manifest_mismatch` for a collection that was made otherwise there, `search_unavailable` when the target
 * cannot be indexed.
 */
export async function moveKnowledge(
  parts: MoveParts,
  source: Database,
  { dryRun, move, ...options }: Pick<CheckedMigration, 'dryRun' | 'move'> & MoveOptions,
): Promise<MoveReport> {
  await parts.vectorIndex.requireSearch();
  const { sameServer } = await requireOtherPlace(source, parts.knowledge);
  const tally = new MoveTally();
  const steps = new Move(parts, { source, tally, options });
  const shared = await steps.compare();
  tally.refuseCollisions();
  const indexes = new MovedIndexes(parts, { collections: steps.collections, hasFacts: steps.hasFacts });
  if (!dryRun) {
    await steps.copy(shared);
    // Deleting a key takes one of the same name in another number of its server out of the index.
    if (move && sameServer) await indexes.drop();
    await steps.verify(shared, move);
    await indexes.finish({ isAnew: move && sameServer });
  }
  return { layout: 'stacklore', dryRun, move, ...tally.report(), uncreated: await indexes.uncreated() };
}

interface Shared {
  readonly key: Buffer;
  readonly family: Family;
}

/** The steps of a move: each goes through all keys of the source anew, so that memory does not grow with them. */
class Move {
  readonly collections = new Set<string>();
  hasFacts = false;
  readonly #source: Database;
  readonly #target: Database;
  readonly #tally: MoveTally;
  readonly #options: MoveOptions;
  readonly #now: () => number;
  readonly #findFamily = familyFinder(familiesOf(['knowledge']));

  constructor(
    { knowledge, now = Date.now }: MoveParts,
    { source, tally, options }: { source: Database; tally: MoveTally; options: MoveOptions },
  ) {
    this.#source = source;
    this.#target = knowledge;
    this.#tally = tally;
    this.#options = options;
    this.#now = now;
  }

  /** Counts what is to be copied and notes keys that hold something else at the target; gives those that are merged. */
  async compare(): Promise<Shared[]> {
    const shared = new Map<string, Shared>();
    for await (const { family, keys } of this.#pages('compare')) {
      if (isShared(family)) {
        for (const key of keys) shared.set(key.toString('latin1'), { family, key });
        continue;
      }
      this.#note(family, keys);
      const [ours, theirs] = await this.#digests(keys);
      for (const [at, key] of keys.entries()) this.#tally.compare(family, key, [ours[at], theirs[at]]);
    }
    for (const { family, key } of shared.values()) {
      await this.#requireType(family, key);
      const pair = this.#pair(key);
      const absent =
        family.record.type === 'hash'
          ? Number(!(await findMerged(pair)))
          : await countAbsent(withType(pair, family));
      this.#tally.merge(family, absent);
    }
    return [...shared.values()];
  }

  /** Copies what the target has not; what both share comes last, so that no list names what is not there yet. */
  async copy(shared: readonly Shared[]): Promise<void> {
    const { signal, onProgress } = this.#options;
    const total = await this.#source.send<number>(['DBSIZE']);
    const writer = new WriteRecords(this.#target, {
      ...{ mode: 'skip', isDryRun: false, restoreId: randomUUID(), now: this.#now },
    });
    const records = readRecords(this.#source, {
      familyOf: (key) => {
        const family = this.#findFamily(key.toString());
        return family && !isShared(family) ? family.name : undefined;
      },
      onScanned: (done) => onProgress?.({ database: 'copy', done, total: Math.max(total, done) }),
      onSkipped: () => undefined,
    });
    for await (const page of records) {
      throwIfStopped(signal);
      await writer.write(page);
    }
    await writer.finish();
    for (const { family, key } of shared) {
      throwIfStopped(signal);
      const pair = this.#pair(key);
      if (family.record.type === 'hash') await mergeCollection(pair);
      else await copyEntries(withType(pair, family));
    }
  }

  /** Reads both sides again; with `move`, what is equal goes from the source. */
  async verify(shared: readonly Shared[], move: boolean): Promise<void> {
    for await (const { family, keys } of this.#pages('verify')) {
      if (isShared(family)) continue;
      const [ours, theirs] = await this.#digests(keys);
      const equal: Buffer[] = [];
      const digests: string[] = [];
      for (const [at, key] of keys.entries()) {
        if (ours[at] === '' || ours[at] === 'other') continue;
        const isEqual = ours[at] === theirs[at];
        this.#tally.verify(family, key, isEqual);
        if (isEqual) {
          equal.push(key);
          digests.push(ours[at] as string);
        }
      }
      if (move) this.#tally.remove(family, await this.#unlink(equal, digests));
    }
    for (const { family, key } of shared) {
      throwIfStopped(this.#options.signal);
      const pair = this.#pair(key);
      if (family.record.type !== 'hash') {
        const left = move
          ? await removeEntries(withType(pair, family))
          : await countAbsent(withType(pair, family));
        this.#tally.verify(family, key, left === 0);
        if (move && left === 0) this.#tally.remove(family, 1);
        continue;
      }
      const [[digest = '']] = await this.#digests([key]);
      const isMerged = await findMerged(pair);
      this.#tally.verify(family, key, isMerged);
      if (move && isMerged) this.#tally.remove(family, await this.#unlink([key], [digest]));
    }
  }

  #pair(key: Buffer) {
    return { source: this.#source, target: this.#target, key };
  }

  #note(family: Family, keys: readonly Buffer[]): void {
    const { template } = family.record.key;
    if (template === factRecord.key.template) this.hasFacts = true;
    if (template !== chunkRecord.key.template) return;
    for (const key of keys) {
      const collection = chunkRecord.key.parse(key.toString())?.collection;
      if (collection !== undefined) this.collections.add(collection);
    }
  }

  async #requireType(family: Family, key: Buffer): Promise<void> {
    const expected = redisTypeOf(family.record);
    for (const database of [this.#source, this.#target]) {
      const type = await database.send<string>(['TYPE', key]);
      if (type === expected || type === 'none') continue;
      const where = database === this.#source ? 'the source' : 'the knowledge database';
      throw new RecordError(printableKey(key), [
        { field: 'key', message: `in ${where} it holds a ${type}, not a ${expected}` },
      ]);
    }
  }

  async #digests(keys: readonly Buffer[]): Promise<[string[], string[]]> {
    const digest = (database: Database) => runScript<string[]>(database, DIGEST_KEYS, { keys });
    return Promise.all([digest(this.#source), digest(this.#target)]);
  }

  async #unlink(keys: readonly Buffer[], digests: readonly string[]): Promise<number> {
    if (keys.length === 0) return 0;
    return runScript<number>(this.#source, UNLINK_IF_SAME, { keys, args: digests });
  }

  /** The knowledge keys of the source, family by family, a few at a time. */
  async *#pages(step: string): AsyncGenerator<{ family: Family; keys: Buffer[] }> {
    const { signal, onProgress } = this.#options;
    const total = await this.#source.send<number>(['DBSIZE']);
    let done = 0;
    for await (const page of scanKeyBytes(this.#source)) {
      const byFamily = new Map<Family, Map<string, Buffer>>();
      for (const key of page) {
        const family = this.#findFamily(key.toString());
        if (!family) continue;
        // A scan may give a key twice.
        const keys = byFamily.get(family) ?? new Map<string, Buffer>();
        byFamily.set(family, keys.set(key.toString('latin1'), key));
      }
      for (const [family, found] of byFamily) {
        const keys = [...found.values()];
        for (let at = 0; at < keys.length; at += KEYS_PER_STEP) {
          throwIfStopped(signal);
          yield { family, keys: keys.slice(at, at + KEYS_PER_STEP) };
        }
      }
      done += page.length;
      onProgress?.({ database: step, done, total: Math.max(total, done) });
    }
  }
}

/** Records that both databases may have with other content: indexes of documents, and collections. */
function isShared({ record }: Family): boolean {
  return (
    record.type === 'sortedSet' ||
    record.type === 'map' ||
    record.key.template === collectionRecord.key.template
  );
}

function withType<T>(pair: T, { record }: Family): T & { type: 'sortedSet' | 'map' } {
  return { ...pair, type: record.type === 'map' ? 'map' : 'sortedSet' };
}
