import { z } from 'zod';
import { StackloreError } from '../../errors.ts';
import type { StoredChunk, StoredDocument } from '../../stores/knowledge/document.ts';
import { type Command, defineCommand, type Flag } from '../command.ts';
import { wholeNumber } from '../flag-values.ts';
import { counted, table } from '../format.ts';

const OF_COLLECTION: Flag = {
  flags: '--collection <name>',
  description: 'only if it is of this collection (any)',
};

const list = defineCommand({
  summary: 'List the documents of a collection, most recently updated first.',
  flags: [
    { flags: '--collection <name>', description: 'collection (default: default)' },
    { flags: '--title <text>', description: 'only those whose title holds this; capitals do not matter' },
    { flags: '--source <text>', description: 'the same for the source' },
    { flags: '--content-type <type>', description: 'only those of this type, such as markdown' },
    { flags: '--after <place>', description: 'go on where the page ended that gave this as its next' },
    { flags: '--offset <number>', description: 'skip this many' },
    { flags: '--limit <number>', description: 'list at most this many (100)' },
  ],
  schema: z.strictObject({
    collection: z.string().default('default'),
    title: z.string().min(1).optional(),
    source: z.string().min(1).optional(),
    contentType: z.string().min(1).optional(),
    after: z.string().optional(),
    offset: wholeNumber(0).default(0),
    limit: wholeNumber(1, 10_000).default(100),
  }),
  async run({ lore, terminal }, _args, { collection, ...wanted }) {
    await lore().collections.get(collection);
    const page = await lore().documents.list(collection, wanted);
    for (const { docId, problem } of page.unreadable) {
      terminal.note(`Note: ${docId} cannot be read: ${problem}`);
    }
    const rows = page.items.map(({ docId, title, chunkCount, source }) => [
      docId,
      title,
      String(chunkCount),
      source,
    ]);
    const more = page.next === undefined ? [] : [`The rest: --after '${page.next}'`];
    return {
      data: page,
      lines: [
        ...table(['doc id', 'title', 'chunks', 'source'], rows),
        `${page.items.length} of ${page.isTotalExact ? '' : 'at least '}${counted(page.total, 'document')}`,
        ...more,
      ],
    };
  },
});

const show = defineCommand({
  summary: 'Show a document: what is known of it and its chunks.',
  arguments: '<docId>',
  flags: [OF_COLLECTION],
  schema: z.strictObject({ collection: z.string().optional() }),
  async run({ lore }, [docId = ''], { collection }) {
    const document = requireIn(collection, await lore().documents.get(docId));
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
  flags: [OF_COLLECTION],
  schema: z.strictObject({ collection: z.string().optional() }),
  async run({ lore }, args, { collection }) {
    // All are looked for first: a misspelt id among many must not leave the work half done.
    const { documents } = lore();
    const found = await Promise.all(
      [...new Set(args)].map((docId) => readable(docId, documents.get(docId), collection)),
    );
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

/** What cannot be read can be deleted all the same, unless it has to be of a collection. */
async function readable(
  docId: string,
  document: Promise<StoredDocument>,
  collection: string | undefined,
): Promise<{ docId: string; title?: string }> {
  try {
    return requireIn(collection, await document);
  } catch (error) {
    if (collection !== undefined || !(error instanceof StackloreError && error.code === 'record_invalid'))
      throw error;
    return { docId };
  }
}

/** The document, if it is of the collection that was named. Throws `not_found` otherwise. */
function requireIn(collection: string | undefined, document: StoredDocument): StoredDocument {
  const { docId, collection: own = 'default' } = document;
  if (collection === undefined || own === collection) return document;
  throw new StackloreError('not_found', {
    message: `There is no document "${docId}" in collection "${collection}", but one in "${own}". See stacklore docs list --collection ${collection} for the ids.`,
  });
}

export const commands: Record<string, Command> = { list, show, delete: remove };
