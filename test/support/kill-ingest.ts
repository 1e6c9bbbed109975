import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Stacklore } from '../../src/stacklore.ts';
import { allKeys } from './lore.ts';

/** How ingests are killed and what is checked after each kill. */
export interface KillPlan {
  readonly lore: Stacklore;
  readonly collection: string;
  readonly folder: string;
  readonly kills: number;
  /** Seeded, so that a failure can be met again. */
  readonly random: () => number;
  /** Starts an ingest of the folder into the collection, in a process of its own. */
  readonly start: () => ChildProcess;
}

/** What the kills met: how many came before the ingest had ended by itself, and how many saw a document change. */
export interface KillReport {
  readonly killed: number;
  readonly changed: number;
}

const DOCUMENTS = 6;

/**
 * Ingests a first version, then again and again a next one, killed at random moments. After each kill every document
 * must be there whole, in one version, with its index entries. Throws an `Error` naming what is broken.
 */
export async function killIngests(plan: KillPlan): Promise<KillReport> {
  await writeVersion(plan, 0);
  const started = performance.now();
  await finished(plan.start());
  // Most of the first run's time, and a little more: some kills come before the ingest begins, some too late.
  const longestMs = (performance.now() - started) * 1.2;
  let seen = await checkWhole(plan);
  let killed = 0;
  let changed = 0;
  for (let version = 1; version <= plan.kills; version += 1) {
    await writeVersion(plan, version);
    const child = plan.start();
    const timer = setTimeout(() => child.kill('SIGKILL'), plan.random() * longestMs);
    if ((await finished(child)) === 'SIGKILL') killed += 1;
    clearTimeout(timer);
    const now = await checkWhole(plan);
    if (now.join() !== seen.join()) changed += 1;
    seen = now;
  }
  return { killed, changed };
}

/** A small generator with a seed (mulberry32): tests that kill at random moments can be repeated. */
export function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** The length differs from version to version, so that a mix of two would show in the number of chunks as well. */
async function writeVersion({ folder }: KillPlan, version: number): Promise<void> {
  for (let n = 0; n < DOCUMENTS; n += 1) {
    const sections = 1 + ((version * 7 + n * 3) % 9);
    const text = Array.from(
      { length: sections },
      (_, at) => `## Section ${at}\n\n${`Document ${n} says version${version} here. `.repeat(12)}\n`,
    );
    await writeFile(join(folder, `document${n}.md`), `# Document ${n}\n\n${text.join('\n')}`);
  }
}

/** The version each document is in. */
async function checkWhole({ lore, collection }: KillPlan): Promise<string[]> {
  const { items } = await lore.documents.list(collection);
  if (items.length !== DOCUMENTS) throw new Error(`${items.length} of ${DOCUMENTS} documents are there`);
  const versions: string[] = [];
  let chunks = 0;
  for (const document of items.sort((a, b) => (a.source < b.source ? -1 : 1))) {
    const found = new Set<string>();
    let count = 0;
    for await (const { text } of lore.documents.chunks(document)) {
      count += 1;
      for (const [version] of text.matchAll(/version\d+/g)) found.add(version);
    }
    if (count !== document.chunkCount)
      throw new Error(`${document.source} has ${count} of ${document.chunkCount} chunks`);
    if (found.size !== 1) throw new Error(`${document.source} mixes ${[...found].join(' and ')}`);
    versions.push(...found);
    chunks += count;
  }
  const keys = await allKeys(lore.databases.knowledge, `llama_index/vector_store/${collection}/*`);
  const indexed = (await lore.status()).collections.find(({ name }) => name === collection)?.chunks;
  if (keys.length !== chunks || indexed !== chunks) {
    throw new Error(`documents name ${chunks} chunks, ${keys.length} are stored, ${indexed} are indexed`);
  }
  return versions;
}

async function finished(child: ChildProcess): Promise<NodeJS.Signals | number | null> {
  const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
  if (signal === null && code !== 0) throw new Error(`the ingest ended with ${code}`);
  return signal ?? code;
}
