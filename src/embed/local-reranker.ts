import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { Config } from '../config.ts';
import { StackloreError } from '../errors.ts';
import { EmbedPool } from './embed-pool.ts';
import type { Reranker } from './reranker.ts';

type Settings = import('./cross-encoder.mjs').CrossEncoderSettings;
type Pairs = import('./rerank-worker.mjs').RerankInput;

const WEIGHTS = ['onnx/model_quantized.onnx', 'onnx/model.onnx', 'model.onnx'];
/** Texts of one run: they are padded to the longest of them, so that few of like length take least. */
const BATCH = 8;

/** The cross-encoder of the configured folder; nothing is fetched. Throws `model_unavailable` saying what is missing. */
export async function openLocalReranker({ reranker }: Pick<Config, 'reranker'>): Promise<Reranker> {
  const { dir, maxTokens } = reranker;
  if (dir === undefined) {
    throw unavailable('No reranking model is configured.');
  }
  const missing = ['config.json', 'tokenizer.json', 'tokenizer_config.json'].find(
    (name) => !existsSync(join(dir, name)),
  );
  const choices = reranker.weights === undefined ? WEIGHTS : [reranker.weights];
  const weights = choices.find((name) => existsSync(join(dir, name)));
  if (missing !== undefined || weights === undefined) {
    throw unavailable(`The folder ${dir} has no ${missing ?? choices.join(', ')}.`);
  }
  return new LocalReranker({
    ...{ dir, maxTokens, weightsPath: join(dir, weights) },
    threads: Math.min(4, availableParallelism()),
  });
}

function unavailable(problem: string): StackloreError {
  return new StackloreError('model_unavailable', {
    message: `${problem} Set STACKLORE_RERANKER_DIR (reranker.dir) to a folder with a cross-encoder: config.json, tokenizer.json, tokenizer_config.json and ${WEIGHTS[0]}; or search without rerank.`,
  });
}

/** Runs a cross-encoder on a thread of this process, which is started by the first call. */
class LocalReranker implements Reranker {
  readonly #pool: EmbedPool<Pairs>;

  constructor(settings: Settings) {
    const file = new URL('./rerank-worker.mjs', import.meta.url);
    this.#pool = new EmbedPool({ workers: 1, settings, file, purpose: 'reranking' });
  }

  async rerank(query: string, texts: readonly string[]): Promise<number[]> {
    const scores = new Array<number>(texts.length);
    const byLength = texts.map((text, at) => ({ text, at })).sort((a, b) => a.text.length - b.text.length);
    const batches = Array.from({ length: Math.ceil(texts.length / BATCH) }, (_, n) =>
      byLength.slice(n * BATCH, (n + 1) * BATCH),
    );
    await Promise.all(
      batches.map(async (batch) => {
        const made = await this.#pool.embed({ query, texts: batch.map(({ text }) => text) });
        for (const [n, { at }] of batch.entries()) scores[at] = made[n] as number;
      }),
    );
    return scores;
  }

  close(): Promise<void> {
    return this.#pool.close();
  }
}
