import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { loadConfig } from '../src/config.ts';
import { openLocalEmbedder } from '../src/embed/local-embedder.ts';
import { provisionServer } from '../src/provision/redis-pair.ts';
import { silentReport } from '../src/provision/report.ts';
import { type PrivateRedis, startPrivateRedis } from '../src/redis/private-redis.ts';
import { openStacklore } from '../src/stacklore.ts';
import { killIngests, seededRandom } from '../test/support/kill-ingest.ts';
import type { FaultReport } from '../test/support/work-under-faults.ts';
import { textWindows, vectorsOf } from './corpus.ts';
import { printMachine } from './measure.ts';
import { readArguments } from './read-arguments.ts';
import { soakScale } from './scale/soak-scale.ts';
import { backUp, type CommandRun, digestServer, fillServer, restoreAll, withFolder } from './soak-backup.ts';
import { soakChaos } from './soak-chaos.ts';
import { soakFailover } from './soak-failover.ts';
import { soakHttp } from './soak-http.ts';
import { killWorkers } from './soak-queue.ts';
import { soakWorkers } from './soak-workers.ts';

const PARTS = {
  'kill-ingest': killIngest,
  'kill-server': killServer,
  'kill-worker': killWorker,
  workers,
  failover,
  chaos,
  size,
  scale,
  backup,
  http,
} as const;
const USAGE = `npm run soak -- [part …]
Parts are ${Object.keys(PARTS).join(', ')}; all of them but scale unless some are named; --kills, --chunks, --keys, --seed and --seconds with a number.`;
const { values, positionals } = readArguments(
  {
    allowPositionals: true,
    options: {
      kills: { type: 'string', default: '300' },
      chunks: { type: 'string' },
      keys: { type: 'string', default: '1000000' },
      seed: { type: 'string', default: '1' },
      seconds: { type: 'string', default: '60' },
    },
  },
  USAGE,
);
// Scale takes an hour, so it has to be asked for.
const chosen = positionals.length > 0 ? positionals : Object.keys(PARTS).filter((name) => name !== 'scale');
const config = loadConfig();
/** Ten times the keys may take so much more memory: what the collector had no need to free yet with a few. */
const MOST_GROWTH_MB = 50;

printMachine();
for (const name of chosen) {
  const part = PARTS[name as keyof typeof PARTS];
  if (!part) {
    console.error(`Unknown part ${name}.\n${USAGE}`);
    process.exit(2);
  }
  const started = performance.now();
  await part();
  console.log(`${name}: done in ${((performance.now() - started) / 1_000).toFixed(0)} s\n`);
}

