/** Starts an embedding thread by loading ahead, and closes the pool before the thread is ready. */
import { EmbedPool } from '../../src/embed/embed-pool.ts';

const pool = new EmbedPool({
  workers: 1,
  settings: { dir: 'model', weightsPath: 'model.onnx', threads: 1, pooling: 'mean', runtime: 'auto' },
  file: new URL('./scripted-worker.mjs', import.meta.url),
});
pool.warm();
await pool.close();
process.stdout.write('closed');
