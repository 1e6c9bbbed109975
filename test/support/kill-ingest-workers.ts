import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { queueIngest } from '../../src/jobs/queue-ingest.ts';
import type { Stacklore } from '../../src/stacklore.ts';
import type { IngestJob } from '../../src/stores/main/ingest-jobs.ts';
import { allKeys } from './lore.ts';

/** How workers are killed while they share jobs, and what is checked when a job has ended. */
export interface WorkerKillPlan {
  readonly lore: Stacklore;
  readonly collection: string;
  readonly folder: string;
  /** Jobs, each over all documents in a next version. */
  readonly jobs: number;
  readonly documents: number;
  readonly killsOfJob: number;
  /** Between kills, at most. */
  readonly longestMs: number;
  /** Seeded, so that a failure can be met again. */
  readonly random: () => number;
  /** Starts a worker in a process of its own; resolves when it works. */
  readonly start: () => Promise<ChildProcess>;
}

/** What the kills met. */
export interface WorkerKillReport {
  readonly jobs: number;
  /** Workers that were killed while a job was not done. */
  readonly killed: number;
  /** Documents that were ingested, over all jobs. */
  readonly documents: number;
}

const WORKERS = 2;

/**
 * Lets two workers share jobs, one of them killed now and then and replaced. Each job must end once and by itself, with each
 * document there once, whole and in the job's version. Throws an `Error` naming what is broken.
 */
export async function killIngestWorkers(plan: WorkerKillPlan): Promise<WorkerKillReport> {
  const { lore, collection, folder, jobs, documents, killsOfJob, longestMs, random, start } = plan;
  const workers = await Promise.all(Array.from({ length: WORKERS }, start));
  let killed = 0;
  try {
    for (let version = 1; version <= jobs; version += 1) {
      await writeVersion(plan, version);
      const { jobId } = await queueIngest(lore, { sources: [folder], collection });
      for (let kill = 0; kill < killsOfJob; kill += 1) {
        await sleep(random() * longestMs);
        if ((await lore.ingestJobs.get(jobId)).endedAt) break;
        const at = Math.floor(random() * WORKERS);
        const [victim] = workers.splice(at, 1);
        victim?.kill('SIGKILL');
        killed += 1;
        workers.push(await start());
      }
      checkReport(await endOf(lore, jobId), documents);
      await checkWhole(plan, version);
    }
  } finally {
    await Promise.all(workers.map(end));
  }
  return { jobs, killed, documents: jobs * documents };
}

async function writeVersion({ folder, documents }: WorkerKillPlan, version: number): Promise<void> {
  for (let n = 0; n < documents; n += 1) {
    const sections = 1 + ((version * 5 + n * 3) % 4);
    const text = Array.from(
      { length: sections },
      (_, at) => `## Section ${at}\n\n${`Document ${n} says version${version} here. `.repeat(12)}\n`,
    );
    await writeFile(join(folder, `document${n}.md`), `# Document ${n}\n\n${text.join('\n')}`);
  }
}

async function endOf(lore: Stacklore, jobId: string): Promise<IngestJob> {
  for (;;) {
    const job = await lore.ingestJobs.get(jobId);
    if (job.endedAt) return job;
    await sleep(50);
  }
}

function checkReport({ state, report, error, done, sources }: IngestJob, documents: number): void {
  const { created = 0, updated = 0, unchanged = 0 } = report?.counts ?? {};
  if (state === 'done' && created + updated + unchanged === documents && done === sources) return;
  throw new Error(
    `a job ended ${state}: ${JSON.stringify({ error, done, sources, counts: report?.counts })}`,
  );
}

async function checkWhole({ lore, collection, documents }: WorkerKillPlan, version: number): Promise<void> {
  const { items } = await lore.documents.list(collection, { limit: 1_000 });
  if (new Set(items.map(({ source }) => source)).size !== documents || items.length !== documents) {
    throw new Error(`${items.length} documents are there instead of ${documents}`);
  }
  let chunks = 0;
  for (const document of items) {
    let count = 0;
    for await (const { text } of lore.documents.chunks(document)) {
      count += 1;
      const [found] = /version\d+/.exec(text) ?? [];
      if (found !== `version${version}`)
        throw new Error(`${document.source} has ${found}, not version${version}`);
    }
    if (count !== document.chunkCount)
      throw new Error(`${document.source} has ${count} of ${document.chunkCount} chunks`);
    chunks += count;
  }
  const keys = await allKeys(lore.databases.knowledge, `llama_index/vector_store/${collection}/*`);
  if (keys.length !== chunks) throw new Error(`documents name ${chunks} chunks, ${keys.length} are stored`);
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}
