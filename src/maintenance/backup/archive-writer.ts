import { createHash, randomUUID } from 'node:crypto';
import { type FileHandle, link, open, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { constants, createGzip } from 'node:zlib';
import { errorMessage, StackloreError } from '../../errors.ts';
import { makeFolder } from '../../provision/make-folder.mjs';
import {
  type ArchiveHeader,
  encodeEnd,
  encodeHeader,
  encodeRecord,
  type RecordPart,
} from './archive-format.ts';

/** What a finished archive holds. */
export interface WrittenArchive {
  readonly path: string;
  readonly keys: number;
  /** How many keys of each family; those of none under an empty name. */
  readonly families: Readonly<Record<string, number>>;
  /** Size of the file. */
  readonly bytes: number;
  /** Size of what it holds before compression. */
  readonly contentBytes: number;
  readonly sha256: string;
}

export interface WriteOptions {
  /** Makes the temporary file. */
  readonly openFile?: (path: string) => Promise<FileHandle>;
}

/** Small frames are gathered up to this size: each block costs the compressor a trip to another thread. */
const BLOCK_BYTES = 256 * 1024;

/**
 * Writes an archive beside its path, brings it to disk and only then gives it its name, so that there is a whole archive
 * or none. Never overwrites. Throws `archive_unwritable` when the disk is full or the folder cannot be written, and
 * what `parts` throws; the unfinished file is removed then.
 */
export async function writeArchive(
  path: string,
  { header, parts }: { header: ArchiveHeader; parts: AsyncIterable<readonly RecordPart[]> },
  { openFile = (file) => open(file, 'wx', 0o600) }: WriteOptions = {},
): Promise<WrittenArchive> {
  const temporary = `${path}.${randomUUID()}.partial`;
  const content = new ArchiveContent(header, parts);
  let failure: StackloreError | undefined;
  try {
    makeFolder(dirname(path), 0o700);
    const file = await openFile(temporary);
    try {
      const gzip = createGzip({ level: constants.Z_BEST_SPEED, chunkSize: BLOCK_BYTES });
      await pipeline(Readable.from(content.blocks()), gzip, async (blocks: AsyncIterable<Buffer>) => {
        for await (const block of blocks) {
          await file.writeFile(block).catch((error: unknown) => {
            // The pipeline itself tells only that it was ended.
            failure = unwritable(path, error);
            throw failure;
          });
        }
      });
      await file.sync();
    } finally {
      await file.close().catch(() => undefined);
    }
    const { size } = await stat(temporary);
    await giveName(temporary, path);
    return { path, bytes: size, ...content.summary() };
  } catch (error) {
    throw failure ?? (error instanceof StackloreError ? error : unwritable(path, error));
  } finally {
    await rm(temporary, { force: true }).catch(() => undefined);
  }
}

/** The frames of an archive, counted and hashed as they go by. */
class ArchiveContent {
  readonly #header: ArchiveHeader;
  readonly #parts: AsyncIterable<readonly RecordPart[]>;
  readonly #hash = createHash('sha256');
  readonly #families = new Map<string, number>();
  #keys = 0;
  #bytes = 0;
  #sha256 = '';

  constructor(header: ArchiveHeader, parts: AsyncIterable<readonly RecordPart[]>) {
    this.#header = header;
    this.#parts = parts;
  }

  async *blocks(): AsyncGenerator<Buffer> {
    let waiting = [encodeHeader(this.#header)];
    let waitingBytes = 0;
    for await (const parts of this.#parts) {
      for (const part of parts) {
        const frame = encodeRecord(part);
        if (part.isLast && !part.isGone) this.#count(part.family);
        waiting.push(frame);
        waitingBytes += frame.length;
        if (waitingBytes < BLOCK_BYTES) continue;
        yield this.#block(waiting);
        waiting = [];
        waitingBytes = 0;
      }
    }
    yield this.#block(waiting);
    this.#sha256 = this.#hash.digest('hex');
    const { keys, families, sha256 } = this.summary();
    yield encodeEnd({ keys, families, sha256 });
  }

  summary() {
    return {
      keys: this.#keys,
      families: Object.fromEntries(this.#families),
      contentBytes: this.#bytes,
      sha256: this.#sha256,
    };
  }

  #count(family: string): void {
    this.#keys += 1;
    this.#families.set(family, (this.#families.get(family) ?? 0) + 1);
  }

  #block(frames: readonly Buffer[]): Buffer {
    const block = frames.length === 1 && frames[0] ? frames[0] : Buffer.concat(frames);
    this.#hash.update(block);
    this.#bytes += block.length;
    return block;
  }
}

async function giveName(temporary: string, path: string): Promise<void> {
  try {
    // Unlike a rename, a link never replaces a file of that name.
    await link(temporary, path);
  } catch (error) {
    if (isCode(error, 'EEXIST')) throw alreadyThere(path, error);
    // A file system without links.
    if (await isThere(path)) throw alreadyThere(path, error);
    await rename(temporary, path);
  }
  const folder = await open(dirname(path), 'r');
  // The name itself reaches the disk with its folder.
  await folder.sync().finally(() => folder.close());
}

function alreadyThere(path: string, cause: unknown): StackloreError {
  return new StackloreError('already_exists', {
    message: `${path} exists already and was not overwritten. Move it away, or name another folder.`,
    cause,
  });
}

async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

function unwritable(path: string, cause: unknown): StackloreError {
  const remedy =
    isCode(cause, 'ENOSPC') || isCode(cause, 'EDQUOT')
      ? 'The disk is full: make room, or name a folder on another one.'
      : isCode(cause, 'ENOTDIR')
        ? 'Name a folder instead.'
        : 'Correct the permissions of its folder, or name another one.';
  return new StackloreError('archive_unwritable', {
    message: `The backup ${path} could not be written (${errorMessage(cause)}), and no part of it is left. ${remedy}`,
    cause,
  });
}
