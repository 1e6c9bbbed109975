import { BaseEmbedding } from '@llamaindex/core/embeddings';
import type { MessageContentDetail } from '@llamaindex/core/llms';
import { extractSingleText } from '@llamaindex/core/utils';
import { StackloreError } from '../errors.ts';
import type { Stacklore } from '../stacklore.ts';

/** Stacklore's own embedding model as LlamaIndex.TS takes one; set it as `Settings.embedModel`. */
export class LocalEmbedding extends BaseEmbedding {
  readonly #lore: Pick<Stacklore, 'embedQuery' | 'embedTexts'>;

  /** Takes an open Stacklore; whoever opened it closes it. */
  constructor(lore: Pick<Stacklore, 'embedQuery' | 'embedTexts'>) {
    super();
    this.#lore = lore;
    // An instance property of the base class: an overriding method would be shadowed by it.
    this.getTextEmbeddings = async (texts) =>
      (await lore.embedTexts(texts).catch(rethrow)).map((vector) => Array.from(vector));
  }

  /** The vector of a document text. Throws `too_large` for more tokens than the model reads: nothing is cut. */
  async getTextEmbedding(text: string): Promise<number[]> {
    const [vector = []] = await this.getTextEmbeddings([text]);
    return vector;
  }

  /** The vector of a query, with the model's query prefix; `null` for a query without text, e.g. an image. */
  override async getQueryEmbedding(query: MessageContentDetail): Promise<number[] | null> {
    const text = extractSingleText(query);
    return text ? Array.from(await this.#lore.embedQuery(text)) : null;
  }
}

/** LlamaIndex cuts nodes of 1,024 tokens unless told otherwise, more than small models read. */
function rethrow(error: unknown): never {
  if (!(error instanceof StackloreError && error.code === 'too_large')) throw error;
  throw new StackloreError('too_large', {
    message: `${error.message} A node's metadata is embedded with it. Let LlamaIndex cut shorter nodes: new SentenceSplitter({ chunkSize: 128, chunkOverlap: 20 }) in an IngestionPipeline, or its nodes in index.insertNodes.`,
    cause: error,
  });
}
