import type { Databases } from '../redis/databases.ts';
import type { DatabaseName } from '../schema/record.ts';
import type { Collections } from '../stores/knowledge/collections.ts';
import type { Documents } from '../stores/knowledge/documents.ts';
import type { IndexHealth, VectorIndex } from '../stores/knowledge/vector-index.ts';

/** What one collection holds and how its index is. */
export interface CollectionStatus {
  readonly name: string;
  readonly documents: number;
  readonly chunks: number;
  readonly dimensions: number;
  readonly model: string | null;
  /** `lost`: the next search or ingest rebuilds it from the manifest. */
  readonly indexState: 'ready' | 'indexing' | 'lost';
  readonly index?: IndexHealth;
}

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
  /** Keys in the numbered database of each named one; named databases may share a number. */
  readonly databases: Readonly<Record<DatabaseName, { readonly keys: number }>>;
  readonly collections: readonly CollectionStatus[];
}

interface StatusParts {
  /** True when the server is the embedded one of the data home. */
  readonly embedded: boolean;
  readonly collections: Collections;
  readonly documents: Documents;
  readonly vectorIndex: VectorIndex;
}

/** Asks the server and every collection how they are. */
export async function readStatus(databases: Databases, parts: StatusParts): Promise<Status> {
  const { knowledge } = databases;
  const [info, modules] = await knowledge.pipeline<string>([['INFO'], ['INFO', 'modules']]);
  const values = parseInfo(info ?? '');
  const names = ['main', 'knowledge', 'prompts', 'analytics'] as const;
  const sizes = await Promise.all(names.map((name) => databases[name].send<number>(['DBSIZE'])));
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
    // The array holds exactly one size for each name.
    databases: Object.fromEntries(
      names.map((name, at) => [name, { keys: sizes[at] }]),
    ) as Status['databases'],
    collections: await readCollections(parts),
  };
}

async function readCollections({
  collections,
  documents,
  vectorIndex,
}: StatusParts): Promise<CollectionStatus[]> {
  const all = await collections.list();
  return Promise.all(
    all.map(async ({ name, manifest }) => {
      const [count, health] = await Promise.all([documents.count(name), vectorIndex.findHealth({ name })]);
      return {
        name,
        documents: count,
        chunks: health?.documents ?? 0,
        dimensions: manifest.dimensions,
        model: manifest.model?.name ?? null,
        indexState: health ? (health.indexing ? 'indexing' : 'ready') : 'lost',
        ...(health && { index: health }),
      } as const;
    }),
  );
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
