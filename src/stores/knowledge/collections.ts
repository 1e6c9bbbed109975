import { createHash } from 'node:crypto';
import { StackloreError } from '../../errors.ts';
import type { Database } from '../../redis/databases.ts';
import { readHash, type UnreadableRecord, unreadable } from '../../redis/hash.ts';
import { SAVE_MANIFEST } from '../../redis/save-manifest.mjs';
import { defineScript, runScript } from '../../redis/script.ts';
import {
  collectionRecord,
  collectionsRecord,
  type Manifest,
  manifest as manifestSchema,
  reindexRecord,
} from '../../schema/knowledge.ts';
import { readRecords } from '../read-records.ts';
import { indexName } from './index-fields.ts';
import { CREATE_COLLECTION } from './scripts/create-collection.ts';

/** A named set of chunks: what its vectors are made with, its corpus version and the FT index behind its alias. */
export interface Collection {
  readonly name: string;
  readonly manifest: Manifest;
  /** Grows with every publish and delete, so that answers kept elsewhere can be recognised as stale. */
  readonly version: number;
  readonly index: string;
  readonly createdAt: Date;
}

/** A collection whose record cannot be read, and why. */
export interface UnreadableCollection extends UnreadableRecord {
  readonly name: string;
}

/** Collections, oldest first; those whose records cannot be read are named and left out. */
export interface CollectionList {
  readonly items: readonly Collection[];
  readonly unreadable: readonly UnreadableCollection[];
}

const SAVE = defineScript(SAVE_MANIFEST);
const NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/;
/** How old a manifest read earlier may be when a search uses it again; saves a round trip a search. */
export const REMEMBERED_MS = 1_000;

/** The collections of the knowledge base and their manifests. */
export class Collections {
  readonly #database: Database;
  readonly #now: () => number;
  readonly #remembered = new Map<string, { readonly collection: Collection; readonly at: number }>();

  constructor(database: Database, { now = Date.now }: { now?: () => number } = {}) {
    this.#database = database;
    this.#now = now;
  }

  /** Records a new collection. Throws `already_exists` when the name is taken. The index is made by `VectorIndex`. */
  async create(name: string, manifest: Manifest): Promise<Collection> {
    checkCollectionName(name);
    const createdAt = new Date(this.#now());
    // As it will be read: its hash depends on the order of its fields, and an embedder may give them in any.
    const stored = manifestSchema.parse(manifest);
    const value = { manifest: stored, version: 0, index: indexName(name, 1), createdAt };
    const seconds = String(Math.floor(createdAt.getTime() / 1_000));
    const names = collectionsRecord.key.build({});
    // Two keys, which on a cluster no script can change at once: a name without a collection is passed over, a
    // collection without its name would not be seen.
    await this.#database.send(['ZADD', names, 'NX', seconds, name]);
    const created = await runScript<number>(this.#database, CREATE_COLLECTION, {
      keys: [collectionRecord.key.build({ collection: name })],
      args: collectionRecord.encode(value),
      isConfirmed: true,
    });
    // A name may be left over of an earlier collection.
    if (created === 1) await this.#database.send(['ZADD', names, seconds, name]);
    this.#remembered.delete(name);
    if (created !== 1) {
      throw new StackloreError('already_exists', {
        message: `Collection "${name}" exists already. Choose another name, or drop it first: stacklore collections drop ${name}.`,
      });
    }
    return { name, ...value };
  }

  /** The collection as stored now, or `undefined`. */
  async find(name: string): Promise<Collection | undefined> {
    checkCollectionName(name);
    const key = collectionRecord.key.build({ collection: name });
    const value = await readHash(this.#database, collectionRecord, key);
    if (value) return this.#remember(name, value);
    this.#remembered.delete(name);
    return undefined;
  }

  #remember(name: string, value: Omit<Collection, 'name'>): Collection {
    const collection = { name, ...value };
    this.#remembered.set(name, { collection, at: this.#now() });
    return collection;
  }

