import { createWriteStream } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { createInflateRaw } from 'node:zlib';
import { StackloreError } from '../errors.ts';

/**
 * Writes single files of a zip archive (a wheel, a jar) to given paths, streaming; `entries` maps the name inside the
 * archive to the path outside. Contents are not checked here: callers compare sha256, which says more than a CRC.
 * Throws `parse_failed` when the archive is damaged or lacks one of them.
 */
export async function extractZipEntries(
  archive: string,
  entries: ReadonlyMap<string, string>,
): Promise<void> {
  const file = await open(archive, 'r');
  try {
    const directory = await readDirectory(file, archive);
    for (const [name, path] of entries) {
      const entry = directory.get(name);
      if (!entry) throw damaged(archive, `it holds no ${name}`);
      await extract(file, { archive, name, entry, path });
    }
  } finally {
    await file.close();
  }
}

interface ZipEntry {
  readonly method: number;
  readonly compressedSize: number;
  readonly size: number;
  readonly headerOffset: number;
}

const STORED = 0;
const DEFLATED = 8;
const END_SIGNATURE = 0x06054b50;
const END_SIZE = 22;
const CENTRAL_SIGNATURE = 0x02014b50;
const CENTRAL_SIZE = 46;
const LOCAL_SIGNATURE = 0x04034b50;
const LOCAL_SIZE = 30;
const MAX_COMMENT = 0xffff;
/** Stands where the real value is in a zip64 record, which archives of this size never need. */
const ZIP64 = 0xffffffff;

/** The central directory, found through the end record, which is the last thing but a comment. */
async function readDirectory(file: FileHandle, archive: string): Promise<Map<string, ZipEntry>> {
  const { size } = await file.stat();
  const tail = await readAt(
    file,
    Math.max(0, size - END_SIZE - MAX_COMMENT),
    Math.min(size, END_SIZE + MAX_COMMENT),
  );
  let end = tail.length - END_SIZE;
  while (end >= 0 && tail.readUInt32LE(end) !== END_SIGNATURE) end -= 1;
  if (end < 0) throw damaged(archive, 'it is no complete zip archive');
  const length = tail.readUInt32LE(end + 12);
  const offset = tail.readUInt32LE(end + 16);
  if (offset === ZIP64 || offset + length > size) throw damaged(archive, 'its directory is out of bounds');
  return parseDirectory(await readAt(file, offset, length), archive);
}

function parseDirectory(directory: Buffer, archive: string): Map<string, ZipEntry> {
  const entries = new Map<string, ZipEntry>();
  let at = 0;
  while (at + CENTRAL_SIZE <= directory.length) {
    if (directory.readUInt32LE(at) !== CENTRAL_SIGNATURE)
      throw damaged(archive, 'its directory is not readable');
    const nameEnd = at + CENTRAL_SIZE + directory.readUInt16LE(at + 28);
    entries.set(directory.toString('utf8', at + CENTRAL_SIZE, nameEnd), {
      method: directory.readUInt16LE(at + 10),
      compressedSize: directory.readUInt32LE(at + 20),
      size: directory.readUInt32LE(at + 24),
      headerOffset: directory.readUInt32LE(at + 42),
    });
    at = nameEnd + directory.readUInt16LE(at + 30) + directory.readUInt16LE(at + 32);
  }
  return entries;
}

interface Extraction {
  readonly archive: string;
  readonly name: string;
  readonly entry: ZipEntry;
  readonly path: string;
}

async function extract(file: FileHandle, { archive, name, entry, path }: Extraction): Promise<void> {
  const header = await readAt(file, entry.headerOffset, LOCAL_SIZE);
  if (header.length < LOCAL_SIZE || header.readUInt32LE(0) !== LOCAL_SIGNATURE) {
    throw damaged(archive, `${name} is not where its directory says`);
  }
  const start = entry.headerOffset + LOCAL_SIZE + header.readUInt16LE(26) + header.readUInt16LE(28);
  const output = createWriteStream(path);
  if (entry.method !== STORED && entry.method !== DEFLATED) {
    throw damaged(archive, `${name} is packed by method ${entry.method}, which is not supported`);
  }
  // An empty range cannot be said to createReadStream: its `end` is inclusive.
  const source =
    entry.compressedSize === 0
      ? []
      : file.createReadStream({ start, end: start + entry.compressedSize - 1, autoClose: false });
  try {
    if (entry.method === STORED) await pipeline(source, output);
    else await pipeline(source, createInflateRaw(), output);
  } catch (cause) {
    throw damaged(archive, `${name} cannot be unpacked`, cause);
  }
  if (output.bytesWritten !== entry.size) throw damaged(archive, `${name} is not complete`);
}

async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, position);
  return buffer.subarray(0, bytesRead);
}

function damaged(archive: string, why: string, cause?: unknown): StackloreError {
  return new StackloreError('parse_failed', {
    message: `The archive ${archive} cannot be used: ${why}.`,
    cause,
  });
}
