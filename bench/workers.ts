import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { loadConfig } from '../src/config.ts';
import { queueIngest } from '../src/jobs/queue-ingest.ts';
import { startPrivateRedis } from '../src/redis/private-redis.ts';
import { openStacklore, type Stacklore } from '../src/stacklore.ts';
import type { IngestJob } from '../src/stores/main/ingest-jobs.ts';
import { markdownFiles } from './corpus.ts';
import { COMMAND_FLAGS, copyCorpus } from './ingest.ts';
import { inTurn, printRatio } from './measure.ts';

/** Documents of the job before the measured one, so that each worker has loaded its model. */
const WARMING = 48;

interface WorkerSample {
  readonly documents: number;
  readonly chunks: number;
  readonly seconds: number;
}

/** One job shared by two worker processes of one thread each, against one worker process with two threads. */
export async function benchWorkers({
  folder,
  bytes,
  rounds,
}: {
  folder: string | undefined;
  bytes: number;
  rounds: number;
}): Promise<void> {
  const temporary = mkdtempSync(join(tmpdir(), 'stacklore-bench-'));
  try {
    const corpus = join(temporary, 'corpus');
    const size = copyCorpus(await markdownFiles(folder), corpus, bytes);
    const samples = await inTurn(
      rounds,
      () => ingestWith(corpus, { processes: 2, threads: 1 }),
      () => ingestWith(corpus, { processes: 1, threads: 2 }),
    );
    const [first] = samples.ours;
    console.log(
      `workers: a job of ${(size / 1e6).toFixed(1)} MB of Markdown, ${first?.documents} documents, ${first?.chunks} chunks`,
    );
    const rate = (all: WorkerSample[], of: 'documents' | 'chunks') =>
      all.map((sample) => sample[of] / sample.seconds);
    for (const of of ['documents', 'chunks'] as const) {
      printRatio(
        'workers: 2 processes / 1 process, 2 threads',
        `${of}/s`,
        rate(samples.ours, of),
        rate(samples.floor, of),
        'at least 1',
      );
    }
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

async function ingestWith(
  corpus: string,
  { processes, threads }: { readonly processes: number; readonly threads: number },
): Promise<WorkerSample> {
  const config = loadConfig();
  const redis = await startPrivateRedis();
  const settings = redis.config({ provisionDir: config.provisionDir ?? `${config.home}/provision` });
  const lore = openStacklore(settings, { env: {} });
  const workers: ChildProcess[] = [];
  try {
    for (let n = 0; n < processes; n += 1)
      workers.push(startWorker(redis.url, ['--threads', String(threads)]));
    const few: string[] = [];
    for await (const item of lore.listSources([corpus])) {
      if ('location' in item && few.length < WARMING) few.push(item.location);
    }
    await ended(lore, await queueIngest(lore, { sources: few, collection: 'warm' }));
    const started = performance.now();
    const { report } = await ended(lore, await queueIngest(lore, { sources: [corpus], collection: 'bench' }));
    const seconds = (performance.now() - started) / 1_000;
    return { documents: report?.counts.created ?? 0, chunks: report?.embedded ?? 0, seconds };
  } finally {
    for (const worker of workers) {
      worker.kill('SIGTERM');
      if (worker.exitCode === null) await once(worker, 'exit');
    }
    await lore.close();
    await redis.stop();
  }
}

/** A worker of the compiled command, as it is run. */
export function startWorker(redisUrl: string, flags: readonly string[]): ChildProcess {
  const args = [...COMMAND_FLAGS, 'dist/cli/main.js', 'worker', ...flags, '--redis-url', redisUrl, '--json'];
  return spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] });
}

async function ended(lore: Stacklore, { jobId }: IngestJob): Promise<IngestJob> {
  for (;;) {
    const job = await lore.ingestJobs.get(jobId);
    if (job.endedAt) return job;
    await sleep(20);
  }
}
