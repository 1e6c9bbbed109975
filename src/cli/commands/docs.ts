import { z } from 'zod';
import { StackloreError } from '../../errors.ts';
import type { StoredChunk, StoredDocument } from '../../stores/knowledge/document.ts';
import { type Command, defineCommand } from '../command.ts';
import { wholeNumber } from '../flag-values.ts';
import { counted, table } from '../format.ts';

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
        `${page.items.length} of ${counted(page.total, 'document')}`,
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
    const { documents } = lore();
    const found = await Promise.all([...new Set(args)].map((docId) => readable(docId, documents.get(docId))));
    const lines: string[] = [];
    for (const { docId, title } of found) {
      if (title === undefined) await documents.deleteUnreadable(docId);
      else await documents.delete(docId);
      lines.push(`Deleted ${docId} (${title ?? UNREADABLE})`);
    }
    return { data: { deleted: found.map(({ docId }) => docId) }, lines };
  },
});

const UNREADABLE =
  'its record could not be read; chunks that nothing tells of go with stacklore cleanup --orphans';

/** What cannot be read can be deleted all the same. */
async function readable(
  docId: string,
  document: Promise<StoredDocument>,
): Promise<{ docId: string; title?: string }> {
  try {
    return await document;
  } catch (error) {
    if (!(error instanceof StackloreError && error.code === 'record_invalid')) throw error;
    return { docId };
  }
}

export const commands: Record<string, Command> = { list, show, delete: remove };
