import { z } from 'zod';
import { boolean, float32, fraction, integer, json, jsonObject, text, timestamp } from './fields.ts';
import { float16 } from './float16.ts';
import { hash, map, sortedSet, string, type ValueOf } from './record.ts';

/** What precedes every chunk key of a collection; an FT index of the collection has exactly this prefix. */
export const CHUNK_PREFIX = 'llama_index/vector_store/';

/** Metadata keys that stacklore itself writes into a chunk's `metadata`; documents cannot set them. */
export const RESERVED_METADATA = [
  'source',
  'chunk_index',
  'title',
  'headings',
  'start',
  'end',
  'page',
] as const;

/** A chunk of a document's text with its embedding. */
export const chunkRecord = hash({
  database: 'knowledge',
  key: 'llama_index/vector_store/{collection}/{chunkId}',
  description:
    'A piece of a document with its embedding; `chunk_id` is `{doc_id}_chunk_{n}`, n from 0. In a collection with `storedVectors` float16 `embedding` has 2 bytes a dimension.',
  fields: {
    embedding: float32,
    text,
    metadata: jsonObject,
    docId: text,
    nodeId: text,
    source: text.optional(),
    contentType: text.optional(),
    updatedAt: integer.optional(),
    inputHash: text.optional(),
    // The terms that words of a query are looked up in: title twice, headings, text.
    analysed: text.optional(),
    // Those of the chunks before and after that are not in it.
    analysedNearby: text.optional(),
    // What the index reads where `vectorType` is float16 and `storedVectors` is not.
    embeddingFloat16: float16.optional(),
    // Written by a reindex beside the fields of these names, see `manifest.next`.
    embeddingNext: float32.optional(),
    analysedNext: text.optional(),
    analysedNearbyNext: text.optional(),
    // Which publish of its document wrote it, where that is done in steps: it counts only while the document names it.
    generation: integer.optional(),
  },
});
export type Chunk = ValueOf<typeof chunkRecord>;

/** A chunk of a collection that stores its vectors as float16. */
export const float16ChunkRecord = hash({
  database: 'knowledge',
  key: chunkRecord.key.template,
  description: chunkRecord.description,
  fields: { ...chunkRecord.fields, embedding: float16 },
});

/** What is known of one ingested source. */
export const documentRecord = hash({
  database: 'knowledge',
  key: 'doc:{docId}:metadata',
  description: 'What is known of one ingested source; `hash` is its content hash.',
  fields: {
    title: text,
    source: text,
    contentType: text,
    createdAt: timestamp,
    updatedAt: timestamp,
    chunkCount: integer,
    wordCount: integer,
    hash: text,
    collection: text.optional(),
    manifestHash: text.optional(),
    metadata: jsonObject.optional(),
    // `file`, `url`, `stdin` or `program`; and the source that holds the document as one of its rows.
    origin: text.optional(),
    container: text.optional(),
    // Of documents that are published in steps: the generation of the chunks that count, and where their numbers start, by
    // default at 0. They start elsewhere only for the moment in which the places from 0 are written.
    generation: integer.optional(),
    chunkStart: integer.optional(),
  },
});
export type DocumentMetadata = ValueOf<typeof documentRecord>;

/** A single statement the assistant may rely on. */
export const factRecord = hash({
  database: 'knowledge',
  key: 'fact:{factId}',
  description: 'A single statement with its confidence (0.0 to 1.0).',
  fields: {
    content: text,
    category: text,
    confidence: fraction,
    source: text,
    createdAt: timestamp,
    verified: boolean,
    // Ours; other writers have none. `userId` is whose fact it is, where it is one user's; `inputHash` says what the
    // embedding was made of: model and content.
    userId: text.optional(),
    embedding: float32.optional(),
    contentHash: text.optional(),
    inputHash: text.optional(),
  },
});
export type Fact = ValueOf<typeof factRecord>;

/** Every document of every collection. */
export const documentIndexRecord = sortedSet({
  database: 'knowledge',
  key: 'index:documents',
  description: 'Every document of every collection.',
  member: 'doc_id',
  score: 'last update, Unix seconds',
});

/** Names by which filters and metadata mean something every document has itself; it would hide a declared field. */
const TAKEN_FIELD_NAMES: readonly string[] = [
  ...['source', 'content_type', 'doc_id', 'updated'],
  ...RESERVED_METADATA,
];

