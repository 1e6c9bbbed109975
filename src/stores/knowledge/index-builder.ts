import { errorMessage } from '../../errors.ts';
import type { Database } from '../../redis/databases.ts';
import { requireSearch } from '../../redis/search-module.ts';
import type { CollectionField } from '../../schema/knowledge.ts';
import type { Collection } from './collections.ts';
import { requireCurrent } from './current-collection.ts';
import {
  createIndex,
  dropIndex,
  type IndexShape,
  isLostIndex,
  isUnknownCommand,
  readIndexShape,
  shareIndexed,
} from './ft-index.ts';
import { aliasOf, readAliasOf } from './index-aliases.ts';
import { createCommand, fieldAttribute, termsAttributes } from './index-command.ts';
import { collectionOfIndex } from './index-fields.ts';
import { waitUntilIndexed } from './wait-until-indexed.ts';
import type { WholeIndexes } from './whole-indexes.ts';

/** Makes the FT indexes of collections from their manifests, waits until the server has filled them, changes and removes them. */
export class IndexBuilder {
  readonly #database: Database;
  readonly #whole: WholeIndexes;

  constructor(database: Database, whole: WholeIndexes) {
    this.#database = database;
    this.#whole = whole;
  }

  /**
   * Creates index and alias where they are missing and waits until every chunk is indexed. Until then there is no
   * alias to search by, so that every reader comes here and waits too instead of taking a partial answer.
   * One without words, where the collection has some, is filled sooner. Throws `busy` when the server makes no progress.
   */
  async ensure(collection: Collection, { withWords = true } = {}): Promise<void> {
    const { analyser, ...wordless } = collection.manifest;
    const { sources } = await this.build(withWords ? collection : { ...collection, manifest: wordless });
    // Who looks from outside would take words that are not indexed yet for words that no chunk holds.
    if (analyser && !sources.has('analysed')) return;
    await this.#database.send(['FT.ALIASUPDATE', aliasOf(collection.name), collection.index]);
  }

  /**
   * Like `ensure`, but for an index that does not serve the collection yet, of its chunks or of those with another prefix;
   * `onProgress` is told shares from 0 to 1. Gives what the index is made of.
   */
  async build(
    { name, manifest, index }: Pick<Collection, 'name' | 'manifest' | 'index'>,
    { onProgress, prefix }: { onProgress?: (share: number) => void; prefix?: string } = {},
  ): Promise<IndexShape> {
    await requireSearch(this.#database);
    await this.begin({ name, manifest, index }, { prefix });
    const shape = await this.#waitUntilIndexed(index, onProgress);
    await this.#database.send(['FT.ALIASUPDATE', readAliasOf({ index }), index]);
    return shape;
  }

  /** Creates an index where it is missing, which the server then fills by itself; nothing waits for that. */
  async begin(
    { name, manifest, index }: Pick<Collection, 'name' | 'manifest' | 'index'>,
    { prefix }: { prefix?: string | undefined } = {},
  ): Promise<void> {
    await createIndex(this.#database, createCommand(index, name, manifest, prefix));
  }

  /** Adds attributes for fields declared later, where they are missing; the server then scans the chunks again. */
  async addFields(collection: Collection, fields: readonly CollectionField[]): Promise<void> {
    await this.#alterOrMake(collection, fields.map(fieldAttribute));
  }

  /** Adds what the manifest declares and the index lacks, where it was made before that was declared. */
  async complete({ manifest, index }: Pick<Collection, 'manifest' | 'index'>): Promise<void> {
    const terms = manifest.analyser ? termsAttributes(manifest) : [];
    await this.#alter({ index }, [...terms, ...manifest.fields.map(fieldAttribute)]);
  }

  /** Adds the attributes for the terms of chunks, where they are missing. */
  async addTerms(collection: Collection): Promise<void> {
    await this.#alterOrMake(collection, termsAttributes(collection.manifest));
  }

  async #alter({ index }: Pick<Collection, 'index'>, attributes: readonly string[][]): Promise<void> {
    this.#whole.forget(index);
    for (const attribute of attributes) {
      const command = ['FT.ALTER', index, 'SCHEMA', 'ADD', ...attribute];
      await this.#database.send(command).catch((error: unknown) => {
        if (!/duplicate/i.test(errorMessage(error))) throw error;
      });
    }
    await this.#waitUntilIndexed(index);
  }

  /** Changes an index; one that is lost is made from the manifest first. */
  async #alterOrMake(collection: Collection, attributes: readonly string[][]): Promise<void> {
    try {
      await this.#alter(collection, attributes);
    } catch (error) {
      if (isUnknownCommand(error)) await requireSearch(this.#database);
      if (!isLostIndex(error)) throw error;
      await requireCurrent(this.#database, collection);
      await this.ensure(collection);
      await this.#alter(collection, attributes);
    }
  }

  /** Gives the index once the server has filled it. */
  async #waitUntilIndexed(index: string, onProgress?: (share: number) => void): Promise<IndexShape> {
    const shape = await waitUntilIndexed(index, async () => {
      const seen = await readIndexShape(this.#database, index);
      onProgress?.(shareIndexed(seen));
      return seen;
    });
    this.#whole.note(index, shape);
    return shape;
  }

  /** Removes every index of a collection with their aliases, those of a reindex too; the chunks stay. */
  async drop({ name, index }: Pick<Collection, 'name' | 'index'>): Promise<void> {
    await this.dropOthers({ name, index });
    await dropIndex(this.#database, index);
  }

  /** Removes one index; the chunks stay. */
  async dropIndex(index: string): Promise<void> {
    await dropIndex(this.#database, index);
  }

  /** Removes the indexes of a collection that do not serve it. */
  async dropOthers({ name, index }: Pick<Collection, 'name' | 'index'>): Promise<void> {
    const all = await this.#database.send<string[]>(['FT._LIST']);
    const others = all.filter((other) => collectionOfIndex(other) === name && other !== index);
    for (const other of others) await dropIndex(this.#database, other);
  }
}
