import { availableParallelism } from 'node:os';
import type { Config } from '../config.ts';
import { StackloreError } from '../errors.ts';
import { type ModelFiles, provisionModel } from '../provision/model-files.ts';
import { tokenizerIdentity } from '../provision/pinned.ts';
import { type ProvisionReport, silentReport } from '../provision/report.ts';
import { loadTokenizer, type TextTokenizer } from '../text/count-tokens.ts';
import { EmbedPool } from './embed-pool.ts';
import type { Embedder, EmbeddingModel } from './embedder.ts';

type WorkerSettings = import('./embed-worker.mjs').WorkerSettings;

/** How an embedder is opened. */
export interface OpenEmbedderOptions {
  /** Told what is fetched when the model is not here yet. */
  readonly report?: ProvisionReport;
  /** The model's files, when they are known already. */
  readonly files?: ModelFiles;
  /** Load the weights at once, beside the tokenizer, instead of on the first call. */
  readonly warm?: boolean;
}

/** An embedder that runs the configured model on this machine's processor. Throws `model_unavailable`. */
export async function openLocalEmbedder(
  config: Config,
  options: OpenEmbedderOptions = {},
): Promise<LocalEmbedder> {
  const files = options.files ?? (await provisionModel(config, options.report ?? silentReport));
  return new LocalEmbedder(config, files, options.warm ?? false);
}

/** Embeds on threads of this process; the calling thread only turns text into token ids. */
export class LocalEmbedder implements Embedder {
  readonly model: EmbeddingModel;
  readonly dimensions: number;
  /** Sees text as the model does. */
  readonly tokenizer: TextTokenizer;
  readonly #pool: EmbedPool;
  readonly #workers: number;

  constructor(config: Config, files: ModelFiles, warm = false) {
    const { name, dimensions, maxTokens, pooling, queryPrefix, documentPrefix, runtime } = config.model;
    const { weightsSha256, dir, weightsPath } = files;
    const tokenizerSha256 = tokenizerIdentity(files.tokenizerSha256);
    this.model = { name, weightsSha256, tokenizerSha256, pooling, maxTokens, queryPrefix, documentPrefix };
    this.dimensions = dimensions;
    this.#workers = config.embeddingWorkers ?? Math.min(2, availableParallelism());
    this.#pool = new EmbedPool({
      workers: this.#workers,
      // One thread each: `workers` is how many there are, and a process beside this one may have the other cores.
      settings: { dir, weightsPath, threads: 1, pooling, runtime } satisfies WorkerSettings,
    });
    if (warm) this.#pool.warm();
    this.tokenizer = loadTokenizer(files.tokenizerPath, files.tokenizerConfigPath);
  }

  /** Starts loading the weights, so that the first call does not wait for all of it. */
  warm(): void {
    this.#pool.warm();
  }

  countTokens(text: string): number {
    return this.tokenizer.count(text);
  }

  async embedQuery(text: string): Promise<Float32Array> {
    if (this.tokenizer.count(text) === 0) {
      throw new StackloreError('invalid_input', {
        message: 'The query holds nothing to search for. Give it at least one word.',
      });
    }
    return this.#embed(this.model.queryPrefix + text, 'query');
  }

  async embedTexts(
    texts: readonly string[],
    options: { signal?: AbortSignal } = {},
  ): Promise<Float32Array[]> {
    const vectors = new Array<Float32Array>(texts.length);
    let next = 0;
    // As many at a time as the threads take: a query that comes meanwhile waits for a few texts, not for all.
    const lane = async () => {
      for (let text = texts[next]; text !== undefined; text = texts[next]) {
        const index = next++;
        throwIfAborted(options.signal);
        vectors[index] = await this.#embed(this.model.documentPrefix + text, 'text');
      }
    };
    try {
      await Promise.all(Array.from({ length: Math.min(texts.length, 2 * this.#workers) }, lane));
    } finally {
      // Where one text failed, the others are not begun any more.
      next = texts.length;
    }
    throwIfAborted(options.signal);
    return vectors;
  }

  async close(): Promise<void> {
    await this.#pool.close();
  }

  async #embed(text: string, kind: 'query' | 'text'): Promise<Float32Array> {
    const ids = this.tokenizer.encode(text);
    const { maxTokens, name } = this.model;
    if (ids.length > maxTokens) {
      throw new StackloreError('too_large', {
        message: `The ${kind} has ${ids.length} tokens, ${name} reads ${maxTokens}. Shorten it${kind === 'text' ? ' or cut it into chunks' : ''}.`,
      });
    }
    const vector = await this.#pool.embed(ids);
    if (vector.length !== this.dimensions) {
      throw new StackloreError('dimension_mismatch', {
        message: `${name} gives vectors of ${vector.length} dimensions, ${this.dimensions} are configured. Set model.dimensions (STACKLORE_MODEL_DIMENSIONS) to ${vector.length}.`,
      });
    }
    return vector;
  }
}

function throwIfAborted(signal: AbortSignal | undefined): void {
  if (!signal?.aborted) return;
  throw new StackloreError('aborted', { message: 'Embedding was stopped on request.', cause: signal.reason });
}
