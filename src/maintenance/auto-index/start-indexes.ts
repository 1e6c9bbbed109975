import type { Config } from '../../config.ts';
import { connectDatabases, type Database } from '../../redis/databases.ts';
import { Collections } from '../../stores/knowledge/collections.ts';
import { Reindexes } from '../../stores/knowledge/reindexes.ts';
import { VectorIndex } from '../../stores/knowledge/vector-index.ts';
import { isIndexMissing, makeExactIndexes } from './exact-first.ts';
import { type TendParts, tendIndex } from './tend-index.ts';

/**
 * Makes an embedded server that was just started answer soon: `auto` collections whose index a stop has dropped, or that
 * a replayed log builds anew, get one for exact search by vectors, in a second for 100,000 chunks; what words need is begun and
 * not waited for, HNSW follows. Never fails: whatever is missing afterwards is made by the search that misses it.
 */
export async function startIndexes(
  config: Config,
  socketPath: string,
  {
    graceMs,
    onNotice,
  }: { readonly graceMs: number; readonly onNotice?: ((text: string) => void) | undefined },
): Promise<void> {
  // A knowledge base elsewhere is not on the server that was started.
  if (config.redisUrl !== undefined || config.databases.knowledge?.url !== undefined) return;
  const databases = connectDatabases(config, { embeddedSocket: async () => socketPath });
  try {
    await startIndexesOf(databases.knowledge, graceMs);
  } catch {
    onNotice?.('Some indexes were not made at the start of the server: the next searches make them.');
  } finally {
    await databases.close();
  }
}

/** The same on a connection. Interrupted between any two commands, the next call goes on. Throws what the server answers. */
export async function startIndexesOf(knowledge: Database, graceMs: number): Promise<void> {
  const parts: TendParts = {
    ...{ knowledge, collections: new Collections(knowledge), graceMs },
    ...{ vectorIndex: new VectorIndex(knowledge), reindexes: new Reindexes(knowledge) },
  };
  const { items } = await parts.collections.list();
  const looked = items.map(async (one) => ((await isIndexMissing(parts, one)) ? [one] : []));
  const missing = (await Promise.all(looked)).flat();
  for (const { name } of await makeExactIndexes(parts, missing)) await tendIndex(parts, name);
}
