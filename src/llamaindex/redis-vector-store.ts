import type { BaseEmbedding } from '@llamaindex/core/embeddings';
import type { BaseNode, TextNode } from '@llamaindex/core/schema';
import {
  BaseVectorStore,
  type VectorStoreQuery,
  type VectorStoreQueryResult,
} from '@llamaindex/core/vector-store';
import type { CollectionSettings } from '../ingest/collection-settings.ts';
import type { Filter } from '../search/filter.ts';
import type { Stacklore } from '../stacklore.ts';
import type { Collection } from '../stores/knowledge/collections.ts';
import type { StoredChunk, StoredDocument } from '../stores/knowledge/document.ts';
import { LocalEmbedding } from './local-embedding.ts';
import { toFilter } from './metadata-filters.ts';
import { fromHit } from './node-codec.ts';
import { embeddingOf, groupByDocument, type StoredNodes, toDocument, withStored } from './node-document.ts';
import { type CollectionUse, findCollection, openCollection } from './open-collection.ts';
import { RedisRetriever, type RedisRetrieverOptions } from './redis-retriever.ts';
import { similarityOf, toSearch } from './vector-query.ts';

/** What a vector store is made of. */
export interface RedisVectorStoreOptions {
  /** An open Stacklore; whoever opened it closes it. */
  readonly lore: Stacklore;
  /** Made by the first `add` when it does not exist (`default`). */
  readonly collection?: string;
  /** How it is made, such as the `fields` that filters may name. */
  readonly settings?: Omit<CollectionSettings, 'dimensions'>;
  /** Embeds nodes and queries instead of stacklore's own model. */
  readonly embedModel?: BaseEmbedding;
}

/**
 * A collection as a vector store of LlamaIndex.TS: the same keys and rules as everything else in stacklore, so that what
 * one side stores the other finds. Set `Settings.embedModel` too: `VectorStoreIndex` asks for it.
 *
 * @example
 * const lore = openStacklore();
 * Settings.embedModel = new LocalEmbedding(lore);
 * const index = await VectorStoreIndex.fromVectorStore(new RedisVectorStore({ lore, collection: 'docs' }));
 * const nodes = await index.asRetriever({ similarityTopK: 5 }).retrieve('how do sessions expire?');
 */
export class RedisVectorStore extends BaseVectorStore<Stacklore> {
  readonly storesText = true;
  readonly #lore: Stacklore;
  readonly #name: string;
  readonly #settings: CollectionSettings;
  /** Writes of this store, one after the other: two that add to one document would each keep only its own nodes. */
  #writes: Promise<unknown> = Promise.resolve();

  constructor({
    lore,
    collection = 'default',
    settings = {},
    embedModel = new LocalEmbedding(lore),
  }: RedisVectorStoreOptions) {
    super({ embedModel });
    this.#lore = lore;
    this.#name = collection;
    this.#settings = settings;
  }

  /** The Stacklore this store works through. */
  client(): Stacklore {
    return this.#lore;
  }

