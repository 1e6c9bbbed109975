import { setTimeout as sleep } from 'node:timers/promises';
import type { Collection } from '../../stores/knowledge/collections.ts';
import { findIndexShape } from '../../stores/knowledge/ft-index.ts';
import { indexName, indexNumber } from '../../stores/knowledge/index-fields.ts';
import type { TendParts } from './tend-index.ts';

/** What `auto` collections are given exact indexes with. */
export type ExactParts = Pick<TendParts, 'knowledge' | 'collections' | 'vectorIndex' | 'reindexes'>;

/** An index that is filled so soon is left to itself. */
const SOON_MS = 200;
const POLL_MS = 20;

/** Whether an `auto` collection has no index that holds all chunks, nor will have in a moment. */
export async function isIndexMissing(
  { knowledge, reindexes }: ExactParts,
  collection: Collection,
): Promise<boolean> {
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

/**
 * Makes `auto` collections whose index is missing answer soon: each gets an index for exact search by vectors, in a second for
 * 100,000 chunks. Words and HNSW follow by `tendIndex`. Gives those that others have not changed meanwhile: of these the search
 * that misses an index makes one. Interrupted between any two commands, the next call goes on.
 */
export async function makeExactIndexes(
  parts: ExactParts,
  missing: readonly Collection[],
): Promise<Collection[]> {
  // The server fills one index after the other, so nothing is made before all that would be filled first is gone.
  const emptied: Collection[] = [];
  for (const collection of missing) {
    const vacant = await vacated(parts, collection);
    if (vacant) emptied.push(vacant);
  }
  for (const vacant of emptied) await parts.vectorIndex.builder.ensure(vacant, { withWords: false });
  return emptied;
}

/** The collection with the name of an exact index that is not there yet, and without any other; `undefined` if it was changed. */
async function vacated(
  { collections, vectorIndex }: ExactParts,
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
