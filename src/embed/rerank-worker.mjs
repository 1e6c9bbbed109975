/**
 * The thread that runs a cross-encoder: a query and some texts in, one score a text out. Plain JavaScript, because a
 * thread is started from this very file.
 */
import { workerData } from 'node:worker_threads';
import { serveModel } from './model-thread.mjs';

/** @typedef {{ query: string, texts: string[] }} RerankInput */

/** @type {import('./cross-encoder.mjs').CrossEncoderSettings} */
const settings = workerData;

serveModel(async () => {
  // Imported only here: loading a native library is also something that must not be disturbed.
  const { openCrossEncoder } = await import('./cross-encoder.mjs');
  return openCrossEncoder(settings);
}, score);

/**
 * @param {import('./cross-encoder.mjs').CrossEncoder} model
 * @param {RerankInput} input
 */
function score(model, { query, texts }) {
  return model.score(query, texts);
}
