import { basename, dirname, extname, relative, sep } from 'node:path';
import { AutoModel, env, Tensor } from '@huggingface/transformers';
import { sessionOptions } from './onnx-model.mjs';

/**
 * Opens a model folder with transformers.js, which knows the inputs of every model type it supports.
 * @param {string} dir Folder of the model, with its `config.json`.
 * @param {string} weightsPath The weights, below `dir`.
 * @param {number} threads
 * @returns {Promise<import('./onnx-model.mjs').RunningModel>}
 */
export async function openTransformersModel(dir, weightsPath, threads) {
  const model = await AutoModel.from_pretrained(dir, localModelOptions(dir, weightsPath, threads));
  return {
    async run(ids) {
      const shape = [1, ids.length];
      const output = await model({
        input_ids: new Tensor('int64', BigInt64Array.from(ids, BigInt), shape),
        attention_mask: new Tensor('int64', new BigInt64Array(ids.length).fill(1n), shape),
        token_type_ids: new Tensor('int64', new BigInt64Array(ids.length), shape),
      });
      return tokenVectors(output);
    },
    close: async () => {
      await model.dispose();
    },
  };
}

/**
 * How transformers.js opens the weights of a folder without asking any hub.
 * @param {string} dir
 * @param {string} weightsPath The weights, below `dir`.
 * @param {number} threads
 * @returns {import('@huggingface/transformers').PretrainedModelOptions}
 */
export function localModelOptions(dir, weightsPath, threads) {
  env.allowRemoteModels = false;
  env.allowLocalModels = true;
  return {
    local_files_only: true,
    // The file is named outright: without a suffix of its own that is what "fp32" stands for.
    dtype: 'fp32',
    subfolder: relative(dir, dirname(weightsPath)).split(sep).join('/'),
    model_file_name: basename(weightsPath, extname(weightsPath)),
    session_options: sessionOptions(threads),
  };
}

const OUTPUTS = ['last_hidden_state', 'token_embeddings', 'logits', 'sentence_embedding', 'pooler_output'];

/**
 * @param {Record<string, Tensor>} output
 * @returns {import('./onnx-model.mjs').TokenVectors}
 */
function tokenVectors(output) {
  const found = OUTPUTS.map((name) => output[name]).find((tensor) => tensor !== undefined);
  const dimensions = found?.dims.at(-1);
  if (!found || !dimensions || !(found.data instanceof Float32Array)) {
    throw new Error(`the model gives none of ${OUTPUTS.join(', ')} as 32-bit numbers`);
  }
  return { data: found.data, rows: found.data.length / dimensions, dimensions };
}
