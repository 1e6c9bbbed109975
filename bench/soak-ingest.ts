import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PrivateRedis } from '../src/redis/private-redis.ts';
import type { Stacklore } from '../src/stacklore.ts';
import { type KillReport, killIngests } from '../test/support/kill-ingest.ts';

const COLLECTION = 'soak';

/**
 * kill -9 of the compiled command at random moments of an ingest; after each, every document must be whole. Throws an
 * `Error` naming what is broken.
 */
export async function soakIngest(
  lore: Stacklore,
  redis: PrivateRedis,
  { kills, random }: { readonly kills: number; readonly random: () => number },
): Promise<KillReport> {
  const folder = mkdtempSync(join(tmpdir(), 'stacklore-soak-'));
  const args = ['ingest', folder, '--collection', COLLECTION, '--redis-url', redis.url, '--json'];
  const start = () =>
    spawn(process.execPath, ['dist/cli/main.js', ...args], { stdio: ['ignore', 'ignore', 'inherit'] });
  try {
    return await killIngests({ lore, collection: COLLECTION, folder, kills, random, start });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
