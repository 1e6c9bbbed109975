import type { Manifest } from '../schema/knowledge.ts';
import type { TextTokenizer } from '../text/count-tokens.ts';

/** The part of a manifest that says what vectors were made with. */
export type EmbeddingModel = NonNullable<Manifest['model']>;

/** Turns text into vectors. Every vector is finite, of length 1, and depends on its own text alone. */
export interface Embedder {
  /** What the vectors are made with; loads the model's tokenizer but not its weights. */
  readonly model: EmbeddingModel;
  /** Numbers in each vector. */
  readonly dimensions: number;
  /** Sees text as the model does; the chunker cuts with it. */
  readonly tokenizer: TextTokenizer;
  /** Tokens of the text as the model counts them, without special tokens. */
  countTokens(text: string): number;
  /** The vector of a query, with the model's query prefix. Throws `too_large` for more tokens than the model reads. */
  embedQuery(text: string): Promise<Float32Array>;
  /**
   * The vectors of document texts, in order, with the model's document prefix. Throws `too_large` when a text has
   * more tokens than the model reads: nothing is ever cut silently.
   */
  embedTexts(texts: readonly string[], options?: { signal?: AbortSignal }): Promise<Float32Array[]>;
  /** Ends the embedding threads; the embedder cannot be used afterwards. */
  close(): Promise<void>;
}

/** What answering questions needs of an embedder. */
export type QueryEmbedder = Pick<
  Embedder,
  'model' | 'dimensions' | 'tokenizer' | 'countTokens' | 'embedQuery' | 'embedTexts'
>;
