import { BaseRetriever, type RetrieveParams } from '@llamaindex/core/retriever';
import type { NodeWithScore } from '@llamaindex/core/schema';
import { extractText } from '@llamaindex/core/utils';
import {
  type BaseVectorStore,
  type MetadataFilters,
  VectorStoreQueryMode,
} from '@llamaindex/core/vector-store';
import type { RedisQueryOptions } from './vector-query.ts';

/** How a retriever asks; the names are those of `VectorStoreIndex.asRetriever`. */
export interface RedisRetrieverOptions {
  /** How many nodes it gives (5). */
  readonly similarityTopK?: number;
  /** What nodes are looked up by (`default`: meaning alone). */
  readonly mode?: `${VectorStoreQueryMode}`;
  readonly filters?: MetadataFilters;
  readonly customParams?: RedisQueryOptions;
}

/**
 * Retrieves what is stored now. The retriever of a `VectorStoreIndex` keeps each node it has ever given, and gives that
 * again by its id when the text has changed since; it also needs a global embed model.
 */
export class RedisRetriever extends BaseRetriever {
  readonly #store: BaseVectorStore;
  readonly #options: RedisRetrieverOptions;

  constructor(store: BaseVectorStore, options: RedisRetrieverOptions = {}) {
    super();
    this.#store = store;
    this.#options = options;
  }

  /** The nodes for a question, best first. Throws what the store throws. */
  async _retrieve({ query }: RetrieveParams): Promise<NodeWithScore[]> {
    const { similarityTopK = 5, mode = VectorStoreQueryMode.DEFAULT, filters, customParams } = this.#options;
    const queryStr = extractText(query);
    const queryEmbedding = await this.#store.embedModel.getQueryEmbedding({ type: 'text', text: queryStr });
    const { nodes = [], similarities } = await this.#store.query({
      ...{ queryStr, similarityTopK, filters, customParams },
      // The values of the enumeration, which types keep apart from their texts.
      mode: mode as VectorStoreQueryMode,
      ...(queryEmbedding && { queryEmbedding }),
    });
    return nodes.map((node, at) => ({ node, score: similarities[at] }));
  }
}
