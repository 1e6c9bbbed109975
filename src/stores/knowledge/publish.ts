import { createHash } from 'node:crypto';
import { StackloreError } from '../../errors.ts';
import type { RedisArgument } from '../../redis/databases.ts';
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
import { chunkKey } from './document-ids.ts';
import type { NewChunk, StoredDocument } from './document.ts';
import { CLEAR_DOCUMENT } from './scripts/clear-document.ts';
import { metadataAttribute } from './vector-index.ts';

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
    ['HINCRBY', collectionRecord.key.build({ collection }), 'version', '1'],
  ];
}

/** The command that removes the stored version's chunks; runs first inside the MULTI of a publish or a delete. */
export function clearCommand(collection: string, docId: string): RedisArgument[] {
  const firstChunk = chunkKey(collection, docId, 0);
  return CLEAR_DOCUMENT.evalCommand(
    [documentRecord.key.build({ docId }), contentHashesRecord.key.build({ collection })],
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
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  if (typeof number === 'number' && Number.isFinite(number)) return String(number);
  throw new StackloreError('invalid_input', {
    message: `Metadata field "${name}" is declared as a number, but holds ${JSON.stringify(value)}. Correct the document or declare the field as tag.`,
  });
}

function tagField(name: string, value: unknown): string {
  const tags = Array.isArray(value) ? value : [value];
  for (const tag of tags) {
    if (!['string', 'number', 'boolean'].includes(typeof tag) || String(tag).includes('\x1f')) {
      throw new StackloreError('invalid_input', {
        message: `Metadata field "${name}" is declared as a tag, but holds ${JSON.stringify(value)}. Tags are text, numbers, booleans or lists of these.`,
      });
    }
  }
  return tags.map(String).join('\x1f');
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
