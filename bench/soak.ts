import { loadConfig } from '../src/config.ts';
import { provisionServer } from '../src/provision/redis-pair.ts';
import { silentReport } from '../src/provision/report.ts';
import { type PrivateRedis, startPrivateRedis } from '../src/redis/private-redis.ts';
import { openStacklore, type Stacklore } from '../src/stacklore.ts';
import { seededRandom } from '../test/support/kill-ingest.ts';
import type { FaultReport } from '../test/support/work-under-faults.ts';
import { printMachine } from './measure.ts';
import { readArguments } from './read-arguments.ts';
import { soakScale } from './scale/soak-scale.ts';
import { type CommandRun, soakBackup } from './soak-backup.ts';
import { soakChaos } from './soak-chaos.ts';
import { soakFailover } from './soak-failover.ts';
import { soakHttp } from './soak-http.ts';
import { soakIngest } from './soak-ingest.ts';
import { killWorkers } from './soak-queue.ts';
import { soakServer } from './soak-server.ts';
import { soakSize } from './soak-size.ts';
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
  const kills = Number(values.kills);
  await withServer(async (lore, redis) => {
    const { killed, changed } = await soakIngest(lore, redis, { kills, random: newRandom() });
    console.log(
      `${kills} ingests: ${killed} killed, ${changed} changed a document, every document whole after each`,
    );
  });
}

/** kill -9 of the server while documents are published; what was acknowledged more than a second before must be there. */
async function killServer(): Promise<void> {
  const kills = Math.max(1, Math.round(Number(values.kills) / 10));
  await withServer(async (_, redis) => {
    const { acknowledged, lost } = await soakServer(() => open(redis), redis, { kills, random: newRandom() });
    console.log(
      `${kills} kills of the server: ${acknowledged} documents acknowledged over a second before, ${lost} lost`,
    );
    if (lost > 0) process.exitCode = 1;
  });
}

/** kill -9 of queue workers at random moments; every task must be done in the end. */
async function killWorker(): Promise<void> {
  const kills = Math.max(1, Math.round(Number(values.kills) / 5));
  await withServer(async (lore, redis) => {
    const { tasks, lost, repeated } = await killWorkers(lore, redis, { kills, random: newRandom() });
    console.log(`${kills} kills of workers: ${tasks} tasks, ${lost} lost, ${repeated} begun more than once`);
    if (lost > 0) process.exitCode = 1;
  });
}

/** kill -9 of ingest workers that share jobs; every document must be there once, whole and in its newest version. */
async function workers(): Promise<void> {
  const kills = Math.max(1, Math.round(Number(values.kills) / 10));
  await withServer(async (lore, redis) => {
    const { jobs, killed, documents } = await soakWorkers(lore, redis, { kills, random: newRandom() });
    console.log(
      `${killed} kills of ingest workers over ${jobs} jobs: ${documents} documents, each there once, whole and new after each job`,
    );
  });
}

/** Masters and sentinels that fail under load; what was acknowledged is there, and every answer is right. */
async function failover(): Promise<void> {
  const faults = Math.max(1, Math.round(Number(values.kills) / 15));
  const files = await provisionServer(config, silentReport);
  const report = await soakFailover(files, { faults, random: newRandom() });
  console.log(`${faults} faults: ${lineOf(report)}`);
}

