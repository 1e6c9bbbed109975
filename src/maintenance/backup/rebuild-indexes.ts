import { type ErrorCode, StackloreError } from '../../errors.ts';
import type { Databases } from '../../redis/databases.ts';
import { chunkRecord, collectionRecord } from '../../schema/knowledge.ts';
import type { Collection, Collections } from '../../stores/knowledge/collections.ts';
import type { FactIndex } from '../../stores/knowledge/fact-index.ts';
import { type KindBounds, kindFor } from '../../stores/knowledge/index-kind.ts';
import type { Reindexes } from '../../stores/knowledge/reindexes.ts';
import type { VectorIndex } from '../../stores/knowledge/vector-index.ts';
import { isIndexMissing, makeExactIndexes } from '../auto-index/exact-first.ts';
import type { IndexTender } from '../auto-index/index-tender.ts';
import type { RecordPart } from './archive-format.ts';

/** What becomes of an index after a restore. */
export type IndexOutcome =
  | {
      readonly state: 'ready';
      /**
       * What the server still indexes in the background, in this order, where exact search by vectors answers until then; absent
       * where all is there.
       */
      readonly following?: Following;
    }
  /** The records are restored; the next call that needs the index tries again. */
  | { readonly state: 'failed'; readonly error: { readonly code: ErrorCode; readonly message: string } };

type Following = readonly ('words' | 'hnsw')[];

/** What becomes of the index of a restored collection. */
export type RebuiltIndex = { readonly collection: string } & IndexOutcome;

export interface IndexParts {
  readonly databases: Databases;
  readonly collections: Collections;
  readonly vectorIndex: VectorIndex;
  readonly factIndex: Pick<FactIndex, 'ensure'>;
  readonly reindexes: Reindexes;
  /** Looks after the indexes of `auto` collections afterwards. */
  readonly tender: Pick<IndexTender, 'again'>;
  readonly bounds?: KindBounds;
}

/** Looks after what a restore touches: indexes, and versions of collections that must never go back. */
export class CollectionRestore {
  readonly #parts: IndexParts;
  readonly #touched = new Set<string>();
  #hasFacts = false;
  readonly #versions = new Map<string, number>();

  constructor(parts: IndexParts) {
    this.#parts = parts;
  }

  /** Remembers the versions of the collections as they are before the restore. */
  async remember(): Promise<void> {
    // One that cannot be read is what a restore may be for.
    const { items } = await this.#parts.collections.list();
    for (const { name, version } of items) this.#versions.set(name, version);
  }

  /** Takes note of a record that is restored and gives it as it is to be written. */
  take(part: RecordPart): RecordPart {
    const { family, key } = part;
    if (family === 'fact' || family === 'facts manifest') this.#hasFacts = true;
    if (family === 'chunk') this.#touch(chunkRecord.key.parse(key.toString())?.collection);
    if (family !== 'collection') return part;
    const collection = collectionRecord.key.parse(key.toString())?.collection;
    this.#touch(collection);
    return { ...part, items: withVersionBeyond(part.items, this.#versions.get(collection ?? '')) };
  }

  #touch(collection: string | undefined): void {
    if (collection !== undefined) this.#touched.add(collection);
  }

  /** Makes missing indexes once all hashes are there, and lifts the versions beyond those that answers were cached for. */
  async finish(): Promise<RebuiltIndex[]> {
    const { collections, databases, tender } = this.#parts;
    const { items, unreadable } = await collections.list();
    const restored = items.filter(({ name }) => this.#touched.has(name));
    const rebuilt = unreadable
      .filter(({ name }) => this.#touched.has(name))
      .map(({ name, problem }): RebuiltIndex => {
        return { collection: name, state: 'failed', error: { code: 'record_invalid', message: problem } };
      });
    for (const { name, version } of restored) {
      const key = collectionRecord.key.build({ collection: name });
      const lift = String(Math.max(0, (this.#versions.get(name) ?? 0) - version) + 1);
      await databases.knowledge.send(['HINCRBY', key, 'version', lift]);
    }
    // Exact indexes first: the server fills one after the other, and HNSW may take minutes.
    for (const collection of [
      ...restored.filter(mayBeExact),
      ...restored.filter((one) => !mayBeExact(one)),
    ]) {
      const outcome = await outcomeOf(() => this.#makeIndex(collection));
      rebuilt.push({ collection: collection.name, ...outcome });
    }
    tender.again(restored.map(({ name }) => name));
    return rebuilt;
  }

  /** Makes a missing index; where it would be HNSW only because of its size one for exact search, which takes a moment. */
  async #makeIndex(collection: Collection): Promise<Following> {
    const { collections, vectorIndex, databases, reindexes } = this.#parts;
    const parts = { knowledge: databases.knowledge, collections, vectorIndex, reindexes };
    if (!mayBeExact(collection) || !(await isIndexMissing(parts, collection))) {
      await vectorIndex.builder.ensure(collection);
      return [];
    }
    const [exact] = await makeExactIndexes(parts, [collection]);
    if (exact) return this.#following(exact);
    // Others have changed it meanwhile.
    await vectorIndex.builder.ensure(await collections.get(collection.name));
    return [];
  }

  async #following({ index, manifest }: Collection): Promise<Following> {
    const shape = await this.#parts.vectorIndex.findShape(index);
    const suited = kindFor(shape?.documents ?? 0, 'flat', this.#parts.bounds);
    return [
      ...(manifest.analyser ? (['words'] as const) : []),
      ...(suited === 'hnsw' ? (['hnsw'] as const) : []),
    ];
  }

  /** Makes the index of facts where it is missing; `undefined` when no fact was restored. */
  async finishFacts(): Promise<IndexOutcome | undefined> {
    if (!this.#hasFacts) return undefined;
    return outcomeOf(async () => {
      await this.#parts.factIndex.ensure();
      return [];
    });
  }
}

/** An earlier version is not even there while the restore goes on, or after it was interrupted. */
function withVersionBeyond(items: readonly Buffer[], before: number | undefined): readonly Buffer[] {
  const at = items.findIndex((item, index) => index % 2 === 0 && item.toString() === 'version');
  const version = Number(items[at + 1]?.toString());
  if (at < 0 || before === undefined || version > before) return items;
  return items.with(at + 1, Buffer.from(String(before + 1)));
}

function mayBeExact({ manifest: { index } }: Collection): boolean {
  return index.auto === true && index.kind === 'hnsw';
}

async function outcomeOf(work: () => Promise<Following>): Promise<IndexOutcome> {
  try {
    const following = await work();
    return { state: 'ready', ...(following.length > 0 && { following }) };
  } catch (error) {
    if (!(error instanceof StackloreError)) throw error;
    return { state: 'failed', error: { code: error.code, message: error.message } };
  }
}
