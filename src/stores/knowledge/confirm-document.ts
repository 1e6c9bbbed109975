import type { Database } from '../../redis/databases.ts';
import { defineScript, runScript } from '../../redis/script.ts';

/**
 * Writes the hash of a document as it is stored: replicas that have this write have all that was written before.
 *
 * KEYS 1 the document's hash. ARGV 1 the value of `hash`.
 */
const REWRITE_HASH = defineScript(`
if redis.call('HGET', KEYS[1], 'hash') == ARGV[1] then redis.call('HSET', KEYS[1], 'hash', ARGV[1]) end
`);

/** Resolves when enough replicas have a stored document, where the configuration asks for any (`database_timeout`). */
export async function confirmDocument(database: Database, key: string, hash: string): Promise<void> {
  await runScript(database, REWRITE_HASH, {
    keys: [key],
    args: [hash],
    isRepeatable: true,
    isConfirmed: true,
  });
}
