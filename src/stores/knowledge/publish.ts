import { hash as digest } from 'node:crypto';
import { StackloreError } from '../../errors.ts';
import type { Database, RedisArgument } from '../../redis/databases.ts';
import { float, snakeCase } from '../../schema/fields.ts';
import { checkId } from '../../schema/key.ts';
import {
  type Chunk,
  type CollectionField,
  chunkRecord,
  collectionDocumentsRecord,
  collectionRecord,
  contentHashesRecord,
  documentIndexRecord,
  documentRecord,
  float16ChunkRecord,
  type Manifest,
  RESERVED_METADATA,
} from '../../schema/knowledge.ts';
import { TAG_SEPARATOR, tagProblem } from '../../schema/tag.ts';
import { checkFloat16, checkVector } from './check-vector.ts';
import { analyserOf, type ChunkTerms, documentTerms } from './chunk-terms.ts';
import type { Collection } from './collections.ts';
import type { NewChunk, StoredDocument } from './document.ts';
import { chunkTails } from './document-ids.ts';
import { indexedVectorField } from './index-fields.ts';
import { CLEAR_DOCUMENT } from './scripts/clear-document.ts';
import { writtenType } from './stored-vectors.ts';
import { metadataAttribute } from './vector-index.ts';

/** Throws `already_exists` for a document that another collection has. */
export function checkOwner(
  earlier: Pick<StoredDocument, 'docId' | 'collection'> | undefined,
  collection: string,
): void {
  const owner = earlier?.collection ?? collection;
  if (owner === collection) return;
  throw new StackloreError('already_exists', {
    message: `Document "${earlier?.docId}" belongs to collection "${owner}". Give another id, or delete it there first.`,
  });
}

/** What goes with a chunk into its hash. */
interface ChunkParts {
  readonly index: number;
  readonly embedding: Float32Array | undefined;
  /** Absent where the collection has no analyser. */
  readonly terms: ChunkTerms | undefined;
}

/** The HSET of each chunk of a document, with what the collection's index reads of it. */
export async function chunkWrites(
  collection: Collection,
  document: StoredDocument,
  {
    chunks,
    embeddings,
    keyPrefix,
  }: {
    readonly chunks: readonly NewChunk[];
    readonly embeddings: readonly Float32Array[];
    readonly keyPrefix: string;
  },
): Promise<RedisArgument[][]> {
  const analyser = await analyserOf(collection.manifest);
  const { title } = document;
  const worded = chunks.map(({ headings, text }) => ({ title, ...(headings && { headings }), text }));
  const terms = analyser && documentTerms(analyser, worded);
  const writer = chunkWriter(collection, document, keyPrefix);
  return chunks.map((chunk, index) => {
    return writer(chunk, { index, embedding: embeddings[index], terms: terms?.[index] });
  });
}

/** Prepares what all chunks of a document share, and gives the function that makes each chunk's HSET. */
function chunkWriter(collection: Collection, document: StoredDocument, keyPrefix: string) {
  const { docId, title, source, contentType, updatedAt, metadata = {} } = document;
  const { manifest, name } = collection;
  const updatedSeconds = Math.floor(updatedAt.getTime() / 1_000);
  const fields = fieldArguments(manifest.fields, metadata);
  const nodePrefix = nodePrefixOf(name, docId);
  const own = withoutReserved(metadata);

  return (chunk: NewChunk, { index, embedding, terms }: ChunkParts): RedisArgument[] => {
    checkVector(embedding, manifest.dimensions);
    if (manifest.vectorType === 'float16') checkFloat16(embedding);
    const { text, start, end, headings, page, inputHash } = chunk;
    const extra = chunk.metadata && withoutReserved(chunk.metadata);
    const record = writtenType(manifest) === 'float16' ? float16ChunkRecord : chunkRecord;
    const encoded = record.encode({
      embedding,
      text,
      metadata: { source, chunk_index: index, title, headings, start, end, page, ...own, ...extra },
      docId,
      nodeId: chunk.nodeId === undefined ? `${nodePrefix}-${index}` : checkId('node id', chunk.nodeId),
      source,
      contentType,
      updatedAt: updatedSeconds,
      inputHash,
      ...indexedFields(manifest, embedding, terms),
    });
    const declared = extra ? fieldArguments(manifest.fields, { ...metadata, ...extra }) : fields;
    return ['HSET', `${keyPrefix}${index}`, ...encoded, ...declared];
  };
}

