import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { killIngests, seededRandom } from '../support/kill-ingest.ts';
import { openTestLore } from '../support/lore.ts';
import { usePrivateRedis } from '../support/redis.ts';
import { runTypeScript } from '../support/run-typescript.ts';

const redis = usePrivateRedis();
const PROGRAM = new URL('./programs/ingest-folder.ts', import.meta.url);

it('leaves every document whole, old or new, when an ingest is killed at any moment', {
  timeout: 120_000,
}, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'stacklore-kill-'));
  try {
    const lore = openTestLore(redis);
    const report = await killIngests({
      ...{ lore, folder, collection: 'killed', kills: 12, random: seededRandom(20_260_101) },
      start: () => runTypeScript(PROGRAM, [redis.url, folder, 'killed', folder]).process,
    });
    expect(report.killed).toBeGreaterThan(0);
    expect(report.changed).toBeGreaterThan(0);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
