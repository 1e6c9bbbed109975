import { setTimeout as sleep } from 'node:timers/promises';
import type { Config } from '../../config.ts';
import { connectDatabases, type Database } from '../../redis/databases.ts';
import { type Collection, Collections } from '../../stores/knowledge/collections.ts';
import { findIndexShape } from '../../stores/knowledge/ft-index.ts';
import { indexName, indexNumber } from '../../stores/knowledge/index-fields.ts';
import { Reindexes } from '../../stores/knowledge/reindexes.ts';
import { VectorIndex } from '../../stores/knowledge/vector-index.ts';
import { type TendParts, tendIndex } from './tend-index.ts';

/** An index that is filled so soon is left to itself. */
const SOON_MS = 200;
const POLL_MS = 20;

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
  const missing = await findMissing(parts);
  // The server fills one index after the other, so nothing is made before all that would be filled first is gone.
  const emptied: Collection[] = [];
  for (const collection of missing) {
    const vacant = await vacated(parts, collection);
    // Others have changed it meanwhile: the search that misses an index makes one.
    if (vacant) emptied.push(vacant);
  }
  for (const vacant of emptied) await parts.vectorIndex.builder.ensure(vacant, { withWords: false });
  for (const { name } of emptied) await tendIndex(parts, name);
}

async function findMissing(parts: TendParts): Promise<Collection[]> {
  const listed = await parts.collections.listReadable();
  const looked = listed.map(async ({ collection }) =>
    !(collection instanceof Error) && (await isMissing(parts, collection)) ? [collection] : [],
  );
  return (await Promise.all(looked)).flat();
}

/** Whether an `auto` collection has no index that holds all chunks, nor will have in a moment. */
async function isMissing({ knowledge, reindexes }: TendParts, collection: Collection): Promise<boolean> {
  if (!collection.manifest.index.auto || (await reindexes.find(collection))) return false;
  const until = performance.now() + SOON_MS;
  for (;;) {
    const shape = await findIndexShape(knowledge, collection.index);
    if (!shape) return true;
    if (!shape.indexing) return false;
    if (performance.now() >= until) return true;
    await sleep(POLL_MS);
  }
}

/** The collection with the name of an exact index that is not there yet, and without any other; `undefined` if it was changed. */
async function vacated(
  { collections, vectorIndex }: TendParts,
  collection: Collection,
): Promise<Collection | undefined> {
  const { name, manifest, index } = collection;
  const flat = { ...manifest, index: { ...manifest.index, kind: 'flat' as const } };
  const isThere = (await vectorIndex.findHealth({ name, index }))?.index === index;
  const next = isThere ? indexName(name, indexNumber(index) + 1) : index;
  const saved = await collections.saveManifest(collection, flat, next);
  if (saved) await vectorIndex.builder.drop(saved);
  return saved;
}
