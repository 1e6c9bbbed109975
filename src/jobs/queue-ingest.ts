import { resolve } from 'node:path';
import { errorMessage, StackloreError } from '../errors.ts';
import type { FileContents, IngestRequest, TextDocument, TextIngestRequest } from '../ingest/ingest.ts';
import {
  checkFileContents,
  checkIngestRequest,
  checkQueuedIngest,
  checkQueuedTextIngest,
  checkTextDocument,
} from '../ingest/request.ts';
import type { ReadOptions, SourceProblem } from '../ingest/source.ts';
import type { Stacklore } from '../stacklore.ts';
import { checkCollectionName } from '../stores/knowledge/collections.ts';
import type { IngestJob } from '../stores/main/ingest-jobs.ts';
import { type JobTarget, submitSources, submitTexts, Upload } from './submit-job.ts';

/** How a worker is to ingest: what can be stored of a `TextIngestRequest`. */
export type QueuedTextIngest = Omit<TextIngestRequest, 'onEvent' | 'signal'>;

/** What workers are to ingest and how: what can be stored of an `IngestRequest`. Paths are as the workers see them. */
export interface QueuedIngest extends QueuedTextIngest, Pick<IngestRequest, 'sources' | 'prune'> {
  readonly read?: Pick<
    NonNullable<IngestRequest['read']>,
    'cwd' | 'base' | 'gitignore' | 'maxBytes' | 'maxPages'
  >;
  readonly parse?: Pick<NonNullable<IngestRequest['parse']>, 'encoding' | 'textColumns'>;
}

/** Whose jobs those of programs and of the command line are; without API keys the HTTP API has the same. */
const OWNER = 'open';

/**
 * Like `lore.ingest`, but leaves the work to workers, which share it and read the sources themselves. Gives the job;
 * throws `invalid_input` for what a worker could not carry out.
 *
 * @example
 * const { jobId } = await queueIngest(lore, { sources: ['/shared/docs'], collection: 'docs' });
 */
export async function queueIngest(lore: Stacklore, request: QueuedIngest): Promise<IngestJob> {
  checkQueuedIngest(request);
  const { sources, read: { cwd = '.', base, ...read } = {}, prune, parse } = request;
  const from = resolve(cwd);
  const { options, ...target } = targetOf(request);
  return submitSources(
    lore,
    {
      ...target,
      options: {
        ...options,
        ...(prune !== undefined && { prune }),
        ...(parse && { parse }),
        read: { ...read, cwd: from, ...(base !== undefined && { base: resolve(from, base) }) },
      },
    },
    sources,
  );
}

/** What is read here for workers that cannot read it themselves. */
export type UploadedIngest = QueuedTextIngest & Pick<IngestRequest, 'sources' | 'read' | 'signal'>;

/**
 * Like `queueIngest`, for sources that workers do not see: they are read here, and Redis keeps their contents until they are
 * ingested. What cannot be read is told and left out. Throws `source_unreadable` when nothing is left, and `aborted`.
 *
 * @example
 * await queueUpload(lore, { sources: ['docs'], collection: 'docs' }, ({ source, reason }) => console.warn(source, reason));
 */
export async function queueUpload(
  lore: Stacklore,
  { sources, read, signal, ...request }: UploadedIngest,
  onProblem: (problem: Pick<SourceProblem, 'source' | 'reason'>) => void = () => {},
): Promise<IngestJob> {
  checkIngestRequest({ sources, ...(read && { read }), ...request });
  const options = { ...read, ...(signal && { signal }) };
  return queueFiles(lore, readHere(lore, sources, { options, onProblem }), request);
}

async function* readHere(
  lore: Stacklore,
  sources: readonly string[],
  {
    options,
    onProblem,
  }: {
    readonly options: ReadOptions;
    readonly onProblem: (problem: Pick<SourceProblem, 'source' | 'reason'>) => void;
  },
): AsyncGenerator<FileContents> {
  let count = 0;
  for await (const item of lore.listSources(sources, options)) {
    if (options.signal?.aborted) break;
    if ('status' in item) onProblem(item);
    else {
      try {
        const { source, bytes, contentType: mediaType } = await lore.readSource(item, options);
        yield { source, bytes, ...(mediaType !== undefined && { mediaType }) };
        count += 1;
      } catch (error) {
        onProblem({ source: item.source, reason: errorMessage(error) });
      }
    }
  }
  if (options.signal?.aborted)
    throw new StackloreError('aborted', { message: 'Stopped on request; nothing was queued.' });
  if (count > 0) return;
  throw new StackloreError('source_unreadable', {
    message:
      'None of the sources could be read, so nothing was queued. Check the paths and their permissions.',
  });
}

/** Like `lore.ingestTexts`, but leaves the work to workers. Throws `invalid_input`. */
export async function queueTexts(
  lore: Stacklore,
  texts: Iterable<TextDocument> | AsyncIterable<TextDocument>,
  request: QueuedTextIngest = {},
): Promise<IngestJob> {
  checkQueuedTextIngest(request);
  const checked: TextDocument[] = [];
  for await (const text of texts) checked.push(checkTextDocument(text));
  return submitTexts(lore, targetOf(request), checked);
}

/** Like `lore.ingestFiles`, but stores the files in Redis and leaves the work to workers. Throws `invalid_input`. */
export async function queueFiles(
  lore: Stacklore,
  files: Iterable<FileContents> | AsyncIterable<FileContents>,
  request: QueuedTextIngest = {},
): Promise<IngestJob> {
  checkQueuedTextIngest(request);
  const target = targetOf(request);
  const upload = new Upload(lore);
  try {
    for await (const file of files) {
      const { source, bytes, mediaType } = checkFileContents(file);
      await upload.add({ name: source, ...(mediaType !== undefined && { mediaType }) }, [bytes]);
    }
    return await upload.submit(target);
  } catch (error) {
    await upload.discard();
    throw error;
  }
}

function targetOf({
  collection = 'default',
  settings,
  userId,
  qualifyIds = false,
  metadata,
  maxChunks,
  force,
}: QueuedTextIngest): JobTarget {
  checkCollectionName(collection);
  const options = {
    ...(metadata && { metadata: { ...metadata } }),
    ...(maxChunks !== undefined && { maxChunks }),
    ...(force !== undefined && { force }),
  };
  return { owner: OWNER, collection, settings, userId, qualifyIds, options };
}
