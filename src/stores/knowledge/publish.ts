import { createHash } from 'node:crypto';
import { StackloreError } from '../../errors.ts';
import type { RedisArgument } from '../../redis/databases.ts';
import { float } from '../../schema/fields.ts';
import { checkId } from '../../schema/key.ts';
import {
  type CollectionField,
  chunkRecord,
  collectionDocumentsRecord,
  collectionRecord,
  contentHashesRecord,
  documentIndexRecord,
  documentRecord,
  RESERVED_METADATA,
} from '../../schema/knowledge.ts';
import { checkVector } from './check-vector.ts';
import type { Collection } from './collections.ts';
import type { NewChunk, StoredDocument } from './document.ts';
import { chunkKey } from './document-ids.ts';
import { CLEAR_DOCUMENT } from './scripts/clear-document.ts';
import { metadataAttribute } from './vector-index.ts';

const TAG_SEPARATOR = '\x1f';
/** RediSearch cuts longer tags, so that from there on different values would look equal. */
const MAX_TAG_BYTES = 4_095;

/** Prepares what all chunks of a document share, and gives the function that makes each chunk's HSET. */
export function chunkWriter(collection: Collection, document: StoredDocument) {
  const { docId, title, source, contentType, updatedAt, metadata = {} } = document;
  const { manifest, name } = collection;
  const updatedSeconds = Math.floor(updatedAt.getTime() / 1_000);
  const fields = fieldArguments(manifest.fields, metadata);
  const nodePrefix = `${name}\n${docId}\n`;
  const own = withoutReserved(metadata);

  return (chunk: NewChunk, index: number, embedding: Float32Array | undefined): RedisArgument[] => {
    checkVector(embedding, manifest.dimensions);
    const { text, start, end, headings, page, inputHash } = chunk;
    const extra = chunk.metadata && withoutReserved(chunk.metadata);
    const encoded = chunkRecord.encode({
      embedding,
      text,
      metadata: { source, chunk_index: index, title, headings, start, end, page, ...own, ...extra },
      docId,
      nodeId: chunk.nodeId === undefined ? nodeIdOf(nodePrefix + index) : checkId('node id', chunk.nodeId),
      source,
      contentType,
      updatedAt: updatedSeconds,
      inputHash,
    });
    const declared = extra ? fieldArguments(manifest.fields, { ...metadata, ...extra }) : fields;
    return ['HSET', chunkKey(name, docId, index), ...encoded, ...declared];
  };
}

/** The commands that make a version of a document appear; the first removes what the earlier one leaves over. */
export function publishCommands(
  collection: string,
  document: StoredDocument,
  writes: RedisArgument[][],
): RedisArgument[][] {
  const { docId, hash, updatedAt } = document;
  const seconds = String(Math.floor(updatedAt.getTime() / 1_000));
  return [
    clearCommand(collection, docId),
    ...writes,
    ['HSET', documentRecord.key.build({ docId }), ...documentRecord.encode(document)],
    ['ZADD', documentIndexRecord.key.build({}), seconds, docId],
    ['ZADD', collectionDocumentsRecord.key.build({ collection }), seconds, docId],
    ['HSET', contentHashesRecord.key.build({ collection }), hash, docId],
  ];
}

/**
 * The command that removes the stored version's chunks and bumps the corpus version; runs first inside the MULTI of a
 * publish or a delete. It replies 0 when the collection no longer exists.
 */
export function clearCommand(collection: string, docId: string): RedisArgument[] {
  const firstChunk = chunkKey(collection, docId, 0);
  return CLEAR_DOCUMENT.evalCommand(
    [
      documentRecord.key.build({ docId }),
      contentHashesRecord.key.build({ collection }),
      collectionRecord.key.build({ collection }),
    ],
    [firstChunk.slice(0, -1), docId],
  );
}

/** Field and value of each declared field that the metadata has, as the index reads them. */
export function fieldArguments(
  fields: readonly CollectionField[],
  metadata: Readonly<Record<string, unknown>>,
): string[] {
  return fields.flatMap(({ name, type }) => {
    const value = metadata[name];
    if (value === undefined || value === null) return [];
    const encoded = type === 'number' ? numberField(name, value) : tagField(name, value);
    return [metadataAttribute(name), encoded];
  });
}

function numberField(name: string, value: unknown): string {
  const number = typeof value === 'string' ? decimal(value) : value;
  if (typeof number === 'number' && Number.isFinite(number)) return String(number);
  throw new StackloreError('invalid_input', {
    message: `Metadata field "${name}" is declared as a number, but holds ${excerpt(value)}. Correct the document, or declare the field as tag.`,
  });
}

/** Numbers of CSV columns and front matter come as text; JavaScript alone would read "0x10" and " " as numbers too. */
function decimal(text: string): number | undefined {
  try {
    return float.decode(text);
  } catch {
    return undefined;
  }
}

function tagField(name: string, value: unknown): string {
  const tags: unknown[] = Array.isArray(value) ? value : [value];
  for (const tag of tags) {
    const problem = tagProblem(tag);
    if (problem === undefined) continue;
    throw new StackloreError('invalid_input', {
      message: `Metadata field "${name}" is declared as a tag, but ${problem}. Correct the document, or declare another field.`,
    });
  }
  return tags.map(String).join(TAG_SEPARATOR);
}

/** What keeps a value from being a tag that a filter finds, and only it. */
function tagProblem(tag: unknown): string | undefined {
  if (typeof tag === 'number' || typeof tag === 'boolean') return undefined;
  if (typeof tag !== 'string')
    return `holds ${excerpt(tag)}: tags are text, numbers, booleans or lists of these`;
  // RediSearch ends a tag at U+0000 and begins the next one after U+001F.
  if (tag.includes('\0') || tag.includes(TAG_SEPARATOR))
    return 'holds U+0000 or U+001F, which no tag can hold';
  if (Buffer.byteLength(tag) > MAX_TAG_BYTES) return `holds a text of more than ${MAX_TAG_BYTES} bytes`;
  return undefined;
}

/** A value short enough for a message. */
function excerpt(value: unknown): string {
  const json = JSON.stringify(value) ?? String(value);
  return json.length > 80 ? `${json.slice(0, 80)}…` : json;
}

/** The id of a chunk that was given none: the same for the same place in the same document. */
function nodeIdOf(place: string): string {
  return createHash('sha256').update(place).digest('hex').slice(0, 32);
}

function withoutReserved(metadata: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(metadata).filter(([key]) => !isReserved(key)));
}

function isReserved(key: string): boolean {
  return (RESERVED_METADATA as readonly string[]).includes(key);
}
