import { type ErrorCode, StackloreError } from '../../errors.ts';
import type { Databases } from '../../redis/databases.ts';
import { chunkRecord, collectionRecord } from '../../schema/knowledge.ts';
import type { Collections } from '../../stores/knowledge/collections.ts';
import type { FactIndex } from '../../stores/knowledge/fact-index.ts';
import type { VectorIndex } from '../../stores/knowledge/vector-index.ts';
import type { RecordPart } from './archive-format.ts';

/** What becomes of an index after a restore. */
export type IndexOutcome =
  | { readonly state: 'ready' }
  /** The records are restored; the next call that needs the index tries again. */
  | { readonly state: 'failed'; readonly error: { readonly code: ErrorCode; readonly message: string } };

/** What becomes of the index of a restored collection. */
export type RebuiltIndex = { readonly collection: string } & IndexOutcome;

export interface IndexParts {
  readonly databases: Databases;
  readonly collections: Collections;
  readonly vectorIndex: VectorIndex;
  readonly factIndex: Pick<FactIndex, 'ensure'>;
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
    for (const { name, collection } of await this.#parts.collections.listReadable()) {
      // One that cannot be read is what a restore may be for.
      if (!(collection instanceof StackloreError)) this.#versions.set(name, collection.version);
    }
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
    const rebuilt: RebuiltIndex[] = [];
    for (const { name, collection } of await this.#parts.collections.listReadable()) {
      if (!this.#touched.has(name)) continue;
      if (collection instanceof StackloreError) {
        rebuilt.push({ collection: name, ...failed(collection) });
        continue;
      }
      const before = this.#versions.get(name) ?? 0;
      const key = collectionRecord.key.build({ collection: name });
      const lift = String(Math.max(0, before - collection.version) + 1);
      await this.#parts.databases.knowledge.send(['HINCRBY', key, 'version', lift]);
      const outcome = await outcomeOf(() => this.#parts.vectorIndex.builder.ensure(collection));
      rebuilt.push({ collection: name, ...outcome });
    }
    return rebuilt;
  }

  /** Makes the index of facts where it is missing; `undefined` when no fact was restored. */
  async finishFacts(): Promise<IndexOutcome | undefined> {
    return this.#hasFacts ? outcomeOf(() => this.#parts.factIndex.ensure()) : undefined;
  }
}

/** An earlier version is not even there while the restore goes on, or after it was interrupted. */
function withVersionBeyond(items: readonly Buffer[], before: number | undefined): readonly Buffer[] {
  const at = items.findIndex((item, index) => index % 2 === 0 && item.toString() === 'version');
  const version = Number(items[at + 1]?.toString());
  if (at < 0 || before === undefined || version > before) return items;
  return items.with(at + 1, Buffer.from(String(before + 1)));
}

async function outcomeOf(work: () => Promise<unknown>): Promise<IndexOutcome> {
  try {
    await work();
    return { state: 'ready' };
  } catch (error) {
    if (!(error instanceof StackloreError)) throw error;
    return failed(error);
  }
}

function failed({ code, message }: StackloreError): IndexOutcome {
  return { state: 'failed', error: { code, message } };
}
