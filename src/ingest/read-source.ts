import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { basename } from 'node:path';
import { StackloreError } from '../errors.ts';
import { fetchUrl, normaliseUrl, withoutCredentials } from './fetch-url.ts';
import { listFiles, unreadable } from './list-files.ts';
import { looksBinary } from './parse/decode-text.ts';
import { isSitemap, readSitemap } from './sitemap.ts';
import {
  DEFAULT_MAX_BYTES,
  failed,
  type ReadOptions,
  type Source,
  type SourceProblem,
  type SourceRef,
  tooLarge,
} from './source.ts';

export type { ReadOptions, SourceRef } from './source.ts';

/** Read at once; also how much of a binary file is read before it is left alone. */
const PART_BYTES = 64 * 1024;

/**
 * Expands paths, folders, globs, URLs, sitemaps and `-` into sources: each once, in the order of the inputs and within
 * a folder of the names. What cannot be listed is given as a problem, never thrown.
 */
export async function* listSources(
  inputs: readonly string[],
  options: ReadOptions = {},
): AsyncGenerator<SourceRef | SourceProblem> {
  const seen = new Set<string>();
  for (const input of inputs) {
    try {
      for await (const item of listInput(input, options)) {
        if (options.signal?.aborted) return;
        if ('kind' in item && seen.has(item.source)) continue;
        if ('kind' in item) seen.add(item.source);
        yield item;
      }
    } catch (error) {
      yield failed(
        withoutCredentials(input),
        error instanceof StackloreError ? error : unreadable(input, error),
      );
    }
  }
}

/** The bytes of a source. Throws `too_large`, `source_unreadable`, `url_refused` or `fetch_failed`. */
export async function readSource(ref: SourceRef, options: ReadOptions = {}): Promise<Source> {
  switch (ref.kind) {
    case 'file':
      return readFile(ref, options);
    case 'url': {
      const { bytes, contentType, modifiedAt } = await fetchUrl(ref.location, options);
      return {
        ...{ source: ref.source, name: ref.name, bytes },
        ...(contentType === undefined ? {} : { contentType }),
        ...(modifiedAt === undefined ? {} : { modifiedAt }),
      };
    }
    case 'stdin':
      return { source: ref.source, name: ref.name, bytes: await readStdin(options) };
  }
}

async function* listInput(input: string, options: ReadOptions): AsyncGenerator<SourceRef | SourceProblem> {
  if (input === '')
    throw new StackloreError('invalid_input', { message: 'A source is empty. Name a path or a URL.' });
  if (input === '-') {
    const name = options.stdinName ?? 'stdin';
    yield { kind: 'stdin', source: name, location: '-', name };
  } else if (/^[a-z][a-z0-9+.-]*:\/\//i.test(input)) {
    yield* listUrl(normaliseUrl(input), options);
  } else {
    yield* listFiles(input, options);
  }
}

async function* listUrl(url: URL, options: ReadOptions): AsyncGenerator<SourceRef | SourceProblem> {
  if (!isSitemap(url)) {
    yield urlRef(url);
    return;
  }
  for await (const page of readSitemap(url, options)) yield page instanceof URL ? urlRef(page) : page;
}

/** A page, without asking for it. */
export function urlRef(url: URL): SourceRef {
  const last = url.pathname.split('/').findLast((part) => part !== '');
  return {
    kind: 'url',
    source: url.href,
    location: url.href,
    name: last === undefined ? url.hostname : readable(last),
  };
}

/** A file, without looking whether it is there. */
export function fileRef(location: string, source: string): SourceRef {
  return { kind: 'file', source, location, name: basename(location) };
}

function readable(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

async function readFile({ source, location, name }: SourceRef, options: ReadOptions): Promise<Source> {
  const maxBytes = options.maxBytes ?? DEFAULT_MAX_BYTES;
  try {
    // Without O_NONBLOCK, opening a pipe that took the file's place would wait for a writer for ever.
    const file = await open(location, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const stats = await file.stat();
      if (!stats.isFile()) throw unreadable(location, new Error('it is no longer a file'));
      if (stats.size > maxBytes) throw tooLarge(location, maxBytes);
      const bytes = await readBytes(file, location, { size: stats.size, maxBytes });
      return { source, name, bytes, modifiedAt: stats.mtime };
    } finally {
      await file.close();
    }
  } catch (error) {
    throw error instanceof StackloreError ? error : unreadable(location, error);
  }
}

interface Expected {
  readonly size: number;
  readonly maxBytes: number;
}

/** All bytes of a file, also when it grows meanwhile; of a binary file that is no document only the beginning. */
async function readBytes(file: FileHandle, path: string, { size, maxBytes }: Expected): Promise<Buffer> {
  let bytes = Buffer.allocUnsafe(Math.max(PART_BYTES, size + 1));
  let length = 0;
  for (;;) {
    const wanted = length === 0 ? PART_BYTES : bytes.length - length;
    const { bytesRead } = await file.read(bytes, length, wanted, length);
    if (bytesRead === 0) return bytes.subarray(0, length);
    if (length === 0 && isOtherBinary(bytes.subarray(0, bytesRead))) return bytes.subarray(0, bytesRead);
    length += bytesRead;
    if (length > maxBytes) throw tooLarge(path, maxBytes);
    if (length === bytes.length) bytes = Buffer.concat([bytes, Buffer.allocUnsafe(bytes.length)]);
  }
}

/** Binary, and neither a PDF nor an archive, which a Word document is. */
function isOtherBinary(head: Buffer): boolean {
  const start = head.toString('latin1', 0, 1_024);
  return looksBinary(head) && !start.startsWith('PK') && !start.includes('%PDF-');
}

async function readStdin({ stdin, maxBytes = DEFAULT_MAX_BYTES }: ReadOptions): Promise<Buffer> {
  if (stdin === undefined) {
    throw new StackloreError('invalid_input', {
      message: 'There is no standard input to read. Give a path instead of -.',
    });
  }
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of stdin) {
    const bytes = Buffer.from(part as Uint8Array);
    size += bytes.length;
    if (size > maxBytes) throw tooLarge('Standard input', maxBytes);
    parts.push(bytes);
  }
  return Buffer.concat(parts);
}
