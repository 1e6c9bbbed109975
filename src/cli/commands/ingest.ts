import { setFlagsFromString } from 'node:v8';
import { z } from 'zod';
import { errorMessage, StackloreError } from '../../errors.ts';
import type { IngestRequest } from '../../ingest/ingest.ts';
import type { IngestReport } from '../../ingest/tally.ts';
import { watchablePaths, watchSources } from '../../ingest/watch.ts';
import { COLLECTION_FLAGS, collectionFlags } from '../collection-flags.ts';
import { type CommandContext, defineCommand } from '../command.ts';
import { wholeNumber } from '../flag-values.ts';
import { given } from '../given.ts';
import { ingestOutcome } from '../ingest-outcome.ts';
import { ingestProgress } from '../progress.ts';
import { checkQueueFlags, QUEUE_FLAGS, queueFlags, queueInstead } from '../queued-ingest.ts';

const schema = z.strictObject({
  collection: z.string().default('default'),
  ...collectionFlags,
  maxBytes: wholeNumber(1).optional(),
  maxChunks: wholeNumber(1).optional(),
  maxPages: wholeNumber(1).optional(),
  base: z.string().optional(),
  gitignore: z.boolean().default(true),
  encoding: z.enum(['utf-8', 'latin1']).optional(),
  textColumns: z
    .string()
    .transform((list) => list.split(',').map((name) => name.trim()))
    .optional(),
  metadata: z.array(z.string()).transform(parseMetadata).optional(),
  name: z.string().optional(),
  allowPrivate: z.boolean().default(false),
  prune: z.boolean().default(false),
  force: z.boolean().default(false),
  watch: z.boolean().default(false),
  ...queueFlags,
});

export const command = defineCommand({
  summary: 'Turn files, folders and URLs into searchable chunks.',
  arguments: '<sources...>',
  flags: [
    { flags: '--collection <name>', description: 'collection to ingest into, made when missing (default)' },
    ...COLLECTION_FLAGS,
    {
      flags: '--metadata <key=value>',
      description: 'metadata for every document; may be repeated',
      isList: true,
    },
    { flags: '--prune', description: 'delete documents whose files vanished below the given folders' },
    { flags: '--force', description: 'write unchanged documents again, which brings lost chunks back' },
    { flags: '--watch', description: 'go on and ingest files as they change, until Ctrl-C' },
    ...QUEUE_FLAGS,
    { flags: '--base <folder>', description: 'store sources relative to this folder instead of absolute' },
    { flags: '--no-gitignore', description: 'take files that .gitignore excludes' },
    { flags: '--max-bytes <number>', description: 'largest source in bytes (20971520)' },
    { flags: '--max-chunks <number>', description: 'most chunks of a document (5000)' },
    { flags: '--max-pages <number>', description: 'most pages that a sitemap adds (1000)' },
    { flags: '--encoding <name>', description: 'text encoding of the sources: utf-8 (default) or latin1' },
    {
      flags: '--text-columns <list>',
      description: 'columns of CSV and JSONL rows that are text beside title and text',
    },
    { flags: '--name <name>', description: 'what standard input (-) is called' },
    { flags: '--allow-private', description: 'fetch URLs at private and loopback addresses' },
  ],
  schema,
  settingFlags: { chunkOverlap: 'overlap', stdinName: 'name' },
  examples: [
    'stacklore ingest docs README.md --collection docs',
    'stacklore ingest /shared/docs --collection docs --queue --wait',
    'curl -s https://example.com | stacklore ingest - --name example',
  ],
  async run(context, sources, flags) {
    // Large documents follow each other: without this, several that are done with lie around before any is collected.
    setFlagsFromString('--heap-growing-percent=30');
    const request = toRequest(context, sources, flags);
    checkQueueFlags(flags);
    if (flags.queue) return queueInstead(context, request, flags);
    if (!flags.watch) {
      const outcome = ingestOutcome(await ingestOnce(context, request));
      await noteUndeclared(context, flags);
      return outcome;
    }
    const outcome = ingestOutcome(await ingestAndWatch(context, request));
    // Each pass was told of when it ended, and Ctrl-C is how watching ends.
    return { ...outcome, lines: [], ...(context.terminal.signal.aborted && { exitCode: 130 }) };
  },
});

