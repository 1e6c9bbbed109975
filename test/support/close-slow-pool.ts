/** Closes a pool whose thread is still loading; nothing else keeps this process alive. */
import { EmbedPool } from '../../src/embed/embed-pool.ts';

const pool = new EmbedPool({
  workers: 1,
  settings: { dir: 'slow', weightsPath: '', threads: 1, pooling: 'mean', runtime: 'auto' },
  file: new URL('./scripted-worker.mjs', import.meta.url),
});
pool.warm();
await pool.close();
