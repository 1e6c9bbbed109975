import { setTimeout as sleep } from 'node:timers/promises';
import { loadConfig } from '../../src/config.ts';
import { stopEmbeddedRedis } from '../../src/redis/embedded.ts';
import { embeddedStatus } from '../../src/redis/embedded-status.ts';
import type { Stacklore } from '../../src/stacklore.ts';
import type { Figure } from './figures.ts';

/** A question whose right answer is known. */
export interface KnownAnswer {
  readonly collection: string;
  readonly vector: Float32Array;
  readonly query: string;
  /** The nearest chunks, by exact search. */
  readonly nearest: readonly string[];
}

const PAUSE_MS = 20;
/** Looking how far an index is takes the server a while. */
export const LOOK_PAUSE_MS = 3_000;
/** HNSW of half a million chunks is built by then. */
const PATIENCE_MS = 3_600_000;
/** As much of what is nearest has to be found for an answer to count as right: an HNSW index may miss some. */
const RIGHT_SHARE = 0.9;

/** Ends the embedded server in order, or as a crash would, and times how it comes back; each figure is given once it is known. */
export async function restartFigures(
  home: string,
  open: () => Stacklore,
  {
    way,
    known,
    add,
  }: {
    readonly way: 'clean' | 'kill -9';
    readonly known: KnownAnswer;
    readonly add: (figures: readonly Figure[]) => void;
  },
): Promise<void> {
  const config = loadConfig({ env: {}, settings: { home } });
  const stopping = performance.now();
  if (way === 'clean') await stopEmbeddedRedis(config);
  else await killServer(config);
  const tell = (what: string, since: number) => {
    const seconds = (performance.now() - since) / 1_000;
    add([{ name: `${way} restart: ${what}`, unit: 's', value: seconds, growth: 'linear' }]);
  };
  if (way === 'clean') tell('stop', stopping);
  const started = performance.now();
  const lore = open();
  try {
    await lore.databases.knowledge.send(['PING']);
    tell('server answers', started);
    await until(() => isRight(lore, known));
    tell('first right vector answer', started);
    await until(
      async () => (await lore.search({ ...pick(known), query: known.query })).warnings.length === 0,
    );
    tell('first whole hybrid answer', started);
    // Ready is also what the index before is that serves meanwhile.
    const { collection } = known;
    await until(async () => (await lore.tendIndexes([collection]))[collection] === 'settled', LOOK_PAUSE_MS);
    tell('background indexing ended', started);
  } finally {
    await lore.close();
  }
}

async function killServer(config: ReturnType<typeof loadConfig>): Promise<void> {
  const { pid } = await embeddedStatus(config);
  if (pid === undefined) throw new Error('There is no embedded server to kill.');
  process.kill(pid, 'SIGKILL');
  while ((await embeddedStatus(config)).running) await sleep(PAUSE_MS);
}

async function isRight(lore: Stacklore, known: KnownAnswer): Promise<boolean> {
  const { hits } = await lore.search({ ...pick(known), vector: known.vector });
  const found = new Set(hits.map(({ chunkId }) => chunkId));
  return known.nearest.filter((id) => found.has(id)).length >= known.nearest.length * RIGHT_SHARE;
}

function pick({ collection, nearest }: KnownAnswer) {
  return { collection, topK: nearest.length };
}

/** Asks again while the answer is no, or the server is not ready to give one; throws what it last said after an hour. */
async function until(isSo: () => Promise<boolean>, pauseMs = PAUSE_MS): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    const answer = await isSo().catch((error: unknown) => error);
    if (answer === true) return;
    if (performance.now() > deadline) throw new Error('No right answer after a restart', { cause: answer });
    await sleep(pauseMs);
  }
}