/** Metadata of fields that the collection does not declare is kept, but no filter finds it. */
async function noteUndeclared(
  { terminal, lore }: CommandContext,
  { collection: name, metadata = {} }: z.output<typeof schema>,
): Promise<void> {
  const given = Object.keys(metadata);
  const collection = given.length === 0 ? undefined : await lore().collections.find(name);
  if (!collection) return;
  const declared = new Set(collection.manifest.fields.map((field) => field.name));
  for (const field of given.filter((one) => !declared.has(one))) {
    terminal.note(
      `Note: "${field}" is no declared field, so it cannot be filtered by. Declare it: stacklore collections add-field ${name} ${field}:tag`,
    );
  }
}

async function ingestOnce({ terminal, lore }: CommandContext, request: IngestRequest): Promise<IngestReport> {
  const progress = ingestProgress(terminal);
  return lore()
    .ingest({ ...request, onEvent: progress.onEvent })
    .finally(progress.end);
}

function toRequest(
  { terminal }: CommandContext,
  sources: readonly string[],
  flags: z.output<typeof schema>,
): IngestRequest {
  const { collection, fields, index, chunkSize, overlap: chunkOverlap, language, vectorType } = flags;
  const { maxChunks, prune, force, metadata } = flags;
  const { maxBytes, maxPages, base, gitignore, encoding, textColumns, allowPrivate, name } = flags;
  return {
    sources,
    collection,
    settings: given({ fields, index, chunkSize, chunkOverlap, language, vectorType }),
    read: {
      ...given({ maxBytes, maxPages, base, stdinName: name }),
      ...{ gitignore, allowPrivate, stdin: terminal.stdin },
    },
    parse: given({ encoding, textColumns }),
    ...given({ maxChunks, metadata }),
    ...{ prune, force },
    signal: terminal.signal,
  };
}

/** Watches from before the first ingest on, so that nothing that changes during it is missed. */
async function ingestAndWatch(context: CommandContext, request: IngestRequest): Promise<IngestReport> {
  const { terminal, lore } = context;
  const { sources, prune = false, read } = request;
  const paths = watchablePaths(sources);
  const failed = new AbortController();
  const signal = AbortSignal.any([terminal.signal, failed.signal]);
  let first: Promise<IngestReport> | undefined;
  const watching = watchSources(
    paths,
    async (changed) => {
      await first;
      if (changed.length === 0 && !prune) return;
      // Pruning looks below the folders, so it needs the sources as they were given.
      const again = { ...request, force: false, sources: prune ? paths : changed };
      const report = await lore().ingest(again);
      for (const line of ingestOutcome(report).lines) terminal.note(line);
    },
    {
      signal,
      gitignore: read?.gitignore ?? true,
      onReady: () => {
        first = ingestOnce(context, request);
        void first.then(noteReady, () => failed.abort());
      },
      onError: (error) => terminal.note(`Not ingested: ${errorMessage(error)}`),
    },
  );
  const noteReady = (report: IngestReport): void => {
    for (const line of ingestOutcome(report).lines) terminal.note(line);
    if (report.interrupted) failed.abort();
    else terminal.note('Watching for changes; press Ctrl-C to stop.');
  };
  await watching;
  return first ?? ingestOnce(context, request);
}

function parseMetadata(items: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    items.map((item) => {
      const at = item.indexOf('=');
      if (at > 0) return [item.slice(0, at), item.slice(at + 1)];
      throw new StackloreError('invalid_input', { message: `--metadata takes key=value, not "${item}".` });
    }),
  );
}
