import { AutoModelForSequenceClassification, AutoTokenizer } from '@huggingface/transformers';
import { localModelOptions } from './transformers-model.mjs';

/**
 * @typedef {object} CrossEncoderSettings
 * @property {string} dir Folder of the model.
 * @property {string} weightsPath
 * @property {number} threads Threads of one run.
 * @property {number} maxTokens Most tokens of a query and a text together.
 *
 * @typedef {object} CrossEncoder
 * @property {(query: string, texts: readonly string[]) => Promise<Float32Array<ArrayBuffer>>} score
 * @property {() => Promise<void>} close
 */

/**
 * Opens a model that reads a query and a text together and says how well they fit.
 * @param {CrossEncoderSettings} settings
 * @returns {Promise<CrossEncoder>}
 */
export async function openCrossEncoder({ dir, weightsPath, threads, maxTokens }) {
  const options = localModelOptions(dir, weightsPath, threads);
  const tokenizer = await AutoTokenizer.from_pretrained(dir, { local_files_only: true });
  const model = await AutoModelForSequenceClassification.from_pretrained(dir, options);
  /** @type {(query: string, text: string) => number} */
  const count = (query, text) => tokenizer.encode(query, { text_pair: text }).length;
  return {
    async score(query, texts) {
      const fitting = texts.map((text) => fitText(text, (part) => count(query, part), maxTokens));
      const pairs = tokenizer(new Array(texts.length).fill(query), { text_pair: fitting, padding: true });
      const { logits } = await model(pairs);
      return scoresOf(logits, texts.length);
    },
    close: async () => {
      await model.dispose();
    },
  };
}

/**
 * The longest beginning of a text, more or less, that fits beside the query. Cutting its tokens instead would cut off
 * the one that ends the pair.
 * @param {string} text
 * @param {(part: string) => number} count
 * @param {number} maxTokens
 */
function fitText(text, count, maxTokens) {
  let part = text;
  for (let tokens = count(part); tokens > maxTokens; tokens = count(part)) {
    if (part === '') throw new Error(`the query alone has more than the ${maxTokens} tokens the model reads`);
    part = part.slice(0, Math.floor(part.length * Math.min(0.95, maxTokens / tokens)));
  }
  return part;
}

/**
 * One score a text: the only logit, or by how much that of the class "relevant" is above the other.
 * @param {import('@huggingface/transformers').Tensor | undefined} logits
 * @param {number} rows
 */
function scoresOf(logits, rows) {
  const classes = logits?.dims.at(-1);
  if (!(logits?.data instanceof Float32Array) || logits.data.length !== rows * (classes ?? 0)) {
    throw new Error('it gives no logits as 32-bit numbers, one row a text');
  }
  const { data } = logits;
  if (classes === 1) return Float32Array.from(data);
  if (classes === 2) {
    return Float32Array.from({ length: rows }, (_, row) => (data[2 * row + 1] ?? 0) - (data[2 * row] ?? 0));
  }
  throw new Error(`it tells ${classes} classes apart; a reranker has one score, or two classes`);
}
