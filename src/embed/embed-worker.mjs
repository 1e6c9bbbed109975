/**
 * The thread that runs the model: token ids in, one vector of length 1 out, one text a run. Plain JavaScript, because
 * a thread is started from this very file, whether the files around it are compiled or not.
 */
import { workerData } from 'node:worker_threads';
import { serveModel } from './model-thread.mjs';

/**
 * @typedef {object} WorkerSettings What a thread is started with.
 * @property {string} dir Folder of the model.
 * @property {string} weightsPath
 * @property {number} threads Threads of one run.
 * @property {'mean' | 'cls' | 'last'} pooling
 * @property {'auto' | 'onnxruntime' | 'transformers'} runtime
 */

/** @type {WorkerSettings} */
const settings = workerData;

serveModel(openModel, embed);

async function openModel() {
  const { dir, weightsPath, threads, runtime } = settings;
  if (runtime !== 'transformers') {
    // Imported only here: loading a native library is also something that must not be disturbed.
    const { openOnnxModel } = await import('./onnx-model.mjs');
    const model = await openOnnxModel(weightsPath, threads);
    if (model) return model;
    if (runtime === 'onnxruntime') {
      throw new Error(
        'its graph takes or gives something else than plain tokens; use the runtime "transformers"',
      );
    }
  }
  const { openTransformersModel } = await import('./transformers-model.mjs');
  return openTransformersModel(dir, weightsPath, threads);
}

/**
 * @param {import('./onnx-model.mjs').RunningModel} model
 * @param {number[]} ids
 */
async function embed(model, ids) {
  return poolVector(await model.run(ids), settings.pooling);
}

/**
 * The vector of a text: those of its tokens made one and brought to length 1.
 * @param {import('./onnx-model.mjs').TokenVectors} tokens
 * @param {WorkerSettings['pooling']} pooling
 */
function poolVector({ data, rows, dimensions }, pooling) {
  const vector = new Float32Array(dimensions);
  if (pooling === 'mean') {
    for (let row = 0, at = 0; row < rows; row++) {
      for (let i = 0; i < dimensions; i++, at++) vector[i] = (vector[i] ?? 0) + (data[at] ?? 0);
    }
  } else {
    const row = pooling === 'cls' ? 0 : rows - 1;
    vector.set(data.subarray(row * dimensions, (row + 1) * dimensions));
  }
  let squares = 0;
  for (const value of vector) squares += value * value;
  if (!Number.isFinite(squares) || squares === 0) throw new Error('its vector has no direction');
  const scale = 1 / Math.sqrt(squares);
  return vector.map((value) => value * scale);
}
