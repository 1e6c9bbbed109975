import { expect, it } from 'vitest';
import { seededRandom } from '../support/kill-ingest.ts';
import { killIngestWorkers } from '../support/kill-ingest-workers.ts';
import { openTestLore } from '../support/lore.ts';
import { usePrivateRedis } from '../support/redis.ts';
import { runTypeScript } from '../support/run-typescript.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const redis = usePrivateRedis();
const PROGRAM = new URL('./programs/ingest-worker.ts', import.meta.url);
const LEASE_MS = 500;

it('stores each document once and whole when workers that share a job are killed at any moment', {
  timeout: 120_000,
}, async () => {
  const folder = temporaryFolder();
  const start = async () => {
    const program = runTypeScript(PROGRAM, [redis.url, folder, String(LEASE_MS)]);
    await program.printed('working');
    return program.process;
  };
  const { killed } = await killIngestWorkers({
    ...{ lore: openTestLore(redis), folder, collection: 'killed', start },
    ...{ jobs: 1, documents: 60, killsOfJob: 2, longestMs: 300, random: seededRandom(20_260_201) },
  });
  expect(killed).toBeGreaterThan(0);
});
