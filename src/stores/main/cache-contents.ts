import type { Database } from '../../redis/databases.ts';
import { scanKeys } from '../../redis/scan.ts';
import { cacheLockRecord, responseCacheRecord } from '../../schema/main.ts';

/** How many bodies an endpoint has. */
export interface EndpointEntries {
  /** What stands for the endpoint in its keys. */
  readonly endpoint: string;
  readonly entries: number;
}

/** The bodies there are by endpoint, most first. */
export async function countBodies(database: Database): Promise<EndpointEntries[]> {
  const endpoints = new Map<string, Set<string>>();
  for await (const keys of scanKeys(database, responseCacheRecord.key.pattern)) {
    for (const key of keys) {
      const endpoint = responseCacheRecord.key.parse(key)?.endpointHash;
      if (endpoint === undefined) continue;
      const known = endpoints.get(endpoint);
      // A set, as a scan may give a key twice.
      if (known) known.add(key);
      else endpoints.set(endpoint, new Set([key]));
    }
  }
  const counts = [...endpoints].map(([endpoint, keys]) => ({ endpoint, entries: keys.size }));
  return counts.sort((a, b) => b.entries - a.entries);
}

/** Removes the bodies of an endpoint, or of all, and gives how many. Who computes one now will not keep it. */
export async function removeBodies(database: Database, endpointHash?: string): Promise<number> {
  // Locks first: without its lock, what was computed from the state until now is not kept.
  await remove(database, cacheLockRecord, endpointHash);
  return remove(database, responseCacheRecord, endpointHash);
}

async function remove(
  database: Database,
  { key: template }: Pick<typeof responseCacheRecord | typeof cacheLockRecord, 'key'>,
  endpointHash: string | undefined,
): Promise<number> {
  let removed = 0;
  const patterns =
    endpointHash === undefined ? [template.pattern] : template.patternsOf({ endpointHash }, database);
  for (const pattern of patterns) {
    for await (const keys of scanKeys(database, pattern)) {
      const own = keys.filter((key) => {
        const ids = template.parse(key);
        return ids !== undefined && (endpointHash ?? ids.endpointHash) === ids.endpointHash;
      });
      if (own.length > 0) removed += await database.send<number>(['UNLINK', ...own]);
    }
  }
  return removed;
}
