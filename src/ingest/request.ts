import { z } from 'zod';
import { StackloreError } from '../errors.ts';
import { isId } from '../schema/key.ts';
import { checkDocId } from '../stores/knowledge/document-ids.ts';
import { collectionSettings } from './collection-settings.ts';
import type { FileContents, TextDocument } from './job.ts';

const count = z.int().positive();
const metadata = z.record(z.string(), z.unknown());
const signal = z.instanceof(AbortSignal);
const callback = z.custom<unknown>((value) => typeof value === 'function', 'must be a function');
const contentTypes = ['markdown', 'html', 'text', 'pdf', 'docx', 'csv', 'jsonl', 'json', 'code'] as const;

const readOptions = z.strictObject({
  cwd: z.string().optional(),
  base: z.string().optional(),
  gitignore: z.boolean().optional(),
  maxBytes: count.optional(),
  stdin: z.custom<unknown>(isAsyncIterable, 'must be a stream').optional(),
  stdinName: z.string().min(1).optional(),
  maxPages: count.optional(),
  allowPrivate: z.boolean().optional(),
  mayConnect: callback.optional(),
  fetchTimeoutMs: count.optional(),
  connectTimeoutMs: count.optional(),
  signal: signal.optional(),
});

const parseOptions = z.strictObject({
  encoding: z.string().optional(),
  textColumns: z.array(z.string()).optional(),
  contentType: z.enum(contentTypes).optional(),
});

const textIngestRequest = z.strictObject({
  collection: z.string().optional(),
  settings: collectionSettings.optional(),
  metadata: metadata.optional(),
  maxChunks: count.optional(),
  force: z.boolean().optional(),
  qualifyIds: z.boolean().optional(),
  onEvent: callback.optional(),
  userId: z.custom<unknown>(isId, 'must be an id of 1 to 512 bytes').optional(),
  signal: signal.optional(),
});

const ingestRequest = textIngestRequest.extend({
  sources: z.array(z.string()).min(1, 'name at least one source'),
  read: readOptions.optional(),
  parse: parseOptions.optional(),
  prune: z.boolean().optional(),
});

/** What of a request can be stored for a worker to carry out. */
const queuedTextIngest = textIngestRequest.omit({ onEvent: true, signal: true });
const queuedIngest = ingestRequest.omit({ onEvent: true, signal: true }).extend({
  sources: z
    .array(
      z.string().refine((source) => source !== '-', 'standard input cannot be read by a worker; upload it'),
    )
    .min(1, 'name at least one source'),
  read: readOptions
    .pick({ cwd: true, base: true, gitignore: true, maxBytes: true, maxPages: true })
    .optional(),
  parse: parseOptions.pick({ encoding: true, textColumns: true }).optional(),
});

/** See `TextDocument`. */
export const textDocument = z.strictObject({
  text: z.string(),
  source: z.string().min(1),
  title: z.string().optional(),
  docId: z.string().optional(),
  metadata: metadata.optional(),
  contentType: z.enum(['markdown', 'text', 'html', 'code']).optional(),
});

const fileContents = z.strictObject({
  source: z.string().min(1),
  bytes: z.instanceof(Uint8Array),
  mediaType: z.string().optional(),
});

/** Throws `invalid_input` naming each field of the request that cannot be used. */
export function checkIngestRequest(request: unknown): void {
  check(ingestRequest, request, 'request');
}

/** Throws `invalid_input` naming each field of the request that cannot be used. */
export function checkTextIngestRequest(request: unknown): void {
  check(textIngestRequest, request, 'request');
}

/** Throws `invalid_input` naming each field of the request that cannot be used, or not by another process. */
export function checkQueuedIngest(request: unknown): void {
  check(queuedIngest, request, 'request');
}

/** Throws `invalid_input` naming each field of the request that cannot be used, or not by another process. */
export function checkQueuedTextIngest(request: unknown): void {
  check(queuedTextIngest, request, 'request');
}

/** The document itself. Throws `invalid_input` naming each field that cannot be used. */
export function checkTextDocument(document: TextDocument): TextDocument {
  check(textDocument, document, 'document');
  if (document.docId !== undefined) checkDocId(document.docId);
  return document;
}

/** The file itself. Throws `invalid_input` naming each field that cannot be used. */
export function checkFileContents(file: FileContents): FileContents {
  check(fileContents, file, 'file');
  return file;
}

function check(schema: z.ZodType, input: unknown, what: string): void {
  const checked = schema.safeParse(input);
  if (checked.success) return;
  const issues = checked.error.issues.map(({ path, message }) => `${path.join('.') || what}: ${message}.`);
  throw new StackloreError('invalid_input', { message: issues.join(' ') });
}

function isAsyncIterable(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value;
}
