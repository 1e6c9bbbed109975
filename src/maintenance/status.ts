import type { Config } from '../config.ts';
import { type ErrorCode, StackloreError } from '../errors.ts';
import type { Database, Databases } from '../redis/databases.ts';
import type { IndexSettings } from '../schema/knowledge.ts';
import type { DatabaseName } from '../schema/record.ts';
import { type ChunkMemory, readChunkMemory } from '../stores/knowledge/chunk-memory.ts';
import type { Collection, Collections, UnreadableCollection } from '../stores/knowledge/collections.ts';
import type { Documents } from '../stores/knowledge/documents.ts';
import {
  healthOf,
  type IndexHealth,
  type IndexShape,
  shareIndexed,
  type ToldOfIndex,
} from '../stores/knowledge/ft-index.ts';
import { indexName, indexNumber } from '../stores/knowledge/index-fields.ts';
import type { VectorIndex } from '../stores/knowledge/vector-index.ts';
import { type Connections, readConnections } from './connections.ts';

/** What one collection holds and how its index is. */
export interface CollectionStatus {
  readonly name: string;
  readonly documents: number;
  /** Chunks in the index; `null` unless the index is ready, as nothing else counts them. */
  readonly chunks: number | null;
  readonly dimensions: number;
  readonly model: string | null;
  /** `lost`: the next search or ingest rebuilds it from the manifest. */
  readonly indexState: 'ready' | 'indexing' | 'lost';
  readonly index?: IndexHealth;
  /** What a chunk takes by part; told by `status` alone, absent for a collection without chunks. */
  readonly memory?: ChunkMemory;
  /** What serves; with `auto` the kind follows from the size. */
  readonly indexKind: IndexSettings['kind'];
  readonly auto: boolean;
  /** The index that is being built to serve next, and the share of chunks, 0 to 1, that it holds. */
  readonly building?: { readonly index: string; readonly kind: string; readonly indexed: number };
}

/** Collections, oldest first; those whose records cannot be read are named and left out. */
export interface CollectionStatuses {
  readonly items: readonly CollectionStatus[];
  readonly unreadable: readonly UnreadableCollection[];
}

/** The keys in the numbered database of a named one, which others may share, or why it gives no answer. */
export type DatabaseStatus =
  | { readonly keys: number }
  | { readonly error: { readonly code: ErrorCode; readonly message: string } };

/** The state of the server behind the knowledge base and of every collection. */
export interface Status {
  readonly server: {
    readonly version: string;
    readonly searchModule: string;
    readonly embedded: boolean;
    readonly usedMemoryBytes: number;
    readonly peakMemoryBytes: number;
    readonly uptimeSeconds: number;
    readonly persistence: string;
    readonly evictionPolicy: string;
  };
  readonly databases: Readonly<Record<Exclude<DatabaseName, 'knowledge'>, DatabaseStatus>> & {
    readonly knowledge: { readonly keys: number };
  };
  readonly connections: Connections;
  readonly collections: readonly CollectionStatus[];
  /** Those whose records cannot be read, as a later version has written them or they are broken. */
  readonly unreadableCollections: readonly UnreadableCollection[];
}

/** What the state of collections is read from. */
export interface CollectionStatusParts {
  readonly collections: Collections;
  readonly documents: Documents;
  readonly vectorIndex: VectorIndex;
}

interface StatusParts extends CollectionStatusParts {
  /** True when the server is the embedded one of the data home. */
  readonly embedded: boolean;
  readonly config: Config;
}

