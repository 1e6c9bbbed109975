/** Attaches to the shared server of a data home and prints what it got: `attach.ts HOME FILES`. */
import { loadConfig } from '../../../src/config.ts';
import { attachEmbeddedRedis } from '../../../src/redis/embedded.ts';

const [home = '', files = ''] = process.argv.slice(2);
const embedded = await attachEmbeddedRedis(loadConfig({ settings: { home }, env: {} }), {
  report: () => undefined,
  files: JSON.parse(files),
});
console.log(JSON.stringify({ pid: embedded.pid, started: embedded.started }));
await embedded.close();
