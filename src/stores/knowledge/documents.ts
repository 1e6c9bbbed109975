import { StackloreError } from '../../errors.ts';
import type { Database, RedisArgument } from '../../redis/databases.ts';
import { asObject, readHash } from '../../redis/hash.ts';
import { scanKeys } from '../../redis/scan.ts';
import {
  type CollectionField,
  chunkRecord,
  collectionDocumentsRecord,
  contentHashesRecord,
  documentIndexRecord,
  documentRecord,
} from '../../schema/knowledge.ts';
import { type Collection, manifestHash } from './collections.ts';
import type { NewChunk, NewDocument, StoredChunk, StoredDocument } from './document.ts';
import { chunkIdOf, chunkKey } from './document-ids.ts';
import { chunkWriter, clearCommand, fieldArguments, publishCommands } from './publish.ts';

/** One page of a list and how many there are in all. */
export interface Page<T> {
  readonly items: T[];
  readonly total: number;
}

const CHUNKS_PER_READ = 200;
const SOURCES_PER_READ = 500;

/** The documents of the knowledge base with their chunks; a document is always whole, old or new, never a mix. */
export class Documents {
  readonly #database: Database;
  readonly #now: () => number;

  constructor(database: Database, { now = Date.now }: { now?: () => number } = {}) {
    this.#database = database;
    this.#now = now;
  }

  /** A document's metadata, or `undefined`. */
  async find(docId: string): Promise<StoredDocument | undefined> {
    const key = documentRecord.key.build({ docId });
    const value = await readHash(this.#database, documentRecord, key);
    return value && { docId, ...value };
  }

  /** A document's metadata. Throws `not_found`. */
  async get(docId: string): Promise<StoredDocument> {
    const document = await this.find(docId);
    if (document) return document;
    throw new StackloreError('not_found', {
      message: `There is no document "${docId}". See stacklore docs list for the ids.`,
    });
  }

  /** Documents of a collection, most recently updated first. */
  async list(collection: string, { offset = 0, limit = 100 } = {}): Promise<Page<StoredDocument>> {
    const key = collectionDocumentsRecord.key.build({ collection });
    const range = ['ZREVRANGE', key, String(offset), String(offset + limit - 1)];
    const [total, docIds] = await this.#database.pipeline<unknown>([['ZCARD', key], range]);
    const items = await this.#read(docIds as string[]);
    return { items, total: Number(total) };
  }

  /** Every document of a collection, read page by page. */
  async *all(collection: string): AsyncGenerator<StoredDocument> {
    const key = collectionDocumentsRecord.key.build({ collection });
    // The ids are read once: pages of a set that is deleted from meanwhile would skip members.
    const docIds = await this.#database.send<string[]>(['ZRANGE', key, '0', '-1']);
    for (let at = 0; at < docIds.length; at += SOURCES_PER_READ) {
      yield* await this.#read(docIds.slice(at, at + SOURCES_PER_READ));
    }
  }

  /** How many documents a collection has. */
  async count(collection: string): Promise<number> {
    return this.#database.send<number>(['ZCARD', collectionDocumentsRecord.key.build({ collection })]);
  }

  /** The document of a collection that has this content, or `undefined`. */
  async findByHash(collection: string, hash: string): Promise<string | undefined> {
    const key = contentHashesRecord.key.build({ collection });
    return (await this.#database.send<string | null>(['HGET', key, hash])) ?? undefined;
  }

  /** The chunks of a document in order, without their embeddings, read page by page. */
  async *chunks(document: StoredDocument): AsyncGenerator<StoredChunk> {
    const collection = document.collection ?? 'default';
    for (let from = 0; from < document.chunkCount; from += CHUNKS_PER_READ) {
      const numbers = range(from, Math.min(document.chunkCount, from + CHUNKS_PER_READ));
      const keys = numbers.map((n) =>
        chunkRecord.key.build({ collection, chunkId: chunkIdOf(document.docId, n) }),
      );
      const replies = await this.#database.pipeline<(string | null)[]>(
        keys.map((key) => ['HMGET', key, 'text', 'metadata', 'node_id']),
      );
      for (const [index, [text, metadata, nodeId]] of replies.entries()) {
        if (typeof text !== 'string') continue; // removed by hand; doctor reports it
        const chunkId = chunkIdOf(document.docId, from + index);
        yield { chunkId, nodeId: nodeId ?? '', text, metadata: JSON.parse(metadata ?? '{}') };
      }
    }
  }

  /** The stored vectors of a document by the hash of what was embedded, to be kept for chunks that stay the same. */
  async embeddings(collection: Collection, document: StoredDocument): Promise<Map<string, Float32Array>> {
    const vectors = new Map<string, Float32Array>();
    const bytes = collection.manifest.dimensions * 4;
    for (let from = 0; from < document.chunkCount; from += CHUNKS_PER_READ) {
      const numbers = range(from, Math.min(document.chunkCount, from + CHUNKS_PER_READ));
      const replies = await this.#database.pipeline<(Buffer | null)[]>(
        numbers.map((n) => [
          'HMGET',
          chunkKey(collection.name, document.docId, n),
          'input_hash',
          'embedding',
        ]),
        { buffers: true },
      );
      for (const [inputHash, embedding] of replies) {
        if (!inputHash || embedding?.byteLength !== bytes) continue;
        vectors.set(inputHash.toString(), new Float32Array(Uint8Array.from(embedding).buffer));
      }
    }
    return vectors;
  }

