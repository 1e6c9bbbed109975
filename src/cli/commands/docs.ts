import { z } from 'zod';
import type { StoredChunk } from '../../stores/knowledge/document.ts';
import { type Command, defineCommand } from '../command.ts';
import { wholeNumber } from '../flag-values.ts';
import { table } from '../format.ts';

const list = defineCommand({
  summary: 'List the documents of a collection, most recently updated first.',
  flags: [
    { flags: '--collection <name>', description: 'collection (default: default)' },
    { flags: '--offset <number>', description: 'skip this many' },
    { flags: '--limit <number>', description: 'list at most this many (100)' },
  ],
  schema: z.strictObject({
    collection: z.string().default('default'),
    offset: wholeNumber(0).default(0),
    limit: wholeNumber(1, 10_000).default(100),
  }),
  async run({ lore }, _args, { collection, offset, limit }) {
    await lore().collections.get(collection);
    const page = await lore().documents.list(collection, { offset, limit });
    const rows = page.items.map(({ docId, title, chunkCount, source }) => [
      docId,
      title,
      String(chunkCount),
      source,
    ]);
    return {
      data: page,
      lines: [
        ...table(['doc id', 'title', 'chunks', 'source'], rows),
        `${page.items.length} of ${page.total} documents`,
      ],
    };
  },
});

const show = defineCommand({
  summary: 'Show a document: what is known of it and its chunks.',
  arguments: '<docId>',
  flags: [],
  schema: z.strictObject({}),
  async run({ lore }, args) {
    const document = await lore().documents.get(args[0] ?? '');
    const chunks: StoredChunk[] = [];
    for await (const chunk of lore().documents.chunks(document)) chunks.push(chunk);
    return {
      data: { ...document, chunks },
      lines: [
        ...Object.entries(document).map(
          ([name, value]) => `${name}: ${typeof value === 'string' ? value : JSON.stringify(value)}`,
        ),
        ...chunks.flatMap(({ chunkId, text }) => ['', `--- ${chunkId}`, text]),
      ],
    };
  },
});

const remove = defineCommand({
  summary: 'Delete documents with their chunks.',
  arguments: '<docIds...>',
  flags: [],
  schema: z.strictObject({}),
  async run({ lore }, args) {
    // All are looked for first: a misspelt id among many must not leave the work half done.
    await Promise.all(args.map((docId) => lore().documents.get(docId)));
    const deleted = [];
    for (const docId of new Set(args)) deleted.push(await lore().documents.delete(docId));
    return {
      data: { deleted: deleted.map(({ docId }) => docId) },
      lines: deleted.map(({ docId, title }) => `Deleted ${docId} (${title})`),
    };
  },
});

export const commands: Record<string, Command> = { list, show, delete: remove };
