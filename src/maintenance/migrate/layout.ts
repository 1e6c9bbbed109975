import { isUtf8 } from 'node:buffer';
import type { ForeignLayoutName } from '../../schema/migration-request.ts';

/** A chunk as another tool keeps it. */
export interface ForeignRow {
  /** Where it was found, for messages and where nothing else tells rows apart. */
  readonly key: string;
  readonly text: string;
  readonly metadata: Readonly<Record<string, unknown>>;
  /** The bytes of its vector as stored, little-endian float32 unless they are of another length. */
  readonly vector?: Buffer;
  /** The document it says it is of. */
  readonly docId?: string;
  readonly nodeId?: string;
  /** The model that it says its vector is of. */
  readonly model?: string;
}

/** A chunk of a collection on its way out. */
export interface ExportedChunk {
  readonly chunkId: string;
  readonly title: string;
  readonly source: string;
  readonly contentType: string;
  readonly docId: string;
  readonly nodeId: string;
  readonly text: string;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly embedding: Buffer;
  /** What made the embedding; `undefined` where a program gave it. */
  readonly model: string | undefined;
}

/** The names of the two fields that a schema may choose. */
export interface LayoutFields {
  readonly vectorField: string;
  readonly textField: string;
}

/** How another tool keeps chunks in hashes: read and written in one place, so that both agree. */
export interface ForeignLayout {
  readonly name: ForeignLayoutName;
  readonly fields: LayoutFields;
  /** A row of these hash fields, or `undefined` for a hash that is none of this tool's. */
  read(key: string, stored: ReadonlyMap<string, Buffer>, fields: LayoutFields): ForeignRow | undefined;
  /** Field and value in turn, as HSET takes them. */
  write(chunk: ExportedChunk, fields: LayoutFields): (string | Buffer)[];
}

/** A JSON object in a field, or `undefined` when it holds none. */
export function objectIn(bytes: Buffer | undefined): Record<string, unknown> | undefined {
  const text = textIn(bytes);
  return text === undefined ? undefined : parseObject(text);
}

/** A JSON object, or `undefined` when the text is none. */
export function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    return asObject(JSON.parse(text));
  } catch {
    return undefined;
  }
}

/** The value when it is an object with keys. */
export function asObject(value: unknown): Record<string, unknown> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined;
}

/** The text of a field, or `undefined` when it is absent or holds other bytes. */
export function textIn(bytes: Buffer | undefined): string | undefined {
  return bytes !== undefined && isUtf8(bytes) ? bytes.toString('utf8') : undefined;
}

/** An id that says something: Python writers put `None` where there is none. */
export function idIn(value: unknown): string | undefined {
  return typeof value === 'string' && value.trim() !== '' && value !== 'None' ? value : undefined;
}

/** Where exported rows say which model their vector is of. */
export const MODEL_FIELD = 'embedding_model';

/** An object without the names that have no value. */
export function defined<T extends object>(values: T): { [Name in keyof T]?: Exclude<T[Name], undefined> } {
  // What is undefined is taken out, so the rest is not.
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as {
    [Name in keyof T]?: Exclude<T[Name], undefined>;
  };
}

/** The metadata without these keys. */
export function without(
  metadata: Readonly<Record<string, unknown>>,
  names: readonly string[],
): Record<string, unknown> {
  return Object.fromEntries(Object.entries(metadata).filter(([name]) => !names.includes(name)));
}
