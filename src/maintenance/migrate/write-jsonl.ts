import { randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { link, rename, rm, stat } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { errorMessage, StackloreError } from '../../errors.ts';
import { chunkRecord, type RESERVED_METADATA } from '../../schema/knowledge.ts';
import type { CheckedExport } from '../../schema/migration-request.ts';
import { defined, type ExportedChunk, without } from './layout.ts';

/** Metadata that a line has in fields of its own. */
const OWN_FIELDS = [
  'source',
  'title',
  'chunk_index',
] as const satisfies readonly (typeof RESERVED_METADATA)[number][];

/** Writes a line a chunk beside the file and then gives it its name, so that there is a whole export or none. */
export async function writeJsonl(
  pages: AsyncIterable<readonly ExportedChunk[]>,
  { file = '', embeddings, overwrite }: Pick<CheckedExport, 'file' | 'embeddings' | 'overwrite'>,
): Promise<{ to: string; existing: number }> {
  if (!overwrite && (await isThere(file))) throw alreadyThere(file);
  const temporary = `${file}.${randomUUID()}.partial`;
  try {
    await pipeline(linesOf(pages, embeddings), createWriteStream(temporary, { flags: 'wx', mode: 0o600 }));
    if (overwrite) await rename(temporary, file);
    // Unlike a rename, a link never replaces a file that came meanwhile.
    else await link(temporary, file).catch((error: unknown) => onlyNew(file, temporary, error));
  } catch (error) {
    throw error instanceof StackloreError ? error : unwritable(file, error);
  } finally {
    await rm(temporary, { force: true }).catch(() => undefined);
  }
  return { to: file, existing: 0 };
}

async function* linesOf(
  pages: AsyncIterable<readonly ExportedChunk[]>,
  embeddings: CheckedExport['embeddings'],
): AsyncGenerator<string> {
  for await (const page of pages)
    yield page.map((chunk) => `${JSON.stringify(lineOf(chunk, embeddings))}\n`).join('');
}

function lineOf(chunk: ExportedChunk, embeddings: CheckedExport['embeddings']): Record<string, unknown> {
  const { chunkId, docId, nodeId, title, source, contentType, text, metadata, model, embedding } = chunk;
  const line = {
    id: chunkId,
    docId,
    nodeId,
    title,
    source,
    contentType,
    text,
    metadata: without(metadata, OWN_FIELDS),
  };
  if (embeddings === 'none') return line;
  const vector =
    embeddings === 'base64'
      ? embedding.toString('base64')
      : [...chunkRecord.fields.embedding.decode(embedding)];
  return { ...line, ...defined({ model }), embedding: vector };
}

/** A file system without links. */
async function onlyNew(file: string, temporary: string, error: unknown): Promise<void> {
  if (codeOf(error) === 'EEXIST' || (await isThere(file))) throw alreadyThere(file);
  await rename(temporary, file);
}

async function isThere(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    () => false,
  );
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined;
}

function alreadyThere(file: string): StackloreError {
  return new StackloreError('already_exists', {
    message: `"${file}" exists already and was not overwritten. Name another file, or write over it (--overwrite).`,
  });
}

function unwritable(file: string, cause: unknown): StackloreError {
  const isFull = ['ENOSPC', 'EDQUOT'].includes(codeOf(cause) ?? '');
  const remedy = isFull
    ? 'The disk is full: make room, or name a file on another one.'
    : 'Correct the permissions of its folder, or name another file.';
  return new StackloreError('archive_unwritable', {
    message: `The export "${file}" could not be written (${errorMessage(cause)}), and no part of it is left. ${remedy}`,
    cause,
  });
}
