/**
 * What every thread that runs a model does: opens it, answers one request after the other, and ends when told to.
 * Plain JavaScript, like the files that threads are started from.
 */
import { parentPort, workerData } from 'node:worker_threads';

/**
 * @typedef {{ kind: 'ready' } | { kind: 'unusable', reason: string }
 *   | { kind: 'vector', id: number, vector: Float32Array<ArrayBuffer> }
 *   | { kind: 'failed', id: number, reason: string }} ThreadReply
 */

/** Places in the shared state: the pool asks the thread to stop; the thread says it is within native code. */
const STOPPING = 0;
const BUSY = 1;

/**
 * Serves the pool that started this thread; what it posts is `{ id, input }` or `close`.
 * @template {{ close: () => Promise<void> }} Model
 * @template Input
 * @param {() => Promise<Model>} openModel
 * @param {(model: Model, input: Input) => Promise<Float32Array<ArrayBuffer>>} run The answer to one request.
 */
export function serveModel(openModel, run) {
  const port = parentPort;
  if (!port) throw new Error('model threads are started as worker threads');
  /** @type {Int32Array<SharedArrayBuffer>} */
  const state = workerData.state;
  /** @param {ThreadReply} message */
  const reply = (message) => port.postMessage(message);

  /**
   * Runs native code so that the pool knows of it: ending a thread within native code aborts the whole process.
   * Does nothing once the pool is stopping.
   * @template T
   * @param {() => Promise<T>} work
   * @returns {Promise<T | undefined>}
   */
  const undisturbed = async (work) => {
    Atomics.store(state, BUSY, 1);
    try {
      return Atomics.load(state, STOPPING) === 0 ? await work() : undefined;
    } finally {
      Atomics.store(state, BUSY, 0);
      Atomics.notify(state, BUSY);
    }
  };

  /**
   * @param {Model} model
   * @param {{ id: number, input: Input }} request
   */
  const answer = async (model, { id, input }) => {
    try {
      const vector = await run(model, input);
      port.postMessage(/** @satisfies {ThreadReply} */ ({ kind: 'vector', id, vector }), [vector.buffer]);
    } catch (error) {
      reply({ kind: 'failed', id, reason: reasonOf(error) });
    }
  };

  let turn = undisturbed(openModel);
  turn.then(
    (model) => model && reply({ kind: 'ready' }),
    (error) => reply({ kind: 'unusable', reason: reasonOf(error) }),
  );

  port.on('message', (/** @type {{ id: number, input: Input } | 'close'} */ request) => {
    // One after the other: a run's output is overwritten by the next one.
    turn = turn.then(async (model) => {
      if (request === 'close') {
        await model?.close();
        process.exit();
      } else if (model) {
        await undisturbed(() => answer(model, request));
      }
      return model;
    });
    // A model that could not be opened was reported as `unusable`; the pool then ends this thread.
    turn.catch(() => undefined);
  });
}

/** @param {unknown} error */
function reasonOf(error) {
  return error instanceof Error ? error.message : String(error);
}