const fieldName = z
  .string('a name is missing')
  .regex(/^[a-z][a-z0-9_]{0,62}$/, 'lower-case letters, digits and _, a letter first, 63 at most')
  .refine((name) => !TAKEN_FIELD_NAMES.includes(name), {
    error: ({ input }) => `"${input}" is something every document has itself; use another name`,
  });

/** A metadata field that a collection makes filterable. */
export const collectionField = z.strictObject({ name: fieldName, type: z.enum(['tag', 'number']) });
export type CollectionField = z.output<typeof collectionField>;

/** What the vectors of a collection were made with; two collections compare only when this is equal. */
const embeddingModel = z.strictObject({
  name: z.string(),
  weightsSha256: z.string(),
  tokenizerSha256: z.string(),
  pooling: z.enum(['mean', 'cls', 'last']),
  maxTokens: z.int().positive(),
  queryPrefix: z.string(),
  documentPrefix: z.string(),
});

/** How texts become terms, in chunks and queries alike. */
const analyserSettings = z.strictObject({ version: z.int().positive(), language: z.string().min(1) });
export type AnalyserSettings = z.output<typeof analyserSettings>;

/** The index that serves a collection. */
const indexSettings = z.strictObject({
  kind: z.enum(['hnsw', 'flat']),
  m: z.int().min(2).max(512),
  efConstruction: z.int().min(1).max(4096),
  efRuntime: z.int().min(1).max(4096),
  /** The kind follows from the size of the collection. Absent: it stays what the collection was made with. */
  auto: z.literal(true).optional(),
});
export type IndexSettings = z.output<typeof indexSettings>;

/** What an index can be asked for as: `auto` is the kind that suits the collection's size. */
export const indexChoice = z.enum(['auto', 'hnsw', 'flat']);
export type IndexChoice = z.output<typeof indexChoice>;

/** How exactly an index keeps vectors. */
export const vectorType = z.enum(['float32', 'float16']);
export type VectorType = z.output<typeof vectorType>;

/** A field of chunks that a reindex writes anew. */
const nextField = z.enum(['embedding', 'analysed']);
export type NextField = z.output<typeof nextField>;

/** Everything that makes a collection's chunks comparable with each other and with a query. */
export const manifest = z.strictObject({
  formatVersion: z.literal(1),
  /** `null`: vectors are given by the caller, text can neither be ingested nor searched. */
  model: embeddingModel.nullable(),
  dimensions: z.int().min(1).max(32_768),
  metric: z.literal('COSINE'),
  /** How exactly the index keeps vectors. */
  vectorType,
  /** How `embedding` of chunks holds them; absent: float32, and an index of float16 reads `embedding_float16`. */
  storedVectors: vectorType.optional(),
  chunker: z.strictObject({ version: z.int(), size: z.int().positive(), overlap: z.int().nonnegative() }),
  fields: z.array(collectionField),
  index: indexSettings,
  /** Absent: chunks can be found by their vectors alone. */
  analyser: analyserSettings.optional(),
  /**
   * Fields that the index reads from those named `…_next`, `analysed` with `analysed_nearby`, from the switch of a
   * reindex until it is finished; model, dimensions and analyser are those of the new ones.
   */
  next: z.array(nextField).optional(),
  /** Documents are published in steps, by generations of their chunks. Absent: in one MULTI, but on a cluster. */
  publish: z.literal('generations').optional(),
});
export type Manifest = z.output<typeof manifest>;
/** How documents are cut into chunks, in tokens of the model. */
export type ChunkerSettings = Manifest['chunker'];

/** A collection: its manifest, its corpus version (bumped by every publish and delete) and the index serving it. */
export const collectionRecord = hash({
  database: 'knowledge',
  key: 'stacklore:collection:{collection}',
  description:
    'A collection: manifest, corpus version (bumped by each publish and delete), name of its FT index.',
  isHelper: true,
  fields: { manifest: json(manifest), version: integer, index: text, createdAt: timestamp },
});

/** The part of a manifest that a reindex changes; `null`: no analyser. */
const reindexedSettings = z.strictObject({
  model: embeddingModel.optional(),
  dimensions: z.int().positive().optional(),
  analyser: analyserSettings.nullable().optional(),
  index: indexSettings.optional(),
  vectorType: vectorType.optional(),
  storedVectors: vectorType.optional(),
  chunker: manifest.shape.chunker.optional(),
});
export type ReindexedSettings = z.output<typeof reindexedSettings>;