  /** The collection as stored now. Throws `not_found`. */
  async get(name: string): Promise<Collection> {
    const collection = await this.find(name);
    if (collection) return collection;
    throw new StackloreError('not_found', {
      message: `There is no collection "${name}". See stacklore collections list, or make it: stacklore ingest <folder> --collection ${name}.`,
    });
  }

  /** The collection, at most a second old: what searches use. Throws `not_found`. */
  async getRecent(name: string): Promise<Collection> {
    const remembered = this.#remembered.get(name);
    if (remembered && this.#now() - remembered.at < REMEMBERED_MS) return remembered.collection;
    return this.get(name);
  }

  /** The names of all collections, oldest first, whether or not their records can be read. */
  names(): Promise<string[]> {
    return this.#database.send<string[]>(['ZRANGE', collectionsRecord.key.build({}), '0', '-1']);
  }

  /** All collections, or those of these names that there are. */
  async list(names?: readonly string[]): Promise<CollectionList> {
    for (const name of names ?? []) checkCollectionName(name);
    // Other members of the record are no collections of anybody's: the doctor tells of them.
    const asked = names ?? (await this.names()).filter((name) => NAME.test(name));
    const places = asked.map((collection) => {
      return { id: collection, keys: [collectionRecord.key.build({ collection })] };
    });
    const { found, errors } = await readRecords(this.#database, collectionRecord, places);
    const known = new Set([...found, ...errors].map(({ id }) => id));
    for (const name of asked) if (!known.has(name)) this.#remembered.delete(name);
    return {
      items: found.map(({ id: name, value }) => this.#remember(name, value)),
      unreadable: errors.map(({ id: name, error }) => ({ name, ...unreadable(error) })),
    };
  }

  /**
   * Replaces a collection's manifest, and the index that serves it where another is named. Gives `undefined` and changes
   * nothing when the stored ones are not the given collection's any more: read it again then.
   */
  async saveManifest(
    collection: Collection,
    manifest: Manifest,
    index = collection.index,
  ): Promise<Collection | undefined> {
    const key = collectionRecord.key.build({ collection: collection.name });
    const { createdAt, manifest: codec } = collectionRecord.fields;
    // Compared as values, then swapped by the text as stored: a later version may write its keys in another order.
    const stored = await this.#database.send<string | null>(['HGET', key, 'manifest']);
    if (stored === null || codec.encode(codec.decode(stored)) !== codec.encode(collection.manifest)) {
      return undefined;
    }
    const saved = await runScript<number>(this.#database, SAVE, {
      keys: [key],
      args: [createdAt.encode(collection.createdAt), stored, collection.index, codec.encode(manifest), index],
      isConfirmed: true,
    });
    this.#remembered.delete(collection.name);
    return saved === 1 ? { ...collection, manifest, index } : undefined;
  }

  /** Forgets a collection whose documents and index are gone already. */
  async delete(name: string): Promise<void> {
    // One after the other, as they lie in several slots: the name last, as a collection without it would not be seen.
    await this.#database.send(['UNLINK', collectionRecord.key.build({ collection: name })]);
    await this.#database.send(['UNLINK', reindexRecord.key.build({ collection: name })]);
    const names = collectionsRecord.key.build({});
    await this.#database.send(['ZREM', names, name], { isConfirmed: true });
    // One of that name that was made meanwhile keeps it.
    const made = (await this.find(name))?.createdAt;
    if (made)
      await this.#database.send(['ZADD', names, 'NX', String(Math.floor(made.getTime() / 1_000)), name]);
    this.#remembered.delete(name);
  }
}

/** Throws `invalid_input` unless the name can be part of a key prefix and of an index name. */
export function checkCollectionName(name: string): void {
  if (NAME.test(name)) return;
  throw new StackloreError('invalid_input', {
    message: `"${name.slice(0, 80)}" cannot name a collection. Use 1 to 64 letters, digits, "_", "." or "-", a letter or digit first.`,
  });
}

/** Identifies what a document's chunks depend on beside its content: the same hash means they need no new embedding. */
export function manifestHash({ model, dimensions, chunker }: Manifest): string {
  return createHash('sha256')
    .update(JSON.stringify({ model, dimensions, chunker }))
    .digest('hex')
    .slice(0, 32);
}
