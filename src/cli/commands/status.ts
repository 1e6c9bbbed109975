import { z } from 'zod';
import { defineCommand } from '../command.ts';
import { formatBytes, table } from '../format.ts';

export const command = defineCommand({
  summary: 'Say how the server, its search module and the indexes are.',
  flags: [],
  schema: z.strictObject({}),
  async run({ lore }) {
    const status = await lore().status();
    const { server, databases, collections } = status;
    const rows = collections.map(({ name, documents, chunks, indexState, index, model }) => [
      name,
      String(documents),
      String(chunks),
      indexState,
      formatBytes(index?.memoryBytes ?? 0),
      String(index?.failures ?? 0),
      model ?? 'vectors given',
    ]);
    return {
      data: status,
      lines: [
        `Redis ${server.version}, search module ${server.searchModule}${server.embedded ? ', embedded server' : ''}`,
        `Memory ${formatBytes(server.usedMemoryBytes)} (peak ${formatBytes(server.peakMemoryBytes)}), persistence ${server.persistence}, eviction ${server.evictionPolicy}`,
        `Keys: ${Object.entries(databases)
          .map(([name, { keys }]) => `${name} ${keys}`)
          .join(', ')}`,
        '',
        ...(rows.length === 0
          ? ['No collections yet. Make one: stacklore ingest <folder> --collection docs']
          : table(['collection', 'documents', 'chunks', 'index', 'index memory', 'refused', 'model'], rows)),
      ],
    };
  },
});
