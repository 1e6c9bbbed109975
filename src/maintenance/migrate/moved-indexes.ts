import type { Database } from '../../redis/databases.ts';
import type { UnreadableRecord } from '../../redis/hash.ts';
import { runScript } from '../../redis/script.ts';
import { collectionRecord } from '../../schema/knowledge.ts';
import type { Collection, Collections } from '../../stores/knowledge/collections.ts';
import type { FactIndex } from '../../stores/knowledge/fact-index.ts';
import { BUMP_VERSION } from '../../stores/knowledge/scripts/bump-version.ts';
import type { VectorIndex } from '../../stores/knowledge/vector-index.ts';

export interface IndexParts {
  readonly knowledge: Database;
  readonly collections: Collections;
  readonly vectorIndex: VectorIndex;
  readonly factIndex: FactIndex;
}

/** The indexes of what is moved. While one is dropped, the next search makes it anew, so an interruption loses none. */
export class MovedIndexes {
  readonly #parts: IndexParts;
  readonly #names: ReadonlySet<string>;
  readonly #hasFacts: boolean;

  constructor(parts: IndexParts, moved: { collections: ReadonlySet<string>; hasFacts: boolean }) {
    this.#parts = parts;
    this.#names = moved.collections;
    this.#hasFacts = moved.hasFacts;
  }

  async drop(): Promise<void> {
    for (const collection of await this.#touched()) await this.#parts.vectorIndex.builder.drop(collection);
    if (this.#hasFacts) await this.#parts.factIndex.drop();
  }

  /** Makes indexes where they are missing, or all anew, and lets answers that were kept elsewhere go stale. */
  async finish({ isAnew }: { isAnew: boolean }): Promise<void> {
    // A search may have made one meanwhile, from which keys were taken out again.
    if (isAnew) await this.drop();
    const { knowledge, vectorIndex, factIndex } = this.#parts;
    for (const collection of await this.#touched()) {
      await vectorIndex.builder.ensure(collection);
      const key = collectionRecord.key.build({ collection: collection.name });
      await runScript(knowledge, BUMP_VERSION, { keys: [key] });
    }
    if (this.#hasFacts) await factIndex.ensure();
  }

  /** The names under which chunks came that no collection has, and the collections whose indexes were left alone. */
  async report(): Promise<{ uncreated: string[]; unreadable: UnreadableRecord[] }> {
    const { items, unreadable } = await this.#parts.collections.list();
    const known = new Set([...items, ...unreadable].map(({ name }) => name));
    return {
      uncreated: [...this.#names].filter((name) => !known.has(name)),
      unreadable: unreadable.map(({ key, problem }) => ({ key, problem })),
    };
  }

  /** Where no chunk was left to move, an earlier run may have been interrupted before this: all of them. */
  async #touched(): Promise<Collection[]> {
    // One record that cannot be read keeps nothing else from being finished.
    const { items } = await this.#parts.collections.list();
    return items.filter(({ name }) => this.#names.size === 0 || this.#names.has(name));
  }
}
