import ort from 'onnxruntime-node';

/**
 * @typedef {object} TokenVectors What a model made of one text; overwritten by its next run.
 * @property {Float32Array} data `rows` vectors, one after the other.
 * @property {number} rows One a token, or a single one where the model pools by itself.
 * @property {number} dimensions
 *
 * @typedef {object} RunningModel
 * @property {(ids: readonly number[]) => Promise<TokenVectors>} run
 * @property {() => Promise<void>} close
 */

/**
 * Opens a graph with ONNX Runtime itself: the least processor time and memory a text that was found. Gives `undefined`
 * for a graph that takes or gives anything unusual.
 * @param {string} weightsPath
 * @param {number} threads
 * @returns {Promise<RunningModel | undefined>}
 */
export async function openOnnxModel(weightsPath, threads) {
  const session = await ort.InferenceSession.create(weightsPath, sessionOptions(threads));
  const output = findOutput(session);
  if (!output || !takesPlainTokens(session)) {
    await session.release();
    return undefined;
  }
  // One buffer takes every run's output: a fresh one for each would sit in memory until the next garbage collection.
  let buffer = new Float32Array(0);
  return {
    async run(ids) {
      const { name, rank, dimensions } = output;
      const rows = rank === 3 ? ids.length : 1;
      if (buffer.length < rows * dimensions) buffer = new Float32Array(rows * dimensions);
      const data = buffer.subarray(0, rows * dimensions);
      const shape = rank === 3 ? [1, rows, dimensions] : [1, dimensions];
      await session.run(tokenFeeds(session, ids), { [name]: new ort.Tensor('float32', data, shape) });
      return { data, rows, dimensions };
    },
    close: () => session.release(),
  };
}

/**
 * Threads do not spin while they wait, which costs more processor time than it saves.
 * @param {number} threads
 * @returns {import('onnxruntime-node').InferenceSession.SessionOptions}
 */
export function sessionOptions(threads) {
  return {
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    graphOptimizationLevel: 'all',
    logSeverityLevel: 3,
    extra: { session: { intra_op: { allow_spinning: '0' } } },
  };
}

const TOKEN_INPUTS = ['input_ids', 'attention_mask', 'token_type_ids'];

/** @param {import('onnxruntime-node').InferenceSession} session */
function takesPlainTokens(session) {
  return (
    session.inputNames.includes('input_ids') &&
    session.inputMetadata.every(
      (input) => TOKEN_INPUTS.includes(input.name) && input.isTensor && input.type === 'int64',
    )
  );
}

/**
 * The vectors of the tokens where the graph gives them, else the vector of the whole text.
 * @param {import('onnxruntime-node').InferenceSession} session
 */
function findOutput(session) {
  for (const rank of [3, 2]) {
    for (const output of session.outputMetadata) {
      if (!output.isTensor || output.type !== 'float32' || output.shape.length !== rank) continue;
      const dimensions = output.shape[rank - 1];
      if (typeof dimensions === 'number') return { name: output.name, rank, dimensions };
    }
  }
  return undefined;
}

/**
 * @param {import('onnxruntime-node').InferenceSession} session
 * @param {readonly number[]} ids
 */
function tokenFeeds(session, ids) {
  const shape = [1, ids.length];
  /** @type {Record<string, import('onnxruntime-node').Tensor>} */
  const feeds = {};
  for (const name of session.inputNames) {
    const values =
      name === 'input_ids'
        ? BigInt64Array.from(ids, BigInt)
        : new BigInt64Array(ids.length).fill(name === 'attention_mask' ? 1n : 0n);
    feeds[name] = new ort.Tensor('int64', values, shape);
  }
  return feeds;
}