/** A reindex under way, or that can still be rolled back; how far it is tells the collection's `index` or chunker. */
export const reindexRecord = hash({
  database: 'knowledge',
  key: 'stacklore:reindex:{collection}',
  description: 'A reindex that is not finished: what it changes, and the indexes before and after.',
  isHelper: true,
  fields: {
    changes: json(reindexedSettings),
    /** What the changes replaced. */
    before: json(reindexedSettings).optional(),
    index: text,
    previousIndex: text,
    /** When the collection was created: one dropped and made anew is another. */
    collectionCreatedAt: timestamp,
    startedAt: timestamp,
    intent: text,
  },
});
export type Reindex = ValueOf<typeof reindexRecord>;

/** Held by the process that carries a reindex out. */
export const reindexLockRecord = string({
  database: 'knowledge',
  key: 'stacklore:reindex-lock:{collection}',
  description: 'Held by the process that carries a reindex out.',
  isHelper: true,
  ttlSeconds: 15,
  value: text,
});

/** Held by the process that ingests a source or publishes a document, so that another one waits for it. */
export const ingestLeaseRecord = string({
  database: 'knowledge',
  key: 'stacklore:ingest-lease:{subjectHash}',
  description:
    'Held by the process that ingests a source, or a document of this id or text: host, process and a random id.',
  isHelper: true,
  isTransient: true,
  ttlSeconds: 15,
  value: text,
});

/** The names of all collections. */
export const collectionsRecord = sortedSet({
  database: 'knowledge',
  key: 'stacklore:collections',
  description: 'The names of all collections.',
  isHelper: true,
  member: 'collection',
  score: 'creation, Unix seconds',
});

/** The documents of one collection. */
export const collectionDocumentsRecord = sortedSet({
  database: 'knowledge',
  key: 'stacklore:documents:{collection}',
  description: 'The documents of one collection.',
  isHelper: true,
  member: 'doc_id',
  score: 'last update, Unix seconds',
});

/** Which document of a collection holds a content hash, to recognise equal content under another source. */
export const contentHashesRecord = map({
  database: 'knowledge',
  key: 'stacklore:hashes:{collection}',
  description: 'Which document of a collection holds which content.',
  isHelper: true,
  field: 'content hash',
  value: 'doc_id',
});

/** What a search found, kept for its further pages. */
export const searchCursorRecord = string({
  database: 'knowledge',
  key: 'stacklore:cursor:{cursorId}',
  description: 'What a search with `cursor` found, in its order, kept for further pages; renewed by each.',
  ttlSeconds: 600,
  isHelper: true,
  isTransient: true,
  value: text,
});

/** A question whose answer is in the response cache, so that it can be found by meaning. */
export const cachedQuestionRecord = hash({
  database: 'knowledge',
  key: 'stacklore:cached-question:{dimensions}:{partition}:{paramsHash}',
  description:
    'A question whose answer is at `cache:api:search:{params_hash}`, found by its vector among those of its partition.',
  ttlSeconds: 300,
  isTtlConfigurable: true,
  isHelper: true,
  isTransient: true,
  fields: {
    query: text,
    embedding: float32,
    // Hash of all else that was asked: options, corpus versions, model and scope.
    partition: text,
    paramsHash: text,
  },
});
export type CachedQuestion = ValueOf<typeof cachedQuestionRecord>;

/** What the vectors of facts are made with. */
export const factsManifest = z.strictObject({
  formatVersion: z.literal(1),
  model: embeddingModel,
  dimensions: z.int().min(1).max(32_768),
});
export type FactsManifest = z.output<typeof factsManifest>;

/** The model that embeds facts; vectors of another one are not comparable with theirs. */
export const factsManifestRecord = string({
  database: 'knowledge',
  key: 'stacklore:facts',
  description: 'The model that embeds facts, and its dimensions.',
  isHelper: true,
  value: json(factsManifest),
});

/** Who brings records in key by key; what seems to be missing meanwhile may still come. */
export const arrivalsRecord = sortedSet({
  database: 'knowledge',
  key: 'stacklore:arriving',
  description:
    'Restores and migrations under way: meanwhile nothing is deleted for what seems to be missing.',
  ttlSeconds: 61,
  isHelper: true,
  isTransient: true,
  member: 'a random id of the run',
  score: 'end of its hold unless renewed, Unix seconds',
});
