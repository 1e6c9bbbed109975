import { StackloreError } from '../../errors.ts';
import type { Database } from '../../redis/databases.ts';
import { scanKeys } from '../../redis/scan.ts';
import { runScript } from '../../redis/script.ts';
import {
  type AnalyserSettings,
  type CollectionField,
  collectionDocumentsRecord,
  collectionRecord,
  contentHashesRecord,
} from '../../schema/knowledge.ts';
import { loadAnalyser } from '../../text/analyser.ts';
import { backfillChunks, backfillTerms, mergeSkipped, type SkippedField } from './backfill.ts';
import { catchUp, upToDate } from './catch-up.ts';
import { type Collection, manifestHash } from './collections.ts';
import { confirmDocument } from './confirm-document.ts';
import type { NewChunk, NewDocument, PlacedChunk, StoredChunk, StoredDocument } from './document.ts';
import { documentIdPages } from './document-id-pages.ts';
import { chunkKey, chunkKeyPrefix, chunkPrefix } from './document-ids.ts';
import { DocumentRemoval } from './document-removal.ts';
import { Generations, type PublishOutcome } from './generations/generations.ts';
import { usesGenerations } from './generations/mode.ts';
import { type DocumentListOptions, type DocumentPage, listDocuments, type Page } from './list-documents.ts';
import { checkOwner, chunkWrites, publishCommands, sendAsOne } from './publish.ts';
import { documentKeyOf, requireReadable } from './read-documents.ts';
import { BUMP_VERSION } from './scripts/bump-version.ts';
import { CLEARED } from './scripts/clear-document.ts';
import { readChunkPage, readChunks, readEmbeddings } from './stored-chunks.ts';

export type { DocumentPage, Page } from './list-documents.ts';

const OUTCOMES: Readonly<Record<number, PublishOutcome>> = {
  [CLEARED.collectionGone]: 'collectionGone',
  [CLEARED.manifestChanged]: 'manifestChanged',
};

/** The documents of the knowledge base with their chunks; a document is always whole, old or new, never a mix. */
export class Documents {
  readonly #database: Database;
  readonly #now: () => number;
  readonly #commandTimeoutMs: number;
  readonly #generations: Generations;
  readonly #removal: DocumentRemoval;

  constructor(
    database: Database,
    {
      now = Date.now,
      commandTimeoutMs = 30_000,
      claimMs,
    }: { now?: () => number; commandTimeoutMs?: number; claimMs?: number } = {},
  ) {
    this.#database = database;
    this.#generations = new Generations(database, claimMs === undefined ? {} : { claimMs });
    this.#removal = new DocumentRemoval(database, { generations: this.#generations, commandTimeoutMs });
    this.#now = now;
    this.#commandTimeoutMs = commandTimeoutMs;
  }