/** What the index reads of a chunk beside its `embedding`, see `index-fields.ts`. */
function indexedFields(
  manifest: Manifest,
  embedding: Float32Array,
  terms: ChunkTerms | undefined,
): Partial<Chunk> {
  const { next } = manifest;
  return {
    ...(next?.includes('analysed')
      ? { analysedNext: terms?.analysed, analysedNearbyNext: terms?.analysedNearby }
      : terms),
    ...(next?.includes('embedding') && { embeddingNext: embedding }),
    ...(indexedVectorField(manifest) === 'embedding_float16' && { embeddingFloat16: embedding }),
  };
}

/**
 * The commands that make a version of a document appear under its key; the first removes what the earlier one leaves
 * over and replies `CLEARED`.
 */
export function publishCommands(
  key: string,
  {
    collection,
    document,
    writes,
  }: { collection: Collection; document: StoredDocument; writes: RedisArgument[][] },
): RedisArgument[][] {
  const { docId, hash, updatedAt } = document;
  const { name } = collection;
  const seconds = String(Math.floor(updatedAt.getTime() / 1_000));
  return [
    clearCommand(key, { docId, collection }),
    ...writes,
    ['HSET', key, ...documentRecord.encode(document)],
    ...clearAbsent(key, document),
    ['ZADD', documentIndexRecord.key.build({}), seconds, docId],
    ['ZADD', collectionDocumentsRecord.key.build({ collection: name }), seconds, docId],
    ['HSET', contentHashesRecord.key.build({ collection: name }), hash, docId],
  ];
}

/** What a write of an indexed chunk takes of a server that is busy otherwise, on top of the time any command gets. */
const MS_PER_WRITE = 2;

/** Carries out the commands that publish or delete a document of so many chunks, in one MULTI; gives the replies. */
export function sendAsOne(
  database: Database,
  commands: readonly RedisArgument[][],
  { chunks, commandTimeoutMs }: { chunks: number; commandTimeoutMs: number },
): Promise<unknown[]> {
  const timeoutMs = commandTimeoutMs + chunks * MS_PER_WRITE;
  // What is stored at that moment is removed first, so that a second time leaves the same.
  return database.transaction(commands, { timeoutMs, isRepeatable: true, isConfirmed: true });
}

/** An optional field that this version does not have must not stay from an earlier one. */
function clearAbsent(key: string, document: StoredDocument): RedisArgument[][] {
  const names = Object.keys(documentRecord.fields) as (keyof typeof documentRecord.fields)[];
  const absent = names.filter((name) => document[name] === undefined).map(snakeCase);
  return absent.length === 0 ? [] : [['HDEL', key, ...absent]];
}

/**
 * The command that removes the stored version's chunks and bumps the corpus version; runs first inside the MULTI of a
 * publish or a delete. A collection given whole must still be that one, see `CLEARED`.
 */
export function clearCommand(
  key: string,
  { docId, collection }: { docId: string; collection: Pick<Collection, 'name'> | Collection },
): RedisArgument[] {
  const { name } = collection;
  const { createdAt, manifest } = collectionRecord.fields;
  const expected =
    'manifest' in collection
      ? [createdAt.encode(collection.createdAt), manifest.encode(collection.manifest)]
      : ['', ''];
  return CLEAR_DOCUMENT.evalCommand([key], [docId, name, ...chunkTails(docId), ...expected]);
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
    const problem = problemOf(tag);
    if (problem === undefined) continue;
    throw new StackloreError('invalid_input', {
      message: `Metadata field "${name}" is declared as a tag, but ${problem}. Correct the document, or declare another field.`,
    });
  }
  return tags.map(String).join(TAG_SEPARATOR);
}

function problemOf(tag: unknown): string | undefined {
  if (typeof tag === 'number' || typeof tag === 'boolean') return undefined;
  if (typeof tag === 'string') return tagProblem(tag);
  return `holds ${excerpt(tag)}: tags are text, numbers, booleans or lists of these`;
}

/** A value short enough for a message. */
function excerpt(value: unknown): string {
  const json = JSON.stringify(value) ?? String(value);
  return json.length > 80 ? `${json.slice(0, 80)}…` : json;
}

/** What precedes the number in the ids of chunks that were given none: the same for the same document. */
export function nodePrefixOf(collection: string, docId: string): string {
  return digest('sha256', `${collection}\n${docId}`).slice(0, 32);
}

function withoutReserved(metadata: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(metadata).filter(([key]) => !isReserved(key)));
}

function isReserved(key: string): boolean {
  return (RESERVED_METADATA as readonly string[]).includes(key);
}
