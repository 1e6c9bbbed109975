import type { BaseEmbedding } from '@llamaindex/core/embeddings';
import type { BaseNode, TextNode } from '@llamaindex/core/schema';
import {
  BaseVectorStore,
  type VectorStoreQuery,
  type VectorStoreQueryResult,
} from '@llamaindex/core/vector-store';
import { StackloreError } from '../errors.ts';
import type { Filter } from '../search/filter.ts';
import type { Stacklore } from '../stacklore.ts';
import type { Collection } from '../stores/knowledge/collections.ts';
import { LocalEmbedding } from './local-embedding.ts';
import { toFilter } from './metadata-filters.ts';
import { fromHit, toDocument } from './node-codec.ts';

/** What a vector store is made of. */
export interface RedisVectorStoreOptions {
  /** An open Stacklore; whoever opened it closes it. */
  readonly lore: Stacklore;
  /** Made by the first `add` when it does not exist (`default`). */
  readonly collection?: string;
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
  readonly #collection: string;

  constructor({
    lore,
    collection = 'default',
    embedModel = new LocalEmbedding(lore),
  }: RedisVectorStoreOptions) {
    super({ embedModel });
    this.#lore = lore;
    this.#collection = collection;
  }

  /** The Stacklore this store works through. */
  client(): Stacklore {
    return this.#lore;
  }

  /**
   * Stores nodes with their embeddings and gives their ids. The nodes of one document become its new version whole, in
   * place of what was stored of it before: give all of them in one call. Nothing of a document is stored when one of
   * its embeddings cannot be.
   */
  async add(nodes: BaseNode[]): Promise<string[]> {
    const [first] = nodes;
    if (!first) return [];
    const collection = await this.#openCollection(first.getEmbedding().length);
    for (const [refDocId, ofDocument] of groupByDocument(nodes)) {
      const docId = (await this.#findDocId(refDocId)) ?? (await this.#freeDocId(refDocId));
      const { document, chunks, embeddings } = toDocument({ docId, refDocId }, ofDocument);
      await this.#lore.documents.replace(collection, document, chunks, embeddings);
    }
    return nodes.map((node) => node.id_);
  }

  /** Deletes a document with all its nodes; one that is not there counts as deleted. */
  async delete(refDocId: string): Promise<void> {
    const docId = await this.#findDocId(refDocId);
    if (docId !== undefined) await this.#lore.documents.delete(docId);
  }

  /** The nodes nearest to the query's vector. Throws `invalid_input` for another mode, `invalid_filter` for a filter. */
  async query(query: VectorStoreQuery): Promise<VectorStoreQueryResult> {
    const { queryEmbedding: vector, similarityTopK: topK, mode = 'default' } = query;
    if (mode !== 'default' || !vector) {
      const what = vector ? `the query mode "${mode}" is not supported` : 'the query has no vector';
      throw new StackloreError('invalid_input', {
        message: `This vector store finds by vector only, and ${what}. Use the mode "default" with a query embedding.`,
      });
    }
    const filter = this.#filterOf(query);
    const request = { vector, collection: this.#collection, topK, ...(filter && { filter }) };
    const { hits } = await this.#lore.search(request);
    const nodes: TextNode[] = hits.map(fromHit);
    return { nodes, similarities: hits.map(({ score }) => score), ids: nodes.map((node) => node.id_) };
  }

  #filterOf({ filters, docIds }: VectorStoreQuery): Filter | undefined {
    const byMetadata = filters && toFilter(filters);
    if (!docIds || docIds.length === 0) return byMetadata;
    const byDocument: Filter = { docId: { $in: docIds.flatMap((docId) => [docId, this.#qualified(docId)]) } };
    return byMetadata ? { $and: [byDocument, byMetadata] } : byDocument;
  }

  async #openCollection(dimensions: number): Promise<Collection> {
    // Vectors of another model are the caller's own: stacklore cannot check more of them than their size.
    if (this.embedModel instanceof LocalEmbedding) return this.#lore.openCollection(this.#collection);
    const existing = await this.#lore.collections.find(this.#collection);
    return existing ?? this.#lore.createCollection(this.#collection, { dimensions });
  }

  /** The id under which this collection holds a document, or `undefined`. */
  async #findDocId(refDocId: string): Promise<string | undefined> {
    for (const docId of [this.#qualified(refDocId), refDocId]) {
      const document = await this.#lore.documents.find(docId);
      if (document && (document.collection ?? 'default') === this.#collection) return docId;
    }
    return undefined;
  }

  /** Ids are unique across collections: where another one holds the document's, it is qualified with this one's name. */
  async #freeDocId(refDocId: string): Promise<string> {
    return (await this.#lore.documents.find(refDocId)) ? this.#qualified(refDocId) : refDocId;
  }

  #qualified(refDocId: string): string {
    return `${this.#collection}:${refDocId}`;
  }
}

/** Nodes by the document they were cut from; a node without one is a document of its own. */
function groupByDocument(nodes: readonly BaseNode[]): Map<string, BaseNode[]> {
  const groups = new Map<string, BaseNode[]>();
  for (const node of nodes) {
    const refDocId = node.sourceNode?.nodeId ?? node.id_;
    const group = groups.get(refDocId);
    if (group) group.push(node);
    else groups.set(refDocId, [node]);
  }
  return groups;
}
