import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { crc32, createGunzip } from 'node:zlib';
import { errorMessage, StackloreError } from '../../errors.ts';
import { DEFAULT_DATABASE_NUMBERS } from '../../schema/record.ts';
import {
  type ArchiveEnd,
  type ArchiveHeader,
  archiveInvalid,
  decodeBody,
  FORMAT_VERSION,
  FRAME_HEAD_BYTES,
  type Frame,
  MAX_BODY_BYTES,
  type RecordPart,
} from './archive-format.ts';

/** What is wrong with a file that does not begin like an archive. */
const FOREIGN = 'is not a backup of stacklore, or its beginning is damaged';
const DAMAGED = 'is damaged';
/** What the header of every archive holds. */
const MARK = '"stacklore-backup"';
const CUT_OFF = 'is cut off: it ends before its end mark';
const GZIP_MAGIC = Buffer.from([0x1f, 0x8b]);
const PARTS_PER_PAGE = 1_000;
const PAGE_BYTES = 1024 * 1024;

/**
 * An archive's header, its records a page at a time, and its end. Checks as it goes: each frame by its checksum, and the
 * whole by its SHA-256 and count before the end is given. Throws `archive_invalid`, `not_found` or `source_unreadable`.
 */
export async function* readArchive(
  path: string,
): AsyncGenerator<
  | { readonly header: ArchiveHeader }
  | { readonly parts: readonly RecordPart[]; readonly bytes: number }
  | { readonly end: ArchiveEnd }
> {
  const hash = createHash('sha256');
  let header: ArchiveHeader | undefined;
  let end: ArchiveEnd | undefined;
  let keys = 0;
  let parts: RecordPart[] = [];
  let bytes = 0;
  for await (const { frame, raw } of readFrames(path)) {
    if (end) throw archiveInvalid(path, 'goes on after its end mark');
    if (frame.kind === 'end') {
      end = frame.end;
      continue;
    }
    for (const piece of raw) hash.update(piece);
    if (frame.kind === 'header') {
      if (header) throw archiveInvalid(path, 'has two headers');
      header = checkHeader(frame.header, path);
      yield { header };
      continue;
    }
    if (!header) throw archiveInvalid(path, FOREIGN);
    if (frame.part.isLast && !frame.part.isGone) keys += 1;
    parts.push(frame.part);
    for (const piece of raw) bytes += piece.length;
    if (parts.length < PARTS_PER_PAGE && bytes < PAGE_BYTES) continue;
    yield { parts, bytes };
    parts = [];
    bytes = 0;
  }
  if (parts.length > 0) yield { parts, bytes };
  if (!header) throw archiveInvalid(path, FOREIGN);
  if (!end) throw archiveInvalid(path, CUT_OFF);
  if (end.sha256 !== hash.digest('hex') || end.keys !== keys) {
    throw archiveInvalid(path, 'is damaged: its checksum does not fit what it holds');
  }
  yield { end };
}

/** Reads no more than an archive's beginning; `undefined` for any file that is none. */
export async function findHeader(path: string): Promise<ArchiveHeader | undefined> {
  try {
    for await (const page of readArchive(path)) return 'header' in page ? page.header : undefined;
  } catch (error) {
    if (!(error instanceof StackloreError)) throw error;
  }
  return undefined;
}

function checkHeader(header: ArchiveHeader, path: string): ArchiveHeader {
  if (header?.format !== 'stacklore-backup') throw archiveInvalid(path, FOREIGN);
  if (header.version !== FORMAT_VERSION) {
    throw new StackloreError('archive_invalid', {
      message: `${path} was written in format ${header.version}, and this version of stacklore reads format ${FORMAT_VERSION}. Restore it with the version that wrote it or a later one.`,
    });
  }
  if (Object.hasOwn(DEFAULT_DATABASE_NUMBERS, header.database)) return header;
  throw new StackloreError('archive_invalid', {
    message: `${path} was taken from a database "${header.database}", and this version of stacklore has ${Object.keys(DEFAULT_DATABASE_NUMBERS).join(', ')}. Restore it with the version that wrote it.`,
  });
}

