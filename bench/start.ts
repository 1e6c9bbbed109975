import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { loadConfig } from '../src/config.ts';
import { attachEmbeddedRedis } from '../src/redis/embedded.ts';
import { openStacklore, type Stacklore } from '../src/stacklore.ts';

const MAIN = 'dist/cli/main.js';
const CHUNKS_OF_DOCUMENT = 100;

/** What a start is measured with. */
export interface StartBench {
  readonly provisionDir: string;
  readonly texts: readonly string[];
  readonly vectors: readonly Float32Array[];
}

/**
 * How soon after `stacklore up` the embedded server answers: by vectors, by words too, and by HNSW; after `stacklore down`,
 * and after a SIGKILL, with and without HNSW in the rewritten log. Every answer is compared with the one of before.
 */
export async function benchStart({ provisionDir, texts, vectors }: StartBench): Promise<void> {
  const home = mkdtempSync(join(tmpdir(), 'stacklore-bench-start-'));
  const settings = { home, provisionDir };
  const query = { query: texts[7] ?? '', vector: vectors[7] as Float32Array, collection: 'start' };
  try {
    const expected = await inServer(settings, async (lore) => {
      await fill(lore, texts, vectors);
      const started = performance.now();
      await settle(lore);
      console.log(`\n${vectors.length} chunks; HNSW after they were stored: ${seconds(started)}`);
      return keysOf(await lore.search({ ...query, mode: 'vector', exact: true }));
    });
    let started = performance.now();
    run(settings, 'down');
    console.log(`stacklore down: ${seconds(started)}`);
    await measureStart(settings, { query, expected, label: 'after stacklore down' });
    await kill(settings);
    await measureStart(settings, {
      query,
      expected,
      label: 'after kill -9, served by HNSW since a clean stop',
    });
    await inServer(settings, (lore) => lore.databases.knowledge.send(['BGREWRITEAOF']));
    await sleep(5_000);
    await kill(settings);
    await measureStart(settings, { query, expected, label: 'after kill -9, HNSW in the rewritten log' });
    started = performance.now();
    run(settings, 'down');
    console.log(`stacklore down: ${seconds(started)}`);
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

interface Settings {
  readonly home: string;
  readonly provisionDir: string;
}

async function inServer<T>(settings: Settings, work: (lore: Stacklore) => Promise<T>): Promise<T> {
  const lore = openStacklore(settings, { env: {} });
  try {
    return await work(lore);
  } finally {
    await lore.close();
  }
}

async function fill(
  lore: Stacklore,
  texts: readonly string[],
  vectors: readonly Float32Array[],
): Promise<void> {
  const { length: dimensions = 0 } = vectors[0] ?? {};
  const collection = await lore.createCollection('start', { dimensions, language: 'english' });
  for (let at = 0; at < texts.length; at += CHUNKS_OF_DOCUMENT) {
    const name = `d${at}`;
    const document = { docId: name, title: name, source: `/${name}.md`, contentType: 'markdown' };
    const chunks = texts.slice(at, at + CHUNKS_OF_DOCUMENT).map((text) => ({ text }));
    await lore.documents.replace(
      collection,
      { ...document, wordCount: 1, hash: name },
      chunks,
      vectors.slice(at, at + CHUNKS_OF_DOCUMENT),
    );
  }
}

/** Waits until the collection is served by what suits its size. */
async function settle(lore: Stacklore): Promise<void> {
  while ((await lore.tendIndexes(['start'])).start !== 'settled') await sleep(50);
}

async function measureStart(
  settings: Settings,
  { query, expected, label }: { query: StartQuery; expected: readonly string[]; label: string },
): Promise<void> {
  const started = performance.now();
  run(settings, 'up');
  const up = seconds(started);
  await inServer(settings, async (lore) => {
    const exact = keysOf(await lore.search({ ...query, mode: 'vector', exact: true }));
    const first = seconds(started);
    const isRight = exact.join() === expected.join();
    while ((await lore.search(query)).warnings.length > 0) await sleep(20);
    const hybrid = seconds(started);
    await settle(lore);
    console.log(
      `${label}: up ${up}, first answer by vectors ${first}${isRight ? '' : ' WRONG'}, by words too ${hybrid}, by HNSW ${seconds(started)}`,
    );
  });
}

interface StartQuery {
  readonly query: string;
  readonly vector: Float32Array;
  readonly collection: string;
}

async function kill(settings: Settings): Promise<void> {
  const config = loadConfig({ settings, env: {} });
  const server = await attachEmbeddedRedis(config, { report: () => undefined });
  await server.close();
  process.kill(server.pid, 'SIGKILL');
  await sleep(500);
}

function keysOf({ hits }: Awaited<ReturnType<Stacklore['search']>>): string[] {
  return hits.map(({ chunkId }) => chunkId);
}

/** The compiled command, as a person would start it. */
function run({ home, provisionDir }: Settings, command: string): void {
  const env = { ...process.env, STACKLORE_PROVISION_DIR: provisionDir, REDIS_URL: '' };
  const { status, stderr } = spawnSync(process.execPath, [MAIN, command, '--home', home], {
    encoding: 'utf8',
    env,
  });
  if (status !== 0) throw new Error(`stacklore ${command} failed: ${stderr}`);
}

function seconds(started: number): string {
  return `${((performance.now() - started) / 1_000).toFixed(2)} s`;
}
