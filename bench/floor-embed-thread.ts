import { parentPort, Worker, workerData } from 'node:worker_threads';
import { openBareSession } from './floor-embedder.ts';

/**
 * The bare session in a thread of its own: what embedding costs a program whose event loop it must not hold up. Ids go
 * in and vectors come out, one at a time, and nothing else.
 */
export async function openThreadedSession(weightsPath: string, threads: number) {
  // Run compiled, so that a thread can be started from this very file.
  const worker = new Worker(new URL(import.meta.url), { workerData: { weightsPath, threads }, execArgv: [] });
  const answer = () => new Promise<Float32Array>((resolve) => worker.once('message', resolve));
  await answer();
  return {
    embedIds: (ids: readonly number[]): Promise<Float32Array> => {
      const vector = answer();
      worker.postMessage(ids);
      return vector;
    },
    close: () => worker.terminate(),
  };
}

if (parentPort) {
  const port = parentPort;
  const { weightsPath, threads } = workerData as { weightsPath: string; threads: number };
  const embed = await openBareSession(weightsPath, threads);
  port.postMessage(new Float32Array());
  port.on('message', async (ids: readonly number[]) => port.postMessage(await embed(ids)));
}