  /**
   * Publishes a document: its chunks, its metadata and its index entries appear, and those of an earlier version
   * disappear, in one MULTI. Throws `not_found` when the collection was dropped. Vectors must have the collection's dimensions, be finite and not zero; nothing is written
   * otherwise (`dimension_mismatch`, `invalid_vector`). Do not change the vectors before the promise resolves.
   */
  async replace(
    collection: Collection,
    document: NewDocument,
    chunks: readonly NewChunk[],
    embeddings: readonly Float32Array[],
  ): Promise<StoredDocument> {
    if (chunks.length !== embeddings.length) {
      throw new StackloreError('invalid_input', {
        message: `${chunks.length} chunks came with ${embeddings.length} embeddings. Give one embedding for each chunk.`,
      });
    }
    const earlier = await this.find(document.docId);
    checkOwner(earlier, collection.name);
    const updatedAt = new Date(this.#now());
    const stored: StoredDocument = {
      ...document,
      metadata: { ...document.metadata },
      collection: collection.name,
      chunkCount: chunks.length,
      manifestHash: manifestHash(collection.manifest),
      createdAt: earlier?.createdAt ?? updatedAt,
      updatedAt,
    };
    const writer = chunkWriter(collection, stored);
    const writes = chunks.map((chunk, index) => writer(chunk, index, embeddings[index]));
    const [isCounted] = await this.#database.transaction(publishCommands(collection.name, stored, writes));
    if (isCounted === 0) {
      // Dropped while this document was prepared: what is left of it would belong to no collection.
      await this.delete(document.docId);
      throw new StackloreError('not_found', {
        message: `Collection "${collection.name}" was dropped meanwhile, so the document was not kept. Create the collection again, then repeat.`,
      });
    }
    return stored;
  }

  /** Deletes a document with its chunks and index entries in one MULTI. Throws `not_found`. */
  async delete(docId: string): Promise<StoredDocument> {
    const document = await this.get(docId);
    await this.#remove(docId, document.collection ?? 'default');
    return document;
  }

  /** Deletes every document of a collection, one by one, and chunks under its prefix that no document knows. */
  async deleteAll({ name }: Pick<Collection, 'name'>): Promise<number> {
    const listed = collectionDocumentsRecord.key.build({ collection: name });
    let deleted = 0;
    // The list is emptied, not removed: a document that is published meanwhile must not be forgotten.
    for (;;) {
      const last = String(SOURCES_PER_READ - 1);
      const docIds = await this.#database.send<string[]>(['ZRANGE', listed, '0', last]);
      if (docIds.length === 0) break;
      for (const docId of docIds) {
        const document = await this.find(docId);
        if (document && (document.collection ?? 'default') === name) {
          await this.#remove(docId, name);
          deleted += 1;
        } else {
          await this.#database.send(['ZREM', listed, docId]);
        }
      }
    }
    const prefix = chunkKey(name, 'x', 0).slice(0, -'x_chunk_0'.length);
    for await (const keys of scanKeys(this.#database, `${prefix}*`)) {
      if (keys.length > 0) await this.#database.send(['UNLINK', ...keys]);
    }
    await this.#database.send(['UNLINK', contentHashesRecord.key.build({ collection: name })]);
    return deleted;
  }

  /** Copies declared metadata fields from the JSON of stored chunks into hash fields the index can see. */
  async backfillFields(collection: Collection, fields: readonly CollectionField[]): Promise<void> {
    for await (const document of this.all(collection.name)) {
      const writes: RedisArgument[][] = [];
      for await (const { chunkId, metadata } of this.chunks(document)) {
        const values = fieldArguments(fields, metadata);
        const key = chunkRecord.key.build({ collection: collection.name, chunkId });
        if (values.length > 0) writes.push(['HSET', key, ...values]);
      }
      if (writes.length > 0) await this.#database.pipeline(writes);
    }
  }

  async #remove(docId: string, collection: string): Promise<void> {
    await this.#database.transaction([
      clearCommand(collection, docId),
      ['UNLINK', documentRecord.key.build({ docId })],
      ['ZREM', documentIndexRecord.key.build({}), docId],
      ['ZREM', collectionDocumentsRecord.key.build({ collection }), docId],
    ]);
  }

  async #read(docIds: readonly string[]): Promise<StoredDocument[]> {
    const keys = docIds.map((docId) => documentRecord.key.build({ docId }));
    const replies = await this.#database.pipeline<string[]>(keys.map((key) => ['HGETALL', key]));
    return replies.flatMap((reply, index) => {
      const docId = docIds[index] as string;
      return reply.length === 0
        ? []
        : [{ docId, ...documentRecord.decode(asObject(reply), keys[index] as string) }];
    });
  }
}

function checkOwner(earlier: StoredDocument | undefined, collection: string): void {
  const owner = earlier?.collection ?? collection;
  if (owner === collection) return;
  throw new StackloreError('already_exists', {
    message: `Document "${earlier?.docId}" belongs to collection "${owner}". Give another id, or delete it there first.`,
  });
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, index) => from + index);
}