/** kill -9 of the compiled command at random moments of an ingest; after each, every document must be whole. */
async function killIngest(): Promise<void> {
  const redis = await startPrivateRedis();
  const folder = mkdtempSync(join(tmpdir(), 'stacklore-soak-'));
  const lore = openStacklore(settingsOf(redis), { env: {} });
  try {
    const kills = Number(values.kills);
    const start = () => spawnIngest(redis, folder);
    const plan = {
      lore,
      collection: 'soak',
      folder,
      kills,
      random: seededRandom(Number(values.seed)),
      start,
    };
    const { killed, changed } = await killIngests(plan);
    console.log(
      `${kills} ingests: ${killed} killed, ${changed} changed a document, every document whole after each`,
    );
  } finally {
    await lore.close();
    await redis.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** kill -9 of the server while documents are published; what was acknowledged more than a second before must be there. */
async function killServer(): Promise<void> {
  const redis = await startPrivateRedis();
  const random = seededRandom(Number(values.seed));
  const rounds = Math.max(1, Math.round(Number(values.kills) / 10));
  let acknowledged = 0;
  let lost = 0;
  const first = openStacklore(settingsOf(redis), { env: {} });
  await first.createCollection('soak', { dimensions: 8 });
  await first.close();
  try {
    for (let round = 0; round < rounds; round += 1) {
      const lore = openStacklore(settingsOf(redis), { env: {} });
      const times = new Map<string, number>();
      const writing = publishUntilItFails(lore, round, times);
      await new Promise((resolve) => setTimeout(resolve, 1_100 + random() * 1_500));
      const killedAt = performance.now();
      await redis.kill();
      await writing;
      await lore.close();
      await redis.restart();
      const after = openStacklore(settingsOf(redis), { env: {} });
      for (const [docId, at] of times) {
        if (killedAt - at < 1_000) continue;
        acknowledged += 1;
        const document = await after.documents.find(docId);
        let chunks = 0;
        if (document) for await (const _ of after.documents.chunks(document)) chunks += 1;
        if (!document || chunks !== document.chunkCount) lost += 1;
      }
      await after.close();
    }
  } finally {
    await redis.stop();
  }
  console.log(
    `${rounds} kills of the server: ${acknowledged} documents acknowledged over a second before, ${lost} lost`,
  );
  if (lost > 0) process.exitCode = 1;
}

/** kill -9 of queue workers at random moments; every task must be done in the end. */
async function killWorker(): Promise<void> {
  const redis = await startPrivateRedis();
  const lore = openStacklore(settingsOf(redis), { env: {} });
  try {
    const kills = Math.max(1, Math.round(Number(values.kills) / 5));
    const random = seededRandom(Number(values.seed));
    const { tasks, lost, repeated } = await killWorkers(lore, redis, { kills, random });
    console.log(`${kills} kills of workers: ${tasks} tasks, ${lost} lost, ${repeated} begun more than once`);
    if (lost > 0) process.exitCode = 1;
  } finally {
    await lore.close();
    await redis.stop();
  }
}

/** kill -9 of ingest workers that share jobs; every document must be there once, whole and in its newest version. */
async function workers(): Promise<void> {
  const redis = await startPrivateRedis();
  const lore = openStacklore(settingsOf(redis), { env: {} });
  try {
    const kills = Math.max(1, Math.round(Number(values.kills) / 10));
    const random = seededRandom(Number(values.seed));
    const { jobs, killed, documents } = await soakWorkers(lore, redis, { kills, random });
    console.log(
      `${killed} kills of ingest workers over ${jobs} jobs: ${documents} documents, each there once, whole and new after each job`,
    );
  } finally {
    await lore.close();
    await redis.stop();
  }
}

/** Masters and sentinels that fail under load; what was acknowledged is there, and every answer is right. */
async function failover(): Promise<void> {
  const faults = Math.max(1, Math.round(Number(values.kills) / 15));
  const random = seededRandom(Number(values.seed));
  const files = await provisionServer(config, silentReport);
  const report = await soakFailover(files, { faults, random });
  console.log(`${faults} faults: ${lineOf(report)}`);
}

/** kill -9 of servers under load, their indexes being built and switched: nothing acknowledged is lost, no answer wrong. */
async function chaos(): Promise<void> {
  const kills = Math.max(3, Math.round(Number(values.kills) / 5));
  const random = seededRandom(Number(values.seed));
  const files = await provisionServer(config, silentReport);
  for (const [name, report] of Object.entries(await soakChaos(files, { kills, random }))) {
    console.log(
      `${name}, ${Math.ceil(kills / 3)} kills: ${lineOf(report)}; ${report.begun} indexes begun, ${report.switched} switched to`,
    );
  }
}

function lineOf({ documents, versions, tasks, sessions, answers, errors, longestMs }: FaultReport): string {
  const met = Object.entries(errors).map(([code, count]) => `${count} ${code}`);
  return (
    `${versions} versions of ${documents} documents, ${tasks} tasks and ${sessions} sessions acknowledged, none lost; ` +
    `${answers} answers, all right; errors: ${met.join(', ') || 'none'}; ` +
    `longest pause ${longestMs.write} ms of writes, ${longestMs.search} ms of searches`
  );
}

/** Searches on 64 connections while documents come in: no server error, none lost, and an event loop that keeps up. */
async function http(): Promise<void> {
  const redis = await startPrivateRedis();
  try {
    const { load, serverErrors, ingested, lost, eventLoopP99Ms } = await soakHttp(
      ['--redis-url', redis.url],
      Number(values.seconds),
    );
    console.log(
      `${load.sent} searches, ${load.rate.toFixed(0)} a second, p50 ${load.p50} ms, p99 ${load.p99} ms; ${serverErrors} server errors, ` +
        `${load.failed} failed; ${ingested} documents ingested meanwhile, ${lost} lost; event loop p99 ${eventLoopP99Ms.toFixed(1)} ms (under 50)`,
    );
    if (serverErrors + lost + load.failed > 0 || eventLoopP99Ms > 50) process.exitCode = 1;
  } finally {
    await redis.stop();
  }
}

async function publishUntilItFails(
  lore: ReturnType<typeof openStacklore>,
  round: number,
  times: Map<string, number>,
) {
  const collection = await lore.collections.get('soak');
  for (let n = 0; ; n += 1) {
    const docId = `r${round}d${n}`;
    const document = { docId, title: docId, source: docId, contentType: 'text', wordCount: 1, hash: docId };
    const texts = Array.from({ length: 5 }, (_, at) => ({ text: `${docId} ${at}` }));
    try {
      await lore.documents.replace(
        collection,
        document,
        texts,
        texts.map((_, at) => Float32Array.of(1, at, n, 0, 0, 0, 0, 1)),
      );
      times.set(docId, performance.now());
    } catch {
      return; // the server is gone
    }
  }
}

/** Many real-text chunks through the product: memory of the client stays flat, the index takes in every one. */
async function size(): Promise<void> {
  const count = Number(values.chunks ?? 50_000);
  const embedder = await openLocalEmbedder(config);
  // As many as the bench takes with its queries, so that both share the vectors kept in the data home.
  const windows = await textWindows(undefined, count + 500);
  const texts = windows.slice(0, count);
  const vectors = await vectorsOf(config, embedder, windows);
  await embedder.close();
  const redis = await startPrivateRedis();
  const lore = openStacklore(settingsOf(redis), { env: {} });
  try {
    const collection = await lore.createCollection('size');
    const started = performance.now();
    for (let at = 0; at < texts.length; at += 100) {
      const document = {
        docId: `d${at}`,
        title: `d${at}`,
        source: `/d${at}.md`,
        contentType: 'markdown',
        wordCount: 1,
        hash: `h${at}`,
      };
      const chunks = texts.slice(at, at + 100).map((text) => ({ text }));
      await lore.documents.replace(collection, document, chunks, vectors.slice(at, at + 100));
      if (at % 10_000 === 0)
        console.log(`${at} chunks, client ${(process.memoryUsage().rss / 1e6).toFixed(0)} MB`);
    }
    const seconds = (performance.now() - started) / 1_000;
    const before = (await lore.status()).collections[0];
    const restarted = performance.now();
    await redis.restart();
    const after = (await lore.status()).collections[0];
    const { server } = await lore.status();
    console.log(
      `${texts.length} chunks in ${seconds.toFixed(1)} s; ${before?.chunks} indexed, ${after?.chunks} after a restart of ${((performance.now() - restarted) / 1_000).toFixed(1)} s; server ${(server.usedMemoryBytes / 1e6).toFixed(0)} MB`,
    );
    if (before?.chunks !== texts.length || after?.chunks !== texts.length) process.exitCode = 1;
  } finally {
    await lore.close();
    await redis.stop();
  }
}

/** Half a million chunks in the embedded server of a data home of their own: every figure, and how it grew. */
async function scale(): Promise<void> {
  if ((await soakScale(config, Number(values.chunks ?? 500_000))) > 0) process.exitCode = 1;
}

/** Very many keys into archives and out of them: all are the same afterwards, in memory that does not grow with them. */
async function backup(): Promise<void> {
  const keys = Number(values.keys);
  const few = Math.ceil(keys / 10);
  const source = await startPrivateRedis();
  let target: PrivateRedis | undefined;
  const from = openStacklore(settingsOf(source), { env: {} });
  try {
    await withFolder(async (folder) => {
      const expireAt = Date.now() + 24 * 3_600_000;
      await fillServer(from, { first: 0, last: few }, expireAt);
      const { peakMb: peakOfFew } = await backUp(source, join(folder, 'few'));
      await fillServer(from, { first: few, last: keys }, expireAt);
      const before = await digestServer(from, keys);
      const saved = await backUp(source, join(folder, 'all'));
      await from.close();
      await source.stop();
      target = await startPrivateRedis();
      const restored = await restoreAll(target, saved.data);
      const to = openStacklore(settingsOf(target), { env: {} });
      const after = await digestServer(to, keys).finally(() => to.close());
      const megabytes = saved.data.reduce((sum, { contentBytes }) => sum + contentBytes, 0) / 1e6;
      const archived = saved.data.reduce((sum, { bytes }) => sum + bytes, 0) / 1e6;
      const written = restored.data.reduce((sum, one) => sum + one.restored, 0);
      console.log(`${keys} keys, ${megabytes.toFixed(0)} MB in archives of ${archived.toFixed(0)} MB`);
      printRun('backup', saved, megabytes);
      printRun('restore', restored, megabytes);
      const growthMb = saved.peakMb - peakOfFew;
      const isSame = isDeepStrictEqual(after, before) && written === keys;
      console.log(
        `${written} keys restored, ${isSame ? 'all the same' : 'NOT THE SAME'}; backing up a tenth took ${peakOfFew.toFixed(0)} MB, so growth is ${growthMb.toFixed(0)} MB (at most ${MOST_GROWTH_MB}${growthMb > MOST_GROWTH_MB ? ', MISSED' : ''})`,
      );
      if (!isSame) console.log({ before, after });
      if (!isSame || growthMb > MOST_GROWTH_MB) process.exitCode = 1;
    });
  } finally {
    await from.close();
    await source.stop();
    await target?.stop();
  }
}

function printRun(name: string, { seconds, peakMb }: CommandRun<unknown>, megabytes: number): void {
  console.log(
    `${name.padEnd(8)} ${seconds.toFixed(1)} s, ${(megabytes / seconds).toFixed(1)} MB/s, peak memory ${peakMb.toFixed(0)} MB`,
  );
}

function settingsOf(redis: PrivateRedis) {
  return redis.config({ provisionDir: config.provisionDir ?? `${config.home}/provision` });
}

function spawnIngest(redis: PrivateRedis, folder: string) {
  const args = [
    'dist/cli/main.js',
    'ingest',
    folder,
    '--collection',
    'soak',
    '--redis-url',
    redis.url,
    '--json',
  ];
  return spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] });
}
