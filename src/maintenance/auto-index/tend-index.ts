import type { Database } from '../../redis/databases.ts';
import type { IndexSettings } from '../../schema/knowledge.ts';
import type { Collection, Collections } from '../../stores/knowledge/collections.ts';
import { findIndexShape, type IndexShape } from '../../stores/knowledge/ft-index.ts';
import {
  collectionOfIndex,
  indexedVectorField,
  indexName,
  indexNumber,
} from '../../stores/knowledge/index-fields.ts';
import { KIND_BOUNDS, type KindBounds, kindFor } from '../../stores/knowledge/index-kind.ts';
import type { Reindexes } from '../../stores/knowledge/reindexes.ts';
import type { VectorIndex } from '../../stores/knowledge/vector-index.ts';
import { holdsWords } from '../../stores/knowledge/whole-indexes.ts';
import { switchTo } from '../reindex/parts.ts';
import { indexedBytes, readServer, sampleTerms } from '../reindex/plan.ts';
import type { Growth } from './growth.ts';

/** So many times as many chunks as HNSW is for are still searched exactly while a collection is being filled. */
const MOST_WAITING = 25;

/** What looking after indexes works with. */
export interface TendParts {
  readonly knowledge: Database;
  readonly collections: Collections;
  readonly vectorIndex: VectorIndex;
  readonly reindexes: Reindexes;
  /** How long a search that has begun may still ask the index before. */
  readonly graceMs: number;
  readonly bounds?: KindBounds;
  /** HNSW waits while a collection is being filled fast, as far as the process knows. */
  readonly growth?: Growth;
}

/**
 * What became of a collection's index by one look at it: nothing to do; another process is at it; the collection is being filled
 * so fast that HNSW waits; the next index was begun,
 * is being filled by the server, now serves, or the present one was given its words where there is no room for two; an earlier
 * one was dropped; the server has no room for a second one.
 */
export type Tended =
  | 'settled'
  | 'busy'
  | 'filling'
  | 'begun'
  | 'building'
  | 'switched'
  | 'dropped'
  | 'no-room';

/**
 * Looks after the index of an `auto` collection: does the next thing there is to do, if any, in a moment. The server fills a
 * begun index by itself. Repeated, by whichever process, it comes to the kind of index that suits the collection's size;
 * interrupted between any two commands, the next call goes on.
 */
export async function tendIndex(parts: TendParts, name: string): Promise<Tended> {
  const seen = await look(parts, name);
  if (!seen) return 'settled';
  const { collection, serving, wanted, next, leftovers } = seen;
  parts.growth?.note(name, serving.documents);
  if (leftovers.length > 0) {
    return step(parts, seen, async () => {
      for (const index of leftovers) await parts.vectorIndex.builder.dropIndex(index);
      // The alias for those outside may still have been on one of them, where a switch was interrupted.
      await parts.vectorIndex.builder.ensure(collection);
      return 'dropped';
    });
  }
  if (!wanted) return 'settled';
  if (next?.indexing) return 'building';
  if (next) return step(parts, seen, () => switchIndex(parts, collection, wanted), parts.graceMs);
  if (isFilling(parts, seen, wanted)) return 'filling';
  if (!(await hasRoom(parts, collection, wanted))) {
    if (holdsWords(serving, collection.manifest)) return 'no-room';
    return step(parts, seen, () => addWords(parts, collection));
  }
  return step(parts, seen, async () => {
    await parts.vectorIndex.builder.begin(nextOf(collection, wanted.kind));
    return 'begun';
  });
}

/** A collection, and what its indexes should become. */
interface Seen {
  readonly collection: Collection;
  readonly serving: IndexShape;
  /** Absent where what serves is what should. */
  readonly wanted: Wanted | undefined;
  /** What is there of the wanted index. */
  readonly next: IndexShape | undefined;
  /** Indexes that serve nobody any more, or were begun for what is no longer wanted. */
  readonly leftovers: readonly string[];
}

interface Wanted {
  readonly kind: IndexSettings['kind'];
  readonly chunks: number;
}

