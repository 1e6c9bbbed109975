import { createHash } from 'node:crypto';
import type { Embedder, EmbeddingModel } from '../../src/embed/embedder.ts';
import { StackloreError } from '../../src/errors.ts';
import type { TextTokenizer } from '../../src/text/count-tokens.ts';

/** What a fake embedder can be told. */
export interface FakeEmbedderOptions {
  readonly dimensions?: number;
  readonly maxTokens?: number;
  readonly model?: Partial<EmbeddingModel>;
  /** Called before each text is embedded; throw to make embedding fail there, or wait to make it slow. */
  readonly onText?: (text: string) => void | Promise<void>;
}

/**
 * An embedder without a model, deterministic: each word adds a direction of its own, so that texts sharing words are
 * near each other. A token is a word.
 */
export class FakeEmbedder implements Embedder {
  readonly model: EmbeddingModel;
  readonly dimensions: number;
  readonly tokenizer: TextTokenizer = fakeTokenizer;
  /** Every text embedded so far, queries included, in order. */
  readonly embedded: string[] = [];
  readonly #onText: (text: string) => void | Promise<void>;
  #closed = false;

  constructor({
    dimensions = 64,
    maxTokens = 256,
    model = {},
    onText = () => undefined,
  }: FakeEmbedderOptions = {}) {
    this.dimensions = dimensions;
    this.#onText = onText;
    this.model = {
      name: 'fake/bag-of-words',
      weightsSha256: createHash('sha256').update(`bag of words ${dimensions}`).digest('hex'),
      tokenizerSha256: createHash('sha256').update('words').digest('hex'),
      pooling: 'mean',
      maxTokens,
      queryPrefix: '',
      documentPrefix: '',
      ...model,
    };
  }

  countTokens(text: string): number {
    return fakeTokenizer.count(text);
  }

  async embedQuery(text: string): Promise<Float32Array> {
    if (this.countTokens(text) === 0) {
      throw new StackloreError('invalid_input', {
        message: 'The query holds nothing to search for. Give it a word.',
      });
    }
    return this.#embed(this.model.queryPrefix + text);
  }

  async embedTexts(
    texts: readonly string[],
    { signal }: { signal?: AbortSignal } = {},
  ): Promise<Float32Array[]> {
    const vectors: Float32Array[] = [];
    for (const text of texts) {
      if (signal?.aborted)
        throw new StackloreError('aborted', { message: 'Embedding was stopped on request.' });
      vectors.push(await this.#embed(this.model.documentPrefix + text));
    }
    return vectors;
  }

  async close(): Promise<void> {
    this.#closed = true;
  }

  async #embed(text: string): Promise<Float32Array> {
    if (this.#closed)
      throw new StackloreError('embedding_failed', { message: 'The embedder is closed. Open another.' });
    const tokens = fakeTokenizer.encode(text).length;
    if (tokens > this.model.maxTokens) {
      throw new StackloreError('too_large', { message: `The text has ${tokens} tokens. Shorten it.` });
    }
    await this.#onText(text);
    this.embedded.push(text);
    return bagOfWords(text, this.dimensions);
  }
}

/** Words as tokens, each word's id its hash, with one special token on either side. */
export const fakeTokenizer: TextTokenizer = {
  isAdditive: true,
  specialTokens: 2,
  encode: (text) => [1, ...wordsOf(text).map((word) => 3 + (hashOf(word) % 1_000_000)), 2],
  count: (text) => wordsOf(text).length,
};

function wordsOf(text: string): string[] {
  return text.toLowerCase().match(/[\p{L}\p{M}\p{N}]+|[^\s\p{L}\p{M}\p{N}]/gu) ?? [];
}

function bagOfWords(text: string, dimensions: number): Float32Array {
  // A text without words still points somewhere, as it does with a real model.
  const vector = new Float32Array(dimensions);
  for (const word of ['', ...wordsOf(text)]) {
    const weight = word === '' ? 0.01 : 1;
    for (let part = 0; part < 4; part++) {
      const hash = hashOf(`${part} ${word}`);
      const at = hash % dimensions;
      vector[at] = (vector[at] ?? 0) + (hash & 0x8000_0000 ? weight : -weight);
    }
  }
  const length = Math.hypot(...vector);
  if (length === 0) vector[0] = 1;
  return length === 0 ? vector : vector.map((value) => value / length);
}

/** FNV-1a with a final mix: 32 bits, unsigned. */
function hashOf(word: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < word.length; i++) hash = Math.imul(hash ^ word.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return (hash ^ (hash >>> 13)) >>> 0;
}