/** Asks the server and every collection how they are. Throws when the knowledge database cannot be reached. */
export async function readStatus(databases: Databases, parts: StatusParts): Promise<Status> {
  const { knowledge } = databases;
  const [[info, modules], keys, main, prompts, analytics, connections, looks] = await Promise.all([
    knowledge.pipeline<string>([['INFO'], ['INFO', 'modules']]),
    knowledge.send<number>(['DBSIZE']),
    readDatabase(databases.main),
    readDatabase(databases.prompts),
    readDatabase(databases.analytics),
    readConnections(databases, parts.config),
    lookAtCollections(parts),
  ]);
  const values = parseInfo(info ?? '');
  return {
    server: {
      version: values.get('redis_version') ?? 'unknown',
      searchModule: searchModuleOf(modules ?? ''),
      embedded: parts.embedded,
      usedMemoryBytes: Number(values.get('used_memory') ?? 0),
      peakMemoryBytes: Number(values.get('used_memory_peak') ?? 0),
      uptimeSeconds: Number(values.get('uptime_in_seconds') ?? 0),
      persistence: values.get('aof_enabled') === '1' ? 'aof' : 'rdb',
      evictionPolicy: values.get('maxmemory_policy') ?? 'unknown',
    },
    databases: { main, knowledge: { keys }, prompts, analytics },
    connections,
    collections: await Promise.all(
      looks.items.map(async (look) => {
        const memory = await readChunkMemory(knowledge, look.collection, look);
        return { ...statusOf(look), ...(memory && { memory }) };
      }),
    ),
    unreadableCollections: looks.unreadable,
  };
}

async function readDatabase(database: Database): Promise<DatabaseStatus> {
  try {
    return { keys: await database.send<number>(['DBSIZE']) };
  } catch (error) {
    if (!(error instanceof StackloreError)) throw error;
    return { error: { code: error.code, message: error.message } };
  }
}

/** What collections hold, all of them unless named, and how their indexes are; asks the knowledge database only. */
export async function readCollections(
  parts: CollectionStatusParts,
  names?: readonly string[],
): Promise<CollectionStatuses> {
  const { items, unreadable } = await lookAtCollections(parts, names);
  return { items: items.map(statusOf), unreadable };
}

/** What was asked of a collection at one moment. */
interface Look {
  readonly collection: Collection;
  readonly documents: number;
  readonly told: ToldOfIndex | undefined;
  /** The next index, which is there only while it is built and switched to, or until a reindex is ended. */
  readonly next: IndexShape | undefined;
}

/** Three round trips, for however many collections: for their names, their records, and all else, which goes out together. */
async function lookAtCollections(
  { collections, documents, vectorIndex }: CollectionStatusParts,
  names?: readonly string[],
): Promise<{ items: Look[]; unreadable: CollectionStatuses['unreadable'] }> {
  const { items: all, unreadable } = await collections.list(names);
  const looks = all.map(async (collection) => {
    const { name, index } = collection;
    const [count, told, next] = await Promise.all([
      documents.count(name),
      vectorIndex.findTold(collection),
      vectorIndex.findShape(indexName(name, indexNumber(index) + 1)),
    ]);
    return { collection, documents: count, told, next };
  });
  return { items: await Promise.all(looks), unreadable };
}

function statusOf({ collection: { name, manifest }, documents, told, next }: Look): CollectionStatus {
  const health = told && healthOf(told);
  const isReady = health !== undefined && !health.indexing;
  return {
    ...{ name, documents },
    chunks: isReady ? health.documents : null,
    dimensions: manifest.dimensions,
    model: manifest.model?.name ?? null,
    indexState: isReady ? 'ready' : health ? 'indexing' : 'lost',
    ...(health && { index: { ...health, percentIndexed: Math.min(1, health.percentIndexed) } }),
    ...{ indexKind: manifest.index.kind, auto: manifest.index.auto ?? false },
    ...(next && {
      building: { index: next.index, kind: next.algorithm ?? 'unknown', indexed: shareIndexed(next) },
    }),
  };
}

function parseInfo(info: string): Map<string, string> {
  const lines = info.split('\r\n').filter((line) => line.includes(':'));
  return new Map(lines.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]));
}

/** `module:name=search,ver=21005,…` gives `2.10.5`. */
function searchModuleOf(modules: string): string {
  const version = /name=search(?:light)?,ver=(\d+)/.exec(modules)?.[1];
  if (version === undefined) return 'unknown';
  const number = Number(version);
  return `${Math.floor(number / 10_000)}.${Math.floor(number / 100) % 100}.${number % 100}`;
}
