import { z } from 'zod';
import type { DatabaseStatus, Status } from '../../maintenance/status.ts';
import { defineCommand } from '../command.ts';
import { EXIT_CODES } from '../exit-code.ts';
import { formatBytes, table } from '../format.ts';
import { memoryLines } from '../memory-lines.ts';
import { unreadableLines } from '../unreadable-lines.ts';

export const command = defineCommand({
  summary: 'Say how the server, its search module and the indexes are.',
  flags: [],
  schema: z.strictObject({}),
  async run({ lore }) {
    const status = await lore().status();
    const { server, databases, connections, collections, unreadableCollections } = status;
    const rows = collections.map(({ name, documents, chunks, index, model, ...state }) => [
      name,
      String(documents),
      String(chunks ?? 'unknown'),
      describeIndex(state),
      formatBytes(index?.memoryBytes ?? 0),
      String(index?.failures ?? 0),
      model ?? 'vectors given',
    ]);
    return {
      data: status,
      lines: [
        `Redis ${server.version}, search module ${server.searchModule}${server.embedded ? ', embedded server' : ''}`,
        `Memory ${formatBytes(server.usedMemoryBytes)} (peak ${formatBytes(server.peakMemoryBytes)}), persistence ${server.persistence}, eviction ${server.evictionPolicy}`,
        ...describeDatabases(databases),
        `Connections: ${describeConnections(connections)}`,
        '',
        ...(rows.length === 0 && unreadableCollections.length === 0
          ? ['No collections yet. Make one: stacklore ingest <folder> --collection docs']
          : table(['collection', 'documents', 'chunks', 'index', 'index memory', 'refused', 'model'], rows)),
        ...unreadableLines(unreadableCollections),
        ...memoryLines(collections),
      ],
      exitCode: Math.max(0, ...Object.values(databases).map(exitCodeOf)),
    };
  },
});

/** `ready, flat (auto), building hnsw 40 %`. */
export function describeIndex({ indexState, indexKind, auto, building }: IndexStanding): string {
  const kind = auto ? `${indexKind} (auto)` : indexKind;
  if (!building) return `${indexState}, ${kind}`;
  // An index for vectors alone, made at a start, is followed by one of its kind.
  const next = auto && building.kind === indexKind ? 'adding words' : `building ${building.kind}`;
  return `${indexState}, ${kind}, ${next} ${Math.floor(building.indexed * 100)} %`;
}

type IndexStanding = Pick<Status['collections'][number], 'indexState' | 'indexKind' | 'auto' | 'building'>;

function exitCodeOf(database: DatabaseStatus): number {
  return 'error' in database ? EXIT_CODES[database.error.code] : 0;
}

/** `app by TLS (main, knowledge), default by socket (prompts)`. */
function describeConnections(connections: Status['connections']): string {
  const words = { socket: 'socket', tcp: 'TCP, not encrypted', tls: 'TLS' };
  const byKind = new Map<string, string[]>();
  for (const [name, { user, transport }] of Object.entries(connections)) {
    const kind = `${user ?? 'not reached'} by ${words[transport]}`;
    byKind.set(kind, [...(byKind.get(kind) ?? []), name]);
  }
  return [...byKind].map(([kind, names]) => `${kind} (${names.join(', ')})`).join(', ');
}

function describeDatabases(databases: Status['databases']): string[] {
  const all: [string, DatabaseStatus][] = Object.entries(databases);
  const keys = all.flatMap(([name, one]) => ('keys' in one ? [`${name} ${one.keys}`] : []));
  const failures = all.flatMap(([name, one]) =>
    'error' in one ? [`${name} not reached: ${one.error.message}`] : [],
  );
  return [`Keys: ${keys.join(', ')}`, ...failures];
}
