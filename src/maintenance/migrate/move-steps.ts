import { randomUUID } from 'node:crypto';
import { RecordError } from '../../errors.ts';
import type { Database } from '../../redis/databases.ts';
import { scanKeyBytes } from '../../redis/scan.ts';
import { runOverKeys, runScripts } from '../../redis/script.ts';
import { type Family, familiesOf, familyFinder, redisTypeOf } from '../../schema/families.ts';
import { chunkRecord, collectionRecord, factRecord } from '../../schema/knowledge.ts';
import { readRecords } from '../backup/read-records.ts';
import { WriteRecords } from '../backup/write-records.ts';
import { printableKey } from '../measure-keys.ts';
import { findMerged, mergeCollection } from './merge-collection.ts';
import { copyEntries, countAbsent, removeEntries } from './merge-entries.ts';
import type { MoveTally } from './move-tally.ts';
import type { IndexParts } from './moved-indexes.ts';
import { type RunOptions, throwIfStopped } from './progress.ts';
import { DIGEST_KEYS, UNLINK_IF_SAME } from './scripts/digest-keys.ts';

export interface MoveParts extends IndexParts {
  readonly now?: () => number;
}

/** Keys of one comparison: together some milliseconds of the server's time. */
const KEYS_PER_STEP = 100;

/** A key that both databases may have with other content, and that is put together. */
export interface Shared {
  readonly key: Buffer;
  readonly family: Family;
}

/** The steps of a move: each goes through all keys of the source anew, so that memory does not grow with them. */
export class MoveSteps {
  readonly collections = new Set<string>();
  hasFacts = false;
  readonly #source: Database;
  readonly #target: Database;
  readonly #tally: MoveTally;
  readonly #options: RunOptions;
  readonly #now: () => number;
  readonly #findFamily = familyFinder(familiesOf(['knowledge']).filter(({ record }) => !record.isTransient));

  constructor(
    { knowledge, now = Date.now }: MoveParts,
    { source, tally, options }: { source: Database; tally: MoveTally; options: RunOptions },
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
    try {
      for await (const page of records) {
        throwIfStopped(signal);
        await writer.write(page);
      }
    } finally {
      await writer.finish();
    }
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
    const digest = async (database: Database) =>
      (await runOverKeys<string[]>(database, DIGEST_KEYS, { keys, args: [] })).flat();
    return Promise.all([digest(this.#source), digest(this.#target)]);
  }

  async #unlink(keys: readonly Buffer[], digests: readonly string[]): Promise<number> {
    if (keys.length === 0) return 0;
    const each = keys.map((key, at) => ({ keys: [key], args: [digests[at] ?? ''] }));
    const calls = this.#source.isCluster ? each : [{ keys, args: digests }];
    const deleted = await runScripts<number>(this.#source, UNLINK_IF_SAME, calls);
    return deleted.reduce((sum, count) => sum + count, 0);
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
