import { crc32 } from 'node:zlib';
import { StackloreError } from '../../errors.ts';
import type { DatabaseName } from '../../schema/record.ts';
import { KEY_TYPES, type KeyType } from '../scripts/measure-keys.ts';

/*
 * An archive is one gzip stream of frames. A frame is the length of its body and the CRC-32 of its body, both unsigned
 * 32-bit little-endian, then the body; the first byte of a body is its kind:
 *   1  header: JSON
 *   2  record, or a part of one: type, flags, expiry, family, key, items (see encodeRecord)
 *   3  end: JSON with the SHA-256 of every byte before this frame
 * Values are kept as Redis gave them and not as DUMP payloads, which other server versions refuse.
 */

export const FORMAT_VERSION = 1;
export const FRAME_HEAD_BYTES = 8;
/** A value of Redis has 512 MiB at most; what claims to be longer than that and its names is no frame. */
export const MAX_BODY_BYTES = 700 * 1024 * 1024;

/** What an archive says of itself at its beginning. */
export interface ArchiveHeader {
  readonly format: 'stacklore-backup';
  readonly version: number;
  readonly database: DatabaseName;
  /** The record families asked for; `null` for all. */
  readonly families: readonly string[] | null;
  /** Whether keys of no family were asked for too. */
  readonly unknown: boolean;
  readonly createdAt: string;
  readonly redisVersion: string;
}

/** What an archive says of itself at its end: without it, it is not whole. */
export interface ArchiveEnd {
  readonly keys: number;
  /** How many keys of each family; those of none under an empty name. */
  readonly families: Readonly<Record<string, number>>;
  readonly sha256: string;
}

/** A key with its value, or with a part of it: a big key comes as several parts in a row. */
export interface RecordPart {
  readonly type: KeyType;
  /** Empty for a key of no family. */
  readonly family: string;
  readonly key: Buffer;
  /** Unix milliseconds; -1 when it stays. */
  readonly expiresAt: number;
  readonly isFirst: boolean;
  readonly isLast: boolean;
  /** Set on a last part: the key was deleted while it was read, so that its parts are not a value. */
  readonly isGone: boolean;
  /** Field, value, field, value …; elements; members; member, score, member, score …; the bytes of a string. */
  readonly items: readonly Buffer[];
}

export type Frame =
  | { readonly kind: 'header'; readonly header: ArchiveHeader }
  | { readonly kind: 'record'; readonly part: RecordPart }
  | { readonly kind: 'end'; readonly end: ArchiveEnd };

const HEADER = 1;
const RECORD = 2;
const END = 3;
const FIRST = 1;
const LAST = 2;
const GONE = 4;
/** Kind, type, flags, expiry, length of the family, length of the key. */
const FIXED_BYTES = 1 + 1 + 1 + 8 + 2 + 4;

/** The bytes of a header's frame. */
export function encodeHeader(header: ArchiveHeader): Buffer {
  return sealFrame(jsonBody(HEADER, header));
}

/** The bytes of the last frame. */
export function encodeEnd(end: ArchiveEnd): Buffer {
  return sealFrame(jsonBody(END, end));
}

/** The bytes of a record's frame. */
export function encodeRecord(part: RecordPart): Buffer {
  const { type, family, key, expiresAt, items } = part;
  const name = Buffer.from(family);
  let bytes = FRAME_HEAD_BYTES + FIXED_BYTES + name.length + key.length;
  for (const item of items) bytes += 4 + item.length;
  const frame = Buffer.allocUnsafe(bytes);
  let at = FRAME_HEAD_BYTES;
  at = frame.writeUInt8(RECORD, at);
  at = frame.writeUInt8(KEY_TYPES.indexOf(type), at);
  at = frame.writeUInt8((part.isFirst ? FIRST : 0) | (part.isLast ? LAST : 0) | (part.isGone ? GONE : 0), at);
  at = frame.writeDoubleLE(expiresAt, at);
  at = frame.writeUInt16LE(name.length, at);
  at += name.copy(frame, at);
  at = frame.writeUInt32LE(key.length, at);
  at += key.copy(frame, at);
  for (const item of items) {
    at = frame.writeUInt32LE(item.length, at);
    at += item.copy(frame, at);
  }
  return sealFrame(frame);
}

function jsonBody(kind: number, value: unknown): Buffer {
  const json = Buffer.from(JSON.stringify(value));
  return Buffer.concat([Buffer.alloc(FRAME_HEAD_BYTES), Buffer.from([kind]), json]);
}

/** Fills in length and checksum in front of a body. */
function sealFrame(frame: Buffer): Buffer {
  const body = frame.subarray(FRAME_HEAD_BYTES);
  frame.writeUInt32LE(body.length, 0);
  frame.writeUInt32LE(crc32(body), 4);
  return frame;
}

/** What a body holds. Throws `archive_invalid` for anything that `encode…` did not make. */
export function decodeBody(body: Buffer, path: string): Frame {
  try {
    if (body[0] === RECORD) return { kind: 'record', part: decodeRecord(body) };
    const value: unknown = JSON.parse(body.toString('utf8', 1));
    // Its checksum holds, so these are the bytes that a writer of this format put there.
    if (body[0] === HEADER) return { kind: 'header', header: value as ArchiveHeader };
    if (body[0] === END) return { kind: 'end', end: value as ArchiveEnd };
  } catch (cause) {
    throw archiveInvalid(path, 'holds a record that cannot be read', cause);
  }
  throw archiveInvalid(path, 'holds something that this version of stacklore does not know');
}

function decodeRecord(body: Buffer): RecordPart {
  const type = KEY_TYPES[body.readUInt8(1)];
  if (type === undefined) throw new Error('unknown type');
  const flags = body.readUInt8(2);
  const expiresAt = body.readDoubleLE(3);
  const keyLengthAt = 13 + body.readUInt16LE(11);
  const family = body.toString('utf8', 13, keyLengthAt);
  let at = keyLengthAt + 4;
  const take = (length: number): Buffer => {
    if (at + length > body.length) throw new Error('a length reaches beyond the end');
    at += length;
    return body.subarray(at - length, at);
  };
  const key = take(body.readUInt32LE(keyLengthAt));
  const items: Buffer[] = [];
  while (at < body.length) {
    const length = body.readUInt32LE(at);
    at += 4;
    items.push(take(length));
  }
  return {
    ...{ type, family, key, expiresAt, items },
    ...{ isFirst: (flags & FIRST) !== 0, isLast: (flags & LAST) !== 0, isGone: (flags & GONE) !== 0 },
  };
}

/** The error for a file that is no archive, or not a whole one. */
export function archiveInvalid(path: string, problem: string, cause?: unknown): StackloreError {
  return new StackloreError('archive_invalid', {
    message: `${path} ${problem}. Nothing was restored from it: take another backup.`,
    cause,
  });
}
