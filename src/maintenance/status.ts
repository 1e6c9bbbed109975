import type { Config } from '../config.ts';
import { type ErrorCode, StackloreError } from '../errors.ts';
import type { Database, Databases } from '../redis/databases.ts';
import type { IndexSettings } from '../schema/knowledge.ts';
import type { DatabaseName } from '../schema/record.ts';
import { type ChunkMemory, readChunkMemory } from '../stores/knowledge/chunk-memory.ts';
import type { Collection, Collections, UnreadableCollection } from '../stores/knowledge/collections.ts';
import type { Documents } from '../stores/knowledge/documents.ts';
import { indexName, indexNumber } from '../stores/knowledge/index-fields.ts';
import type { IndexHealth, VectorIndex } from '../stores/knowledge/vector-index.ts';
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
  const [info, modules] = await knowledge.pipeline<string>([['INFO'], ['INFO', 'modules']]);
  const values = parseInfo(info ?? '');
  const [keys, main, prompts, analytics, connections, collections] = await Promise.all([
    knowledge.send<number>(['DBSIZE']),
    readDatabase(databases.main),
    readDatabase(databases.prompts),
    readDatabase(databases.analytics),
    readConnections(databases, parts.config),
    readCollections(parts),
  ]);
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
    collections: await withMemory(knowledge, parts, collections.items),
    unreadableCollections: collections.unreadable,
  };
}

async function withMemory(
  knowledge: Database,
  { collections }: CollectionStatusParts,
  all: readonly CollectionStatus[],
): Promise<CollectionStatus[]> {
  return Promise.all(
    all.map(async (status) => {
      const collection = await collections.find(status.name);
      const memory = collection && (await readChunkMemory(knowledge, collection));
      return { ...status, ...(memory && { memory }) };
    }),
  );
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
  const { items: listed, unreadable } = await parts.collections.list(names);
  const items = await Promise.all(
    listed.map(async (collection) => {
      const { name, manifest } = collection;
      const [count, health] = await Promise.all([
        parts.documents.count(name),
        parts.vectorIndex.findHealth(collection),
      ]);
      const isReady = health !== undefined && !health.indexing;
      return {
        name,
        documents: count,
        chunks: isReady ? health.documents : null,
        dimensions: manifest.dimensions,
        model: manifest.model?.name ?? null,
        indexState: isReady ? 'ready' : health ? 'indexing' : 'lost',
        ...(health && { index: health }),
        ...{ indexKind: manifest.index.kind, auto: manifest.index.auto ?? false },
        ...(await buildingOf(parts, collection)),
      } as const;
    }),
  );
  return { items, unreadable };
}

/** The next index is there only while it is built and switched to, or until a reindex is ended. */
async function buildingOf(
  { vectorIndex }: CollectionStatusParts,
  { name, index }: Collection,
): Promise<Pick<CollectionStatus, 'building'>> {
  const next = await vectorIndex.findShape(indexName(name, indexNumber(index) + 1));
  if (!next) return {};
  const { index: building, algorithm: kind = 'unknown', indexing, percentIndexed } = next;
  return { building: { index: building, kind, indexed: indexing ? percentIndexed : 1 } };
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