  /**
   * Stores nodes with their embeddings and gives their ids. Nodes of a document that changed, by the hash of their source
   * node, replace the stored ones; of one that did not, they are added beside them. Each document is written whole or
   * not at all. Throws `manifest_mismatch` for a collection of other vectors, `already_exists` for nodes of a document that
   * stacklore ingested, `dimension_mismatch`, `invalid_vector` and `invalid_input` for nodes that cannot be stored.
   */
  add(nodes: BaseNode[]): Promise<string[]> {
    return this.#write(async () => {
      const [first] = nodes;
      if (!first) return [];
      const { length: dimensions } = embeddingOf(first);
      const collection = await openCollection(this.#use, { dimensions, settings: this.#settings });
      for (const [refDocId, group] of groupByDocument(nodes)) {
        await this.#addTo(collection, refDocId, group);
      }
      return nodes.map((node) => node.id_);
    });
  }

  /** Deletes a document with all its nodes, also one that stacklore ingested; one that is not there counts as deleted. */
  delete(refDocId: string): Promise<void> {
    return this.#write(async () => {
      const document = await this.#findDocument(refDocId);
      if (document) await this.#lore.documents.delete(document.docId);
    });
  }

  /**
   * The nodes that answer a query best, in the modes `default`, `hybrid`, `semantic_hybrid`, `sparse` and `mmr`;
   * `customParams` takes `RedisQueryOptions`. Throws `invalid_input` for another mode or an unknown option,
   * `invalid_filter`, and what a search throws.
   */
  async query(query: VectorStoreQuery): Promise<VectorStoreQueryResult> {
    const { request, docIds } = toSearch(query);
    const collection = await findCollection(this.#use);
    const filter = this.#filterFor(collection, query, docIds);
    // Of no document, nothing can be found; to the search it would be no filter at all.
    if (docIds?.length === 0) return { nodes: [], ids: [], similarities: [] };
    const { hits } = await this.#lore.search({
      ...{ ...request, collection: this.#name },
      ...(filter && { filter }),
    });
    const nodes: TextNode[] = hits.map(fromHit);
    return {
      ...{ nodes, ids: nodes.map((node) => node.id_) },
      similarities: hits.map((hit) => similarityOf(hit, query.mode)),
    };
  }

  /**
   * A retriever of what is stored now, for chat and query engines.
   *
   * @example
   * const chatEngine = new ContextChatEngine({ chatModel, retriever: store.asRetriever({ mode: 'hybrid' }) });
   */
  asRetriever(options: RedisRetrieverOptions = {}): RedisRetriever {
    return new RedisRetriever(this, options);
  }

  get #use(): CollectionUse {
    return { lore: this.#lore, name: this.#name, embedModel: this.embedModel };
  }

  async #addTo(collection: Collection, refDocId: string, added: readonly BaseNode[]): Promise<void> {
    const { documents } = this.#lore;
    const stored = await this.#findDocument(refDocId);
    const docId = stored?.docId ?? (await this.#freeDocId(refDocId));
    const nodes = stored ? withStored(added, await this.#readStored(collection, stored)) : added;
    const { document, chunks, embeddings } = toDocument({ docId, refDocId }, nodes);
    await documents.replace(collection, document, chunks, embeddings);
  }

  async #readStored(collection: Collection, document: StoredDocument): Promise<StoredNodes> {
    const { documents } = this.#lore;
    const chunks: StoredChunk[] = [];
    for await (const chunk of documents.chunks(document)) chunks.push(chunk);
    return { document, chunks, embeddings: await documents.embeddings(collection, document) };
  }

  #filterFor(
    { manifest }: Collection,
    { filters }: VectorStoreQuery,
    docIds: readonly string[] | undefined,
  ): Filter | undefined {
    const docIdsOf = (docId: string) => [docId, this.#qualified(docId)];
    const byMetadata = filters && toFilter(filters, { fields: manifest.fields, docIdsOf });
    if (!docIds || docIds.length === 0) return byMetadata;
    const byDocument: Filter = { docId: { $in: docIds.flatMap(docIdsOf) } };
    return byMetadata ? { $and: [byDocument, byMetadata] } : byDocument;
  }

  /** The document as this collection holds it, under whichever id, or `undefined`. */
  async #findDocument(refDocId: string): Promise<StoredDocument | undefined> {
    for (const docId of [this.#qualified(refDocId), refDocId]) {
      const document = await this.#lore.documents.find(docId);
      if (document && (document.collection ?? 'default') === this.#name) return document;
    }
    return undefined;
  }

  /** Ids are unique across collections: where another one holds the document's, it is qualified with this one's name. */
  async #freeDocId(refDocId: string): Promise<string> {
    return (await this.#lore.documents.find(refDocId)) ? this.#qualified(refDocId) : refDocId;
  }

  #qualified(refDocId: string): string {
    return `${this.#name}:${refDocId}`;
  }

  #write<T>(task: () => Promise<T>): Promise<T> {
    const done = this.#writes.then(task);
    this.#writes = done.catch(() => undefined);
    return done;
  }
}