  /** A document's metadata, or `undefined`. */
  async find(docId: string): Promise<StoredDocument | undefined> {
    const [document] = await requireReadable(this.#database, [docId]);
    return document;
  }

  /** A document's metadata. Throws `not_found`. */
  async get(docId: string): Promise<StoredDocument> {
    const document = await this.find(docId);
    if (document) return document;
    throw new StackloreError('not_found', {
      message: `There is no document "${docId}". See stacklore docs list for the ids.`,
    });
  }

  /**
   * Documents of a collection, most recently updated first. Those that other programs have put into the schema's
   * `index:documents` only are not among them: nothing there says which collection they belong to.
   */
  list(collection: string, options: DocumentListOptions = {}): Promise<DocumentPage> {
    return listDocuments(this.#database, collection, options);
  }

  /** Every document of a collection, read page by page in no order; one may come twice while many are deleted. */
  async *all(collection: string): AsyncGenerator<StoredDocument> {
    for await (const docIds of this.idPages(collection)) yield* await requireReadable(this.#database, docIds);
  }

  /** The ids of all documents of a collection, see `documentIdPages`. */
  idPages(collection: string, count?: number): AsyncGenerator<string[]> {
    return documentIdPages(this.#database, collection, count);
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
  chunks(document: StoredDocument): AsyncGenerator<StoredChunk> {
    return readChunks(this.#database, document);
  }

  /** One page of the chunks of a document, each with its place in it. */
  chunkPage(
    document: StoredDocument,
    page: { offset?: number; limit?: number } = {},
  ): Promise<Page<PlacedChunk>> {
    return readChunkPage(this.#database, document, page);
  }

  /**
   * The stored vectors of a document by the hash of what was embedded, to be kept for chunks that stay the same. Those
   * that could not be stored again are left out.
   */
  embeddings(collection: Collection, document: StoredDocument): Promise<Map<string, Float32Array>> {
    const keyPrefix = chunkKeyPrefix(collection.name, document.docId);
    const { chunkCount, chunkStart } = document;
    return readEmbeddings(this.#database, collection, { chunkCount, chunkStart, keyPrefix });
  }

  /**
   * Publishes a document: its chunks, its metadata and its index entries appear, and those of an earlier version
   * disappear, in one MULTI. Throws `not_found` when the collection was dropped, even if one of that name was made
   * since; `manifest_mismatch` when a reindex gave it another model. Vectors must have the collection's dimensions, be
   * finite and not zero; nothing is written otherwise (`dimension_mismatch`, `invalid_vector`). Do not change the
   * vectors before the promise resolves.
   */
  async replace(
    opened: Collection,
    document: NewDocument,
    chunks: readonly NewChunk[],
    embeddings: readonly Float32Array[],
  ): Promise<StoredDocument> {
    if (chunks.length !== embeddings.length) {
      throw new StackloreError('invalid_input', {
        message: `${chunks.length} chunks came with ${embeddings.length} embeddings. Give one embedding for each chunk.`,
      });
    }
    const [earlier, collection] = await Promise.all([
      this.find(document.docId),
      upToDate(this.#database, opened),
    ]);
    checkOwner(earlier, collection.name);
    const updatedAt = new Date(this.#now());
    const { generation: _, chunkStart: __, ...told } = document as NewDocument & Partial<StoredDocument>;
    const stored: StoredDocument = {
      ...told,
      metadata: { ...document.metadata },
      collection: collection.name,
      chunkCount: chunks.length,
      manifestHash: manifestHash(collection.manifest),
      createdAt: earlier?.createdAt ?? updatedAt,
      updatedAt,
    };
    const keyPrefix = chunkKeyPrefix(collection.name, document.docId);
    const writes = await chunkWrites(collection, stored, { chunks, embeddings, keyPrefix });
    const key = await documentKeyOf(this.#database, document.docId);
    if (usesGenerations(this.#database, collection.manifest)) {
      const fields = writes.map((write) => write.slice(2));
      const catchUpChunks = (numbers: readonly number[]) =>
        this.#catchUp(collection, document.docId, numbers);
      const version = { key, collection, document: stored, chunks: fields, catchUp: catchUpChunks };
      await this.#told(await this.#generations.publish(version), collection, document.docId, chunks.length);
      return stored;
    }
    const commands = publishCommands(key, { collection, document: stored, writes });
    const [cleared] = await sendAsOne(this.#database, commands, {
      chunks: chunks.length + (earlier?.chunkCount ?? 0),
      commandTimeoutMs: this.#commandTimeoutMs,
    });
    if (cleared === CLEARED.collectionGone) {
      // What is left of the document would belong to no collection, or to one of another model.
      await this.#removal.remove(document.docId, { name: collection.name, chunkCount: chunks.length });
    }
    await this.#told(OUTCOMES[Number(cleared)] ?? 'asExpected', collection, document.docId, chunks.length);
    return stored;
  }

  /** Does what the state of the collection at the moment of a publish asks for. */
  async #told(outcome: PublishOutcome, collection: Collection, docId: string, chunkCount: number) {
    if (outcome === 'collectionGone') {
      throw new StackloreError('not_found', {
        message: `Collection "${collection.name}" was dropped meanwhile, so the document was not kept. Create the collection again, or open the new one of that name, then repeat.`,
      });
    }
    if (outcome === 'manifestChanged') {
      await this.#catchUp(collection, docId, [...Array(chunkCount).keys()]);
    }
  }

  /** Gives chunks what was declared since their writer opened the collection. */
  async #catchUp(collection: Collection, docId: string, numbers: readonly number[]): Promise<void> {
    const keys = numbers.map((n) => chunkKey(collection.name, docId, n));
    if (await catchUp(this.#database, collection, keys)) await this.#bumpVersion(collection.name);
  }

  /**
   * Resolves when enough replicas have a document that is stored already, where the configuration asks for any: what
   * was written last time may not have got that far.
   */
  async confirm({ docId, hash }: StoredDocument): Promise<void> {
    if (this.#database.confirms)
      await confirmDocument(this.#database, await documentKeyOf(this.#database, docId), hash);
  }

  /** Deletes a document with its chunks and index entries in one MULTI. Throws `not_found`. */
  async delete(docId: string): Promise<StoredDocument> {
    const document = await this.get(docId);
    await this.#removal.remove(docId, {
      name: document.collection ?? 'default',
      chunkCount: document.chunkCount,
    });
    return document;
  }

  /**
   * Deletes the record of a document that cannot be read, and of its chunks those that the record still tells. Others
   * are orphans then, which a cleanup removes.
   */
  async deleteUnreadable(docId: string): Promise<void> {
    await this.#removal.removeUnreadable(docId);
  }

  /** Deletes every document of a collection, each in one step, and chunks under its prefix that no document knows. */
  async deleteAll({ name }: Pick<Collection, 'name'>): Promise<number> {
    return this.#removal.removeAll(name);
  }

  /**
   * Makes stored chunks of a collection filterable by declared fields, those of other programs too. Gives the fields
   * that some chunks hold no fitting value for. Repeated, it finishes what was interrupted.
   */
  async backfillFields(
    { name }: Pick<Collection, 'name'>,
    fields: readonly CollectionField[],
  ): Promise<SkippedField[]> {
    let skipped: SkippedField[] = [];
    const seen = new Set<string>();
    for await (const keys of scanKeys(this.#database, `${chunkPrefix(name)}*`, { type: 'hash' })) {
      // A scan may give a key twice; its chunk counts once.
      const fresh = keys.filter((key) => !seen.has(key));
      for (const key of fresh) seen.add(key);
      skipped = mergeSkipped(skipped, await backfillChunks(this.#database, fresh, fields));
    }
    await this.#bumpVersion(name);
    return skipped;
  }

  /**
   * Gives stored chunks of a collection the terms their words are looked up by, those of other programs too. Repeated,
   * it finishes what was interrupted.
   */
  async backfillTerms({ name }: Pick<Collection, 'name'>, settings: AnalyserSettings): Promise<void> {
    const analyser = await loadAnalyser(settings);
    for await (const keys of scanKeys(this.#database, `${chunkPrefix(name)}*`, { type: 'hash' })) {
      await backfillTerms(this.#database, keys, { analyser });
    }
    await this.#bumpVersion(name);
  }

  /** Answers that were kept while chunks were changed one by one are stale. */
  async #bumpVersion(collection: string): Promise<void> {
    await runScript(this.#database, BUMP_VERSION, { keys: [collectionRecord.key.build({ collection })] });
  }
}
