import { type ErrorCode, StackloreError } from '../../errors.ts';
import type { Databases } from '../../redis/databases.ts';
import { chunkRecord, collectionRecord } from '../../schema/knowledge.ts';
import type { Collections } from '../../stores/knowledge/collections.ts';
import type { VectorIndex } from '../../stores/knowledge/vector-index.ts';
import type { RecordPart } from './archive-format.ts';

/** What becomes of the index of a restored collection. */
export type RebuiltIndex =
  | { readonly collection: string; readonly state: 'ready' }
  /** The records are restored; the next search or ingest tries again. */
  | {
      readonly collection: string;
      readonly state: 'failed';
      readonly error: { readonly code: ErrorCode; readonly message: string };
    };

export interface IndexParts {
  readonly databases: Databases;
  readonly collections: Collections;
  readonly vectorIndex: VectorIndex;
}

/** Looks after the collections that a restore touches: their indexes, and versions that must never go back. */
export class CollectionRestore {
  readonly #parts: IndexParts;
  readonly #touched = new Set<string>();
  #versions = new Map<string, number>();

  constructor(parts: IndexParts) {
    this.#parts = parts;
  }

  /** Remembers the versions of the collections as they are before the restore. */
  async remember(): Promise<void> {
    const collections = await this.#parts.collections.list();
    this.#versions = new Map(collections.map(({ name, version }) => [name, version]));
  }

  /** Takes note of a record that is restored. */
  note({ family, key }: RecordPart): void {
    if (family === 'collection') this.#touch(collectionRecord.key.parse(key.toString())?.collection);
    if (family === 'chunk') this.#touch(chunkRecord.key.parse(key.toString())?.collection);
  }

  #touch(collection: string | undefined): void {
    if (collection !== undefined) this.#touched.add(collection);
  }

  /** Makes missing indexes once all hashes are there, and lifts the versions beyond those that answers were cached for. */
  async finish(): Promise<RebuiltIndex[]> {
    const rebuilt: RebuiltIndex[] = [];
    for (const collection of await this.#parts.collections.list()) {
      const { name, version } = collection;
      if (!this.#touched.has(name)) continue;
      const before = this.#versions.get(name) ?? 0;
      const key = collectionRecord.key.build({ collection: name });
      const lift = String(Math.max(0, before - version) + 1);
      await this.#parts.databases.knowledge.send(['HINCRBY', key, 'version', lift]);
      try {
        await this.#parts.vectorIndex.ensure(collection);
        rebuilt.push({ collection: name, state: 'ready' });
      } catch (error) {
        if (!(error instanceof StackloreError)) throw error;
        rebuilt.push({
          collection: name,
          state: 'failed',
          error: { code: error.code, message: error.message },
        });
      }
    }
    return rebuilt;
  }
}
