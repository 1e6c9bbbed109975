import { collectionRecord, collectionsRecord, reindexRecord } from '../schema/knowledge.ts';
import type { ControlConnection } from './control-connection.mjs';
import { countIndexedDocuments, type IndexCounts } from './index-counts.ts';
import type { AutoIndexKeys } from './prepare-stop.mjs';
import { prepareStop } from './prepare-stop.mjs';
import { isSilence } from './server-ready.ts';

/** What the collections of a server are found by; names of collections need no escaping in keys. */
export const AUTO_INDEX_KEYS: AutoIndexKeys = {
  collections: collectionsRecord.key.build({}),
  collectionPrefix: prefixOf(collectionRecord.key.pattern),
  reindexPrefix: prefixOf(reindexRecord.key.pattern),
};

/**
 * Prepares a server for a stop in good order, so that its next start is short, and counts what its indexes hold, or those
 * that this start will make. Rejects when the server stays silent, or when indexes are being built for longer than `countMs`.
 */
export async function prepareGoodStop(
  connection: ControlConnection,
  { silenceLimitMs, countMs }: { readonly silenceLimitMs?: number; readonly countMs?: number } = {},
): Promise<IndexCounts> {
  const options = silenceLimitMs === undefined ? {} : { timeoutMs: silenceLimitMs };
  // One that is loading, full or has no search can be stopped as it is; it only starts as slowly as it did.
  const prepared = await prepareStop(connection, AUTO_INDEX_KEYS, options).catch((error: unknown) => {
    if (isSilence(error)) throw error;
    return {};
  });
  return { ...(await countIndexedDocuments(connection, countMs)), ...prepared };
}

function prefixOf(pattern: string): string {
  return pattern.slice(0, -1);
}
