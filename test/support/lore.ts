import { afterAll } from 'vitest';
import type { ConfigInput } from '../../src/config.ts';
import type { Database } from '../../src/redis/databases.ts';
import type { PrivateRedis } from '../../src/redis/private-redis.ts';
import { scanKeys } from '../../src/redis/scan.ts';
import { type OpenOptions, openStacklore, type Stacklore } from '../../src/stacklore.ts';
import { FakeEmbedder } from './fake-embedder.ts';

/**
 * Opens a Stacklore on a test's private server with the deterministic embedder, closed after the file's last test.
 * The environment of the process is not read.
 */
export function openTestLore(
  redis: PrivateRedis,
  settings: ConfigInput = {},
  options: OpenOptions = {},
): Stacklore {
  const lore = openStacklore(redis.config(settings), { env: {}, embedder: new FakeEmbedder(), ...options });
  afterAll(() => lore.close());
  return lore;
}

/** Every key that matches a pattern, sorted. */
export async function allKeys(database: Database, pattern: string): Promise<string[]> {
  const found = new Set<string>();
  for await (const keys of scanKeys(database, pattern)) for (const key of keys) found.add(key);
  return [...found].sort();
}
