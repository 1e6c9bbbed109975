import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startPrivateRedis } from '../src/redis/private-redis.ts';
import { openStacklore, type Stacklore } from '../src/stacklore.ts';
import { inTurn, median, printRatio, sample } from './measure.ts';
import { openBareClient } from './stores/bare-client.ts';
import type { BareClient } from './stores/operation.ts';

const VECTOR_BYTES = 384 * 4;
const BATCH = 1_000;

/** Backup and restore in MB/s of what is stored, and the analysis of many keys against a bare loop over them. */
export async function benchMaintenance({ rounds, keys, chunks }: MaintenanceBench): Promise<void> {
  const redis = await startPrivateRedis();
  const lore = openStacklore(redis.config(), { env: {} });
  const client = await openBareClient(redis);
  const folder = mkdtempSync(join(tmpdir(), 'stacklore-bench-'));
  try {
    await benchArchives(lore, { client, folder, chunks, rounds });
    await benchKeys(lore, { client, keys, rounds });
  } finally {
    rmSync(folder, { recursive: true, force: true });
    client.destroy();
    await lore.close();
    await redis.stop();
  }
}

export interface MaintenanceBench {
  readonly rounds: number;
  /** Small keys that are analysed. */
  readonly keys: number;
  /** Hashes with text and vector that are backed up and restored. */
  readonly chunks: number;
}

async function benchArchives(
  lore: Stacklore,
  { client, folder, chunks, rounds }: { client: BareClient; folder: string; chunks: number; rounds: number },
): Promise<void> {
  const keyOf = (at: number) => `llama_index/vector_store/bench/d${at}_chunk_0`;
  await inBatches(chunks, async (first, last) => {
    const multi = client.multi();
    for (let at = first; at < last; at += 1) multi.hSet(keyOf(at), chunkFields(at));
    await multi.execAsPipeline();
  });
  const written: number[] = [];
  const bareRead: number[] = [];
  const restored: number[] = [];
  const bareWritten: number[] = [];
  let megabytes = 0;
  let file = '';
  const { ours, floor } = await inTurn(
    rounds,
    async () => {
      const { wallMs } = await sample(async () => {
        const { archives } = await lore.maintenance.backup({ databases: ['knowledge'], folder });
        file = archives[0]?.path ?? '';
        megabytes = (archives[0]?.contentBytes ?? 0) / 1e6;
      });
      return wallMs;
    },
    async () => (await sample(() => readBare(client))).wallMs,
  );
  for (const wallMs of ours) written.push((megabytes / wallMs) * 1_000);
  for (const wallMs of floor) bareRead.push((megabytes / wallMs) * 1_000);
  const restores = await inTurn(
    rounds,
    async () => {
      const { wallMs } = await sample(
        async () => void (await lore.maintenance.restore({ file, existing: 'replace' })),
      );
      return wallMs;
    },
    async () => (await sample(() => rewriteBare(client, chunks, keyOf))).wallMs,
  );
  for (const wallMs of restores.ours) restored.push((megabytes / wallMs) * 1_000);
  for (const wallMs of restores.floor) bareWritten.push((megabytes / wallMs) * 1_000);
  console.log(`${chunks} hashes, ${megabytes.toFixed(0)} MB; bare loops neither check, compress nor save`);
  printRatio('backup', 'MB/s', written, bareRead, 'for information');
  printRatio('restore', 'MB/s', restored, bareWritten, 'for information');
}

async function benchKeys(
  lore: Stacklore,
  { client, keys, rounds }: { client: BareClient; keys: number; rounds: number },
): Promise<void> {
  await inBatches(keys, async (first, last) => {
    const multi = client.multi();
    for (let at = first; at < last; at += 1) {
      multi.hSet(`session:s${at}`, { user_id: `user_${at % 97}`, metadata: '{}' });
      multi.expire(`session:s${at}`, 86_400);
    }
    await multi.execAsPipeline();
  });
  const { ours, floor } = await inTurn(
    rounds,
    async () =>
      (await sample(async () => void (await lore.maintenance.analyseKeys({ databases: ['main'] })))).wallMs,
    async () => (await sample(() => readTypes(client))).wallMs,
  );
  printRatio(`keys: ${keys} keys, against SCAN and TYPE`, 'ms', ours, floor, 'at most 1.25');
  console.log(`keys: ${Math.round((keys / median(ours)) * 1_000)} keys/s with type, TTL and memory`);
}

function chunkFields(at: number) {
  const vector = Buffer.alloc(VECTOR_BYTES);
  for (let offset = 0; offset < VECTOR_BYTES; offset += 4) {
    vector.writeFloatLE(Math.sin(at * 31 + offset * 0.37), offset);
  }
  const text = `Passage ${at}. `.padEnd(600, `words of passage ${at}, `);
  return { embedding: vector, text, metadata: '{"source":"a.md"}', doc_id: `d${at}`, node_id: `n${at}` };
}

async function inBatches(count: number, work: (first: number, last: number) => Promise<void>): Promise<void> {
  for (let first = 0; first < count; first += BATCH) await work(first, Math.min(count, first + BATCH));
}

async function readBare(client: BareClient): Promise<void> {
  for await (const keys of client.scanIterator({ COUNT: BATCH })) {
    await Promise.all(keys.map((key) => client.sendCommand(['HGETALL', key])));
  }
}

async function rewriteBare(client: BareClient, chunks: number, keyOf: (at: number) => string): Promise<void> {
  await inBatches(chunks, async (first, last) => {
    const multi = client.multi();
    for (let at = first; at < last; at += 1) {
      multi.unlink(keyOf(at));
      multi.hSet(keyOf(at), chunkFields(at));
    }
    await multi.execAsPipeline();
  });
}

async function readTypes(client: BareClient): Promise<void> {
  for await (const keys of client.scanIterator({ COUNT: BATCH })) {
    await Promise.all(keys.map((key) => client.type(key)));
  }
}
