/** An embedding thread without a model, for tests of the pool: what it does with a text is that text's first id. */
import { parentPort, workerData } from 'node:worker_threads';

const ANSWER = 1;
const DIE = 2;
const FAIL = 3;
const THROW = 4;

if (workerData.dir === 'unusable') {
  parentPort?.postMessage({ kind: 'unusable', reason: 'no such model' });
} else if (workerData.dir !== 'slow') {
  parentPort?.postMessage({ kind: 'ready' });
}

parentPort?.on('message', (request) => {
  if (request === 'close' && workerData.dir === 'slow') {
    // Ready only now, as one that was loading its model when it was closed.
    parentPort?.postMessage({ kind: 'ready' });
    setTimeout(() => process.exit(), 100);
    return;
  }
  if (request === 'close') process.exit();
  const { id, input: ids } = request;
  if (ids[0] === ANSWER) parentPort?.postMessage({ kind: 'vector', id, vector: Float32Array.from(ids) });
  else if (ids[0] === DIE) process.exit(1);
  else if (ids[0] === FAIL) parentPort?.postMessage({ kind: 'failed', id, reason: 'bad text' });
  else if (ids[0] === THROW) throw new Error('out of luck');
});