interface RawFrame {
  readonly frame: Frame;
  /** Head and body as they were in the archive. */
  readonly raw: readonly Buffer[];
}

async function* readFrames(path: string): AsyncGenerator<RawFrame> {
  const pieces = new Pieces();
  let isFirst = true;
  let isForeign = true;
  let head: Buffer | undefined;
  for await (const block of readBlocks(path)) {
    pieces.push(block);
    if (isFirst) isForeign = !block.subarray(0, 1_000).includes(MARK);
    for (;;) {
      head ??= pieces.take(FRAME_HEAD_BYTES);
      if (!head) break;
      const length = head.readUInt32LE(0);
      if (length === 0 || length > MAX_BODY_BYTES) throw archiveInvalid(path, isForeign ? FOREIGN : DAMAGED);
      const body = pieces.take(length);
      if (!body) break;
      if (crc32(body) !== head.readUInt32LE(4)) {
        throw archiveInvalid(path, isForeign ? FOREIGN : `${DAMAGED}: a checksum does not fit`);
      }
      yield { frame: decodeBody(body, path), raw: [head, body] };
      isFirst = false;
      head = undefined;
    }
  }
  if (isFirst) throw archiveInvalid(path, FOREIGN);
  if (head || pieces.length > 0) throw archiveInvalid(path, CUT_OFF);
}

/** What the file holds, uncompressed, in blocks of any size. */
async function* readBlocks(path: string): AsyncGenerator<Buffer> {
  const file = createReadStream(path, { highWaterMark: 256 * 1024 });
  const gunzip = createGunzip({ chunkSize: 256 * 1024 });
  let isGzip = false;
  file.once('data', (bytes) => {
    isGzip = GZIP_MAGIC.equals(Buffer.from(bytes).subarray(0, GZIP_MAGIC.length));
  });
  file.on('error', (error) => gunzip.destroy(error));
  file.pipe(gunzip);
  let isEmpty = true;
  try {
    for await (const block of gunzip) {
      isEmpty = false;
      yield block;
    }
  } catch (error) {
    throw error instanceof StackloreError
      ? error
      : explain(error, path, { isDamaged: isGzip || !isEmpty, hasBytes: file.bytesRead > 0 });
  } finally {
    file.destroy();
  }
}

function explain(
  error: unknown,
  path: string,
  { isDamaged, hasBytes }: { isDamaged: boolean; hasBytes: boolean },
): StackloreError {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (code === 'Z_BUF_ERROR') return archiveInvalid(path, hasBytes ? CUT_OFF : FOREIGN, error);
  if (code.startsWith('Z_')) return archiveInvalid(path, isDamaged ? DAMAGED : FOREIGN, error);
  if (code === 'EISDIR') {
    return new StackloreError('invalid_input', {
      message: `${path} is a folder. Name one of the archives in it.`,
      cause: error,
    });
  }
  if (code === 'ENOENT') {
    return new StackloreError('not_found', {
      message: `There is no file ${path}. Name an archive that "stacklore backup" wrote.`,
      cause: error,
    });
  }
  return new StackloreError('source_unreadable', {
    message: `${path} cannot be read (${errorMessage(error)}). Correct its permissions, or name another file.`,
    cause: error,
  });
}

/** Blocks in a row, from which pieces of a given length are taken. */
class Pieces {
  length = 0;
  readonly #blocks: Buffer[] = [];

  push(block: Buffer): void {
    this.#blocks.push(block);
    this.length += block.length;
  }

  /** The next bytes, or `undefined` while there are not so many. */
  take(bytes: number): Buffer | undefined {
    if (this.length < bytes) return undefined;
    this.length -= bytes;
    const [first] = this.#blocks;
    if (first && first.length > bytes) {
      this.#blocks[0] = first.subarray(bytes);
      return first.subarray(0, bytes);
    }
    const taken: Buffer[] = [];
    let missing = bytes;
    while (missing > 0) {
      const block = this.#blocks.shift();
      if (!block) break;
      taken.push(block.subarray(0, missing));
      if (block.length > missing) this.#blocks.unshift(block.subarray(missing));
      missing -= Math.min(missing, block.length);
    }
    return taken.length === 1 ? taken[0] : Buffer.concat(taken);
  }
}
