import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { PrivateRedis } from '../src/redis/private-redis.ts';
import type { Stacklore } from '../src/stacklore.ts';
import { killIngestWorkers, type WorkerKillReport } from '../test/support/kill-ingest-workers.ts';
import { startWorker } from './workers.ts';

const DOCUMENTS = 200;
const KILLS_OF_JOB = 3;
const LONGEST_MS = 2_000;
/** About as long as a worker takes to start and load its model. */
const STARTING_MS = 1_500;

/** kill -9 of workers of the compiled command, with the model, at random moments of jobs that they share. */
export async function soakWorkers(
  lore: Stacklore,
  redis: PrivateRedis,
  { kills, random }: { readonly kills: number; readonly random: () => number },
): Promise<WorkerKillReport> {
  const folder = mkdtempSync(join(tmpdir(), 'stacklore-soak-'));
  const start = async () => {
    const worker = startWorker(redis.url, ['--threads', '1', '--lease-seconds', '1']);
    await sleep(STARTING_MS);
    return worker;
  };
  try {
    return await killIngestWorkers({
      ...{ lore, folder, collection: 'soak', random, start },
      ...{ jobs: Math.ceil(kills / KILLS_OF_JOB), documents: DOCUMENTS },
      ...{ killsOfJob: KILLS_OF_JOB, longestMs: LONGEST_MS },
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
