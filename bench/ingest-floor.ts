import { readFileSync } from 'node:fs';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { loadConfig } from '../src/config.ts';
import { provisionModel } from '../src/provision/model-files.ts';
import { silentReport } from '../src/provision/report.ts';
import { disableTelemetry, openBareSession } from './floor-embedder.ts';
import { sample } from './measure.ts';

/** The least that embedding these token ids takes: sessions fed one text a call, nothing else in the process. */
async function main(): Promise<void> {
  disableTelemetry();
  const [idsPath = '', sessions = '1', threads = '2'] = process.argv.slice(2);
  const all: number[][] = JSON.parse(readFileSync(idsPath, 'utf8'));
  const { weightsPath } = await provisionModel(loadConfig(), silentReport);
  const run =
    sessions === '1'
      ? await inProcess(weightsPath, Number(threads))
      : await inWorkers(weightsPath, Number(sessions));
  await run(all.slice(0, 20));
  const { wallMs, cpuMs } = await sample(() => run(all));
  console.log(
    JSON.stringify({ chunks: all.length, wallMs, cpuMs, peakMb: process.resourceUsage().maxRSS / 1_000 }),
  );
  process.exit(0);
}

async function inProcess(weightsPath: string, threads: number) {
  const embed = await openBareSession(weightsPath, threads);
  return async (all: readonly number[][]) => {
    for (const ids of all) await embed(ids);
  };
}

async function inWorkers(weightsPath: string, count: number) {
  const workers = await Promise.all(
    Array.from({ length: count }, () => {
      const worker = new Worker(new URL(import.meta.url), { workerData: { weightsPath } });
      return new Promise<Worker>((resolve) => worker.once('message', () => resolve(worker)));
    }),
  );
  return (all: readonly number[][]) =>
    new Promise<void>((resolve) => {
      let next = 0;
      let done = 0;
      const feed = (worker: Worker) => {
        if (next < all.length) worker.postMessage(all[next++]);
      };
      for (const worker of workers) {
        worker.removeAllListeners('message');
        worker.on('message', () => {
          done += 1;
          if (done === all.length) resolve();
          feed(worker);
        });
        feed(worker);
        feed(worker);
      }
    });
}

if (isMainThread) {
  await main();
} else {
  const embed = await openBareSession((workerData as { weightsPath: string }).weightsPath, 1);
  parentPort?.on('message', async (ids: number[]) => {
    const vector = await embed(ids);
    parentPort?.postMessage(vector, [vector.buffer as ArrayBuffer]);
  });
  parentPort?.postMessage('ready');
}
