import { BaseEmbedding } from '@llamaindex/core/embeddings';
import { NodeRelationship, TextNode } from '@llamaindex/core/schema';
import { type VectorStoreQuery, VectorStoreQueryMode } from '@llamaindex/core/vector-store';
import type { Stacklore } from '../../src/stacklore.ts';

/** What nodes of a document have beside their texts. */
export interface NodeOptions {
  readonly metadata?: Record<string, unknown>;
  /** Of the document: nodes of another hash are of another version. */
  readonly hash?: string;
  /** The number of the first node. */
  readonly from?: number;
}

/** Nodes of one document with their embeddings, as an index would hand them to a store. */
export async function nodesOf(
  lore: Stacklore,
  docId: string,
  texts: readonly string[],
  { metadata = {}, hash, from = 0 }: NodeOptions = {},
): Promise<TextNode[]> {
  const vectors = await lore.embedTexts(texts);
  return texts.map((text, index) => {
    return new TextNode({
      ...{ id_: `${docId}-node-${from + index}`, text, metadata },
      embedding: Array.from(vectors[index] ?? []),
      relationships: { [NodeRelationship.SOURCE]: { nodeId: docId, metadata: {}, ...(hash && { hash }) } },
    });
  });
}

/** A query as a retriever would make it. */
export async function queryOf(
  lore: Stacklore,
  text: string,
  more: Partial<VectorStoreQuery> = {},
): Promise<VectorStoreQuery> {
  const queryEmbedding = Array.from(await lore.embedQuery(text));
  const query = { queryStr: text, queryEmbedding, similarityTopK: 5, mode: VectorStoreQueryMode.DEFAULT };
  return { ...query, ...more };
}

/** An embed model that knows two directions. */
export class Compass extends BaseEmbedding {
  // biome-ignore lint/complexity/noUselessConstructor: the base class's is protected
  constructor() {
    super();
  }

  async getTextEmbedding(text: string): Promise<number[]> {
    return text.includes('north') ? [1, 0] : [0, 1];
  }
}
