import { inflateRawSync } from 'node:zlib';
import { StackloreError } from '../../errors.ts';

/** A file in a zip archive. */
export interface ZipEntry {
  readonly name: string;
  readonly isDeflated: boolean;
  readonly compressedSize: number;
  readonly localOffset: number;
}

const END_SIGNATURE = 0x06054b50;
const CENTRAL_SIGNATURE = 0x02014b50;
const END_SIZE = 22;
const MAX_COMMENT = 0xffff;

/** The files that an archive's directory names; none for bytes that are no whole archive. */
export function listZip(bytes: Buffer): ZipEntry[] {
  const end = findEnd(bytes);
  if (end === -1) return [];
  const entries: ZipEntry[] = [];
  let at = bytes.readUInt32LE(end + 16);
  for (let left = bytes.readUInt16LE(end + 10); left > 0; left -= 1) {
    if (at + 46 > bytes.length || bytes.readUInt32LE(at) !== CENTRAL_SIGNATURE) return [];
    const nameEnd = at + 46 + bytes.readUInt16LE(at + 28);
    entries.push({
      name: bytes.toString('utf8', at + 46, nameEnd),
      isDeflated: bytes.readUInt16LE(at + 10) === 8,
      compressedSize: bytes.readUInt32LE(at + 20),
      localOffset: bytes.readUInt32LE(at + 42),
    });
    at = nameEnd + bytes.readUInt16LE(at + 30) + bytes.readUInt16LE(at + 32);
  }
  return entries;
}

/**
 * Makes sure that the XML in an archive does not unpack to more than a limit: sizes in the directory can lie, so
 * it is unpacked once, into nothing. Throws `too_large` or `parse_failed`.
 */
export function checkUnpackedSize(bytes: Buffer, entries: readonly ZipEntry[], maxBytes: number): void {
  let left = maxBytes;
  for (const { name, isDeflated, compressedSize, localOffset } of entries) {
    if (!/\.(?:xml|rels)$/i.test(name)) continue;
    if (localOffset + 30 > bytes.length) throw broken();
    const start =
      localOffset + 30 + bytes.readUInt16LE(localOffset + 26) + bytes.readUInt16LE(localOffset + 28);
    const data = bytes.subarray(start, start + compressedSize);
    left -= isDeflated ? unpackedSize(data, left) : data.length;
    if (left <= 0) throw bomb(maxBytes);
  }
}

function unpackedSize(data: Buffer, limit: number): number {
  try {
    return inflateRawSync(data, { maxOutputLength: limit }).length;
  } catch (cause) {
    if (cause instanceof RangeError) return limit;
    throw broken(cause);
  }
}

function findEnd(bytes: Buffer): number {
  const first = Math.max(0, bytes.length - END_SIZE - MAX_COMMENT);
  for (let at = bytes.length - END_SIZE; at >= first; at -= 1) {
    if (bytes.readUInt32LE(at) === END_SIGNATURE) return at;
  }
  return -1;
}

function bomb(maxBytes: number): StackloreError {
  return new StackloreError('too_large', {
    message: `The document unpacks to more than ${Math.round(maxBytes / 2 ** 20)} MB of XML. Split it into smaller ones.`,
  });
}

function broken(cause?: unknown): StackloreError {
  return new StackloreError('parse_failed', {
    message: 'The archive is damaged. Open the document in the program it comes from and save it again.',
    cause,
  });
}