/** kill -9 of servers under load, their indexes being built and switched: nothing acknowledged is lost, no answer wrong. */
async function chaos(): Promise<void> {
  const kills = Math.max(3, Math.round(Number(values.kills) / 5));
  const files = await provisionServer(config, silentReport);
  for (const [name, report] of Object.entries(await soakChaos(files, { kills, random: newRandom() }))) {
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
  await withServer(async (_, redis) => {
    const { load, serverErrors, ingested, lost, eventLoopP99Ms } = await soakHttp(
      ['--redis-url', redis.url],
      Number(values.seconds),
    );
    console.log(
      `${load.sent} searches, ${load.rate.toFixed(0)} a second, p50 ${load.p50} ms, p99 ${load.p99} ms; ${serverErrors} server errors, ` +
        `${load.failed} failed; ${ingested} documents ingested meanwhile, ${lost} lost; event loop p99 ${eventLoopP99Ms.toFixed(1)} ms (under 50)`,
    );
    if (serverErrors + lost + load.failed > 0 || eventLoopP99Ms > 50) process.exitCode = 1;
  });
}

/** Many real-text chunks through the product: memory of the client stays flat, the index takes in every one. */
async function size(): Promise<void> {
  const count = Number(values.chunks ?? 50_000);
  await withServer(async (lore, redis) => {
    const { chunks, seconds, indexed, indexedAfterRestart, restartSeconds, serverMb } = await soakSize(
      lore,
      redis,
      { config, count },
    );
    console.log(
      `${chunks} chunks in ${seconds.toFixed(1)} s; ${indexed} indexed, ${indexedAfterRestart} after a restart of ${restartSeconds.toFixed(1)} s; server ${serverMb.toFixed(0)} MB`,
    );
    if (indexed !== chunks || indexedAfterRestart !== chunks) process.exitCode = 1;
  });
}

/** Half a million chunks in the embedded server of a data home of their own: every figure, and how it grew. */
async function scale(): Promise<void> {
  if ((await soakScale(config, Number(values.chunks ?? 500_000))) > 0) process.exitCode = 1;
}

/** Very many keys into archives and out of them: all are the same afterwards, in memory that does not grow with them. */
async function backup(): Promise<void> {
  const keys = Number(values.keys);
  const { saved, restored, before, after, isSame, peakOfFewMb } = await soakBackup(keys, open);
  const megabytes = saved.data.reduce((sum, { contentBytes }) => sum + contentBytes, 0) / 1e6;
  const archived = saved.data.reduce((sum, { bytes }) => sum + bytes, 0) / 1e6;
  const written = restored.data.reduce((sum, one) => sum + one.restored, 0);
  console.log(`${keys} keys, ${megabytes.toFixed(0)} MB in archives of ${archived.toFixed(0)} MB`);
  printRun('backup', saved, megabytes);
  printRun('restore', restored, megabytes);
  const growthMb = saved.peakMb - peakOfFewMb;
  console.log(
    `${written} keys restored, ${isSame ? 'all the same' : 'NOT THE SAME'}; backing up a tenth took ${peakOfFewMb.toFixed(0)} MB, so growth is ${growthMb.toFixed(0)} MB (at most ${MOST_GROWTH_MB}${growthMb > MOST_GROWTH_MB ? ', MISSED' : ''})`,
  );
  if (!isSame) console.log({ before, after });
  if (!isSame || growthMb > MOST_GROWTH_MB) process.exitCode = 1;
}

function printRun(name: string, { seconds, peakMb }: CommandRun<unknown>, megabytes: number): void {
  console.log(
    `${name.padEnd(8)} ${seconds.toFixed(1)} s, ${(megabytes / seconds).toFixed(1)} MB/s, peak memory ${peakMb.toFixed(0)} MB`,
  );
}

/** Lends a server of its own, and what is open on it. */
async function withServer(work: (lore: Stacklore, redis: PrivateRedis) => Promise<void>): Promise<void> {
  const redis = await startPrivateRedis();
  const lore = open(redis);
  try {
    await work(lore, redis);
  } finally {
    await lore.close();
    await redis.stop();
  }
}

function open(redis: PrivateRedis): Stacklore {
  const settings = redis.config({ provisionDir: config.provisionDir ?? `${config.home}/provision` });
  return openStacklore(settings, { env: {} });
}

/** Seeded, so that a failure can be met again. */
function newRandom(): () => number {
  return seededRandom(Number(values.seed));
}