async function look(parts: TendParts, name: string): Promise<Seen | undefined> {
  const { knowledge, collections, reindexes } = parts;
  const collection = await collections.find(name);
  // A reindex has indexes of its own, and leaves one behind that can be gone back to.
  if (!collection?.manifest.index.auto || (await reindexes.find(collection))) return undefined;
  const [serving, all] = await Promise.all([
    findIndexShape(knowledge, collection.index),
    knowledge.send<string[]>(['FT._LIST']),
  ]);
  // A lost one is made again by the search that misses it.
  if (!serving || serving.indexing) return undefined;
  const wanted = wantedOf(collection, serving, parts.bounds);
  const nextName = nextOf(collection, wanted?.kind ?? 'flat').index;
  const own = all.filter((index) => collectionOfIndex(index) === name && index !== collection.index);
  const isBegun = wanted !== undefined && own.includes(nextName);
  const next = isBegun ? await findIndexShape(knowledge, nextName) : undefined;
  const isUsable = next !== undefined && wanted !== undefined && fits(next, collection, wanted.kind);
  return {
    ...{ collection, serving, wanted },
    next: isUsable ? next : undefined,
    leftovers: own.filter((index) => index !== nextName || !isUsable),
  };
}

/** One that was made in a hurry, for vectors alone, becomes whole first, as that takes seconds and HNSW may take minutes. */
function wantedOf({ manifest }: Collection, serving: IndexShape, bounds?: KindBounds): Wanted | undefined {
  const { kind } = manifest.index;
  const chunks = serving.documents;
  if (!holdsWords(serving, manifest)) return { kind, chunks };
  const suited = kindFor(chunks, kind, bounds);
  return suited === kind ? undefined : { kind: suited, chunks };
}

function fits(shape: IndexShape, { manifest }: Collection, kind: IndexSettings['kind']): boolean {
  const isOfKind = shape.algorithm === undefined || shape.algorithm === kind;
  const isOfVectors = shape.sources.get('embedding') === indexedVectorField(manifest);
  return isOfKind && isOfVectors && holdsWords(shape, manifest);
}

function nextOf(collection: Collection, kind: IndexSettings['kind']): Collection {
  const { name, manifest, index } = collection;
  return {
    ...collection,
    index: indexName(name, indexNumber(index) + 1),
    manifest: { ...manifest, index: { ...manifest.index, kind } },
  };
}

/**
 * A scan that fills HNSW takes in once more what is written meanwhile, and each write goes into both indexes: all in all, less is
 * done when chunks that come by the thousand are there first. Exact search of more than so many would hold others up.
 */
function isFilling(
  { growth, bounds = KIND_BOUNDS }: TendParts,
  { collection: { name, manifest }, serving }: Seen,
  { kind, chunks }: Wanted,
): boolean {
  // Words are not kept waiting.
  const isForSize = kind === 'hnsw' && holdsWords(serving, manifest);
  return isForSize && (growth?.isFast(name) ?? false) && chunks < bounds.hnswFrom * MOST_WAITING;
}

/** Does a step unless the collection has changed since it was looked at, or somebody else is at its indexes. */
async function step(
  { collections, reindexes }: TendParts,
  { collection: { name, index, createdAt } }: Seen,
  work: () => Promise<Tended>,
  keepMs = 0,
): Promise<Tended> {
  const done = await reindexes.tending(name, async () => {
    const now = await collections.find(name);
    const isSame = now?.index === index && now.createdAt.getTime() === createdAt.getTime();
    if (!isSame || (await reindexes.find(now))) return { result: 'busy' as const, keepMs: 0 };
    return { result: await work(), keepMs };
  });
  return done ?? 'busy';
}

/** Until the time that is kept has passed nobody drops the index before: searches that have begun ask it. */
async function switchIndex(parts: TendParts, collection: Collection, { kind }: Wanted): Promise<Tended> {
  await switchTo(parts, collection.name, {
    index: nextOf(collection, kind).index,
    manifestOf: (manifest) => ({ ...manifest, index: { ...manifest.index, kind } }),
  });
  return 'switched';
}

/** Takes longer than a second index, and new connections wait meanwhile, but no words at all would be worse. */
async function addWords({ vectorIndex }: TendParts, collection: Collection): Promise<Tended> {
  await vectorIndex.builder.addTerms(collection);
  await vectorIndex.builder.ensure(collection);
  return 'switched';
}

async function hasRoom(
  { knowledge }: TendParts,
  { name, manifest }: Collection,
  { kind, chunks }: Wanted,
): Promise<boolean> {
  const [server, words] = await Promise.all([readServer(knowledge), sampleTerms(knowledge, name)]);
  const bytes = chunks * indexedBytes({ ...manifest, index: { ...manifest.index, kind } }, words);
  return bytes <= (server.maxMemoryBytes ?? server.totalMemoryBytes) - server.usedMemoryBytes;
}
