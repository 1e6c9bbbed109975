import { randomUUID } from 'node:crypto';
import { type FileHandle, link, open, realpath, rename, rm, stat } from 'node:fs/promises';
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

/**
 * Writes a line a chunk beside the file, brings it to disk and only then gives it its name, so that there is a whole
 * export or none, also after a crash of the machine.
 */
export async function writeJsonl(
  pages: AsyncIterable<readonly ExportedChunk[]>,
  { file = '', embeddings = 'none', overwrite }: Pick<CheckedExport, 'file' | 'embeddings' | 'overwrite'>,
  openFile = (path: string): Promise<FileHandle> => open(path, 'wx', 0o600),
): Promise<{ to: string; existing: number }> {
  // What a link leads to is written, not the link.
  const path = await realpath(file).catch(() => file);
  const there = await find(path);
  if (there && !(overwrite && there.isFile())) throw alreadyThere(file, there.isFile());
  const temporary = `${path}.${randomUUID()}.partial`;
  try {
    const opened = await openFile(temporary);
    try {
      for await (const lines of linesOf(pages, embeddings)) await opened.writeFile(lines);
      await opened.sync();
    } finally {
      await opened.close();
    }
    if (overwrite) await rename(temporary, path);
    // Unlike a rename, a link never replaces a file that came meanwhile.
    else await link(temporary, path).catch((error: unknown) => onlyNew(path, temporary, error));
  } catch (error) {
    throw error instanceof StackloreError ? error : unwritable(file, error);
  } finally {
    await rm(temporary, { force: true }).catch(() => undefined);
  }
  return { to: file, existing: 0 };
}

async function* linesOf(
  pages: AsyncIterable<readonly ExportedChunk[]>,
  embeddings: NonNullable<CheckedExport['embeddings']>,
): AsyncGenerator<string> {
  for await (const page of pages)
    yield page.map((chunk) => `${JSON.stringify(lineOf(chunk, embeddings))}\n`).join('');
}

function lineOf(
  chunk: ExportedChunk,
  embeddings: NonNullable<CheckedExport['embeddings']>,
): Record<string, unknown> {
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
async function onlyNew(path: string, temporary: string, error: unknown): Promise<void> {
  if (codeOf(error) === 'EEXIST' || (await find(path))) throw alreadyThere(path, true);
  await rename(temporary, path);
}

async function find(path: string) {
  return stat(path).catch(() => undefined);
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined;
}

function alreadyThere(file: string, isFile: boolean): StackloreError {
  const message = isFile
    ? `"${file}" exists already and was not overwritten. Name another file, or write over it (--overwrite).`
    : `"${file}" is no file that could be written over. Name another one.`;
  return new StackloreError('already_exists', { message });
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
