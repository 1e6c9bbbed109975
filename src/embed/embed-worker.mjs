/**
 * The thread that runs the model: token ids in, one vector of length 1 out, one text a run. Plain JavaScript, because
 * a thread is started from this very file, whether the files around it are compiled or not.
 */
import { parentPort, workerData } from 'node:worker_threads';

/**
 * @typedef {object} WorkerSettings What a thread is started with.
 * @property {string} dir Folder of the model.
 * @property {string} weightsPath
 * @property {number} threads Threads of one run.
 * @property {'mean' | 'cls' | 'last'} pooling
 * @property {'auto' | 'onnxruntime' | 'transformers'} runtime
 * @property {Int32Array<SharedArrayBuffer>} state Shared with the pool, see `STOPPING` and `BUSY`.
 *
 * @typedef {{ id: number, ids: number[] } | 'close'} WorkerRequest
 *
 * @typedef {{ kind: 'ready' } | { kind: 'unusable', reason: string }
 *   | { kind: 'vector', id: number, vector: Float32Array<ArrayBuffer> }
 *   | { kind: 'failed', id: number, reason: string }} WorkerReply
 */

/** Places in the shared state: the pool asks the thread to stop; the thread says it is within native code. */
const STOPPING = 0;
const BUSY = 1;

const port = parentPort;
if (!port) throw new Error('embed-worker.mjs is started as a worker thread');

/** @type {WorkerSettings} */
const settings = workerData;
const { state } = settings;

let turn = undisturbed(openModel);
turn.then(
  (model) => model && reply({ kind: 'ready' }),
  (error) => reply({ kind: 'unusable', reason: reasonOf(error) }),
);

port.on('message', (/** @type {WorkerRequest} */ request) => {
  // One after the other: a run's output is overwritten by the next one.
  turn = turn.then(async (model) => {
    if (request === 'close') {
      await model?.close();
      process.exit();
    } else if (model) {
      await undisturbed(() => embed(model, request));
    }
    return model;
  });
  // A model that could not be opened was reported as `unusable`; the pool then ends this thread.
  turn.catch(() => undefined);
});

/**
 * Runs native code so that the pool knows of it: ending a thread within native code aborts the whole process.
 * Does nothing once the pool is stopping.
 * @template T
 * @param {() => Promise<T>} work
 * @returns {Promise<T | undefined>}
 */
async function undisturbed(work) {
  Atomics.store(state, BUSY, 1);
  try {
    return Atomics.load(state, STOPPING) === 0 ? await work() : undefined;
  } finally {
    Atomics.store(state, BUSY, 0);
    Atomics.notify(state, BUSY);
  }
}

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
 * @param {{ id: number, ids: number[] }} request
 */
async function embed(model, { id, ids }) {
  try {
    const vector = poolVector(await model.run(ids), settings.pooling);
    port?.postMessage(/** @satisfies {WorkerReply} */ ({ kind: 'vector', id, vector }), [vector.buffer]);
  } catch (error) {
    reply({ kind: 'failed', id, reason: reasonOf(error) });
  }
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

/** @param {WorkerReply} message */
function reply(message) {
  port?.postMessage(message);
}

/** @param {unknown} error */
function reasonOf(error) {
  return error instanceof Error ? error.message : String(error);
}
