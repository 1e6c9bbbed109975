import type { Database } from '../../redis/databases.ts';
import { collectionDocumentsRecord, type Manifest } from '../../schema/knowledge.ts';
import type { Collection } from './collections.ts';
import { chunkKey } from './document-ids.ts';
import { type ToldOfIndex, toldBytes } from './ft-index.ts';
import { readDocuments } from './read-documents.ts';
import { bytesPerDimension, savedPerDimension } from './stored-vectors.ts';

/** What a chunk of a collection takes of the server's memory, in bytes, on average. */
export interface ChunkMemory {
  readonly totalBytes: number;
  /** The chunk itself, as MEMORY USAGE tells it of a sample; `otherBytes` are metadata, ids and what Redis needs. */
  readonly hash: {
    readonly totalBytes: number;
    readonly vectorBytes: number;
    readonly textBytes: number;
    readonly wordsBytes: number;
    readonly otherBytes: number;
  };
  /** Its share of the index, as RediSearch tells it, which is about a sixth less than the server takes for it. */
  readonly index: {
    readonly totalBytes: number;
    readonly vectorBytes: number;
    /** What HNSW needs beside the vectors. */
    readonly graphBytes: number;
    readonly wordsBytes: number;
    readonly otherBytes: number;
  };
  /**
   * About what each option would take less; only those that the collection or its server does not have yet, and none where
   * there are fewer than 5,000 chunks.
   */
  readonly savings: {
    /** Vectors of float16: stacklore reindex --vector-type float16. */
    readonly float16Bytes?: number;
    /** Comparing all vectors instead of a graph: stacklore reindex --index flat. */
    readonly flatBytes?: number;
    /** Chunks in one allocation each: the server's hash-max-listpack-value. */
    readonly packedBytes?: number;
  };
}

/** Documents looked at, evenly from the oldest to the newest, and chunks of each: a look of some milliseconds. */
const SAMPLED_DOCUMENTS = 20;
const CHUNKS_OF_A_DOCUMENT = 5;
const WORD_FIELDS = ['analysed', 'analysed_nearby', 'analysed_next', 'analysed_nearby_next'] as const;
const VECTOR_FIELDS = ['embedding', 'embedding_float16', 'embedding_next'] as const;
/** What a FLAT index keeps of a chunk beside its vector. */
const FLAT_BYTES = 60;

/**
 * From how many chunks on savings are told: fewer take some megabytes in all, and of those the index keeps room for 1,024 at a
 * time, which would seem to be a graph's.
 */
const SAVINGS_FROM_CHUNKS = 5_000;

/** What is known of a collection by those who ask for its memory. */
export interface MemoryParts {
  /** How many documents it has; asked of the server where nobody has. */
  readonly documents?: number;
  /** What the server tells of its index; `undefined` when it is lost. */
  readonly told: ToldOfIndex | undefined;
  readonly savingsFrom?: number;
}

/** What the chunks of a collection take; `undefined` for one without chunks or whose index is lost. */
export async function readChunkMemory(
  database: Database,
  collection: Collection,
  { documents, told: info, savingsFrom = SAVINGS_FROM_CHUNKS }: MemoryParts,
): Promise<ChunkMemory | undefined> {
  const chunks = Number(info?.get('num_docs') ?? 0);
  if (!info || chunks === 0) return undefined;
  const sample = await sampleChunks(database, collection, documents);
  if (!sample) return undefined;
  const { hash, unpacked } = sample;
  const { manifest } = collection;
  const told = (...parts: string[]) => toldBytes(info, ...parts) / chunks;
  const vectors = told('vector_index');
  const vectorBytes = Math.min(vectors, manifest.dimensions * bytesPerDimension(manifest.vectorType));
  const words = manifest.analyser ? told('inverted', 'offset_vectors', 'text_overhead') : 0;
  const whole = told('whole');
  const index = rounded({
    totalBytes: whole,
    vectorBytes,
    graphBytes: vectors - vectorBytes,
    wordsBytes: words,
    otherBytes: Math.max(0, whole - vectors - words),
  });
  return {
    totalBytes: hash.totalBytes + index.totalBytes,
    hash,
    index,
    savings: chunks < savingsFrom ? {} : savings(manifest, { unpacked, graphBytes: index.graphBytes }),
  };
}

function savings(
  manifest: Manifest,
  { unpacked, graphBytes }: { unpacked: number; graphBytes: number },
): ChunkMemory['savings'] {
  const { dimensions, index } = manifest;
  const perDimension = savedPerDimension(manifest);
  return {
    ...(perDimension > 0 && { float16Bytes: dimensions * perDimension }),
    ...(index.kind === 'hnsw' && graphBytes > FLAT_BYTES && { flatBytes: graphBytes - FLAT_BYTES }),
    ...(unpacked > 0 && { packedBytes: unpacked }),
  };
}

interface ChunkSample {
  readonly hash: ChunkMemory['hash'];
  /** Bytes that chunks of many allocations would take less in one. */
  readonly unpacked: number;
}

/** A few chunks, weighed by how many their documents have. */
async function sampleChunks(
  database: Database,
  { name }: Collection,
  documents: number | undefined,
): Promise<ChunkSample | undefined> {
  const chunks = await sampledKeys(database, name, documents);
  const fields = ['text', ...VECTOR_FIELDS, ...WORD_FIELDS];
  const asked = chunks.flatMap(({ key }) => [
    ['MEMORY', 'USAGE', key, 'SAMPLES', '0'],
    ['OBJECT', 'ENCODING', key],
    ...fields.map((field) => ['HSTRLEN', key, field]),
  ]);
  const replies = await database.pipeline<number | string | null>(asked);
  const sums = { total: 0, text: 0, vectors: 0, words: 0, unpacked: 0, weight: 0 };
  for (const [at, { key, weight }] of chunks.entries()) {
    const width = fields.length + 2;
    const [usage, encoding, ...lengths] = replies.slice(at * width, (at + 1) * width);
    // Deleted since, or removed by hand.
    if (typeof usage !== 'number') continue;
    const [text = 0, ...others] = lengths.map(Number);
    const vectors = sum(others.slice(0, VECTOR_FIELDS.length));
    const words = sum(others.slice(VECTOR_FIELDS.length));
    const isLoose = encoding === 'hashtable';
    const packed = isLoose ? packedBytes(key, text + vectors + words + OTHER_VALUES_BYTES) : usage;
    sums.total += usage * weight;
    sums.text += text * weight;
    sums.vectors += vectors * weight;
    sums.words += words * weight;
    sums.unpacked += Math.max(0, usage - packed) * weight;
    sums.weight += weight;
  }
  if (sums.weight === 0) return undefined;
  const { total, text, vectors, words, unpacked, weight } = sums;
  const hash = rounded({
    totalBytes: total / weight,
    vectorBytes: vectors / weight,
    textBytes: text / weight,
    wordsBytes: words / weight,
    otherBytes: (total - text - vectors - words) / weight,
  });
  return { hash, unpacked: Math.round(unpacked / weight) };
}

/** Metadata, ids and the names of fields, about. */
const OTHER_VALUES_BYTES = 450;
/** What Redis needs for a key beside its name and value. */
const KEY_BYTES = 56;

/** What a hash would take in one allocation: jemalloc gives one of a few sizes, at most a quarter apart. */
function packedBytes(key: string, content: number): number {
  const step = 2 ** Math.max(4, Math.floor(Math.log2(content)) - 2);
  return Math.ceil(content / step) * step + Buffer.byteLength(key) + KEY_BYTES;
}

interface SampledKey {
  readonly key: string;
  /** How many chunks it stands for. */
  readonly weight: number;
}

async function sampledKeys(
  database: Database,
  collection: string,
  counted: number | undefined,
): Promise<SampledKey[]> {
  const list = collectionDocumentsRecord.key.build({ collection });
  const documents = counted ?? (await database.send<number>(['ZCARD', list]));
  const taken = Math.min(documents, SAMPLED_DOCUMENTS);
  const ranks = Array.from({ length: taken }, (_, at) =>
    String(Math.floor(((at + 0.5) * documents) / taken)),
  );
  const docIds = (
    await database.pipeline<string[]>(ranks.map((rank) => ['ZRANGE', list, rank, rank]))
  ).flat();
  const { items } = await readDocuments(database, docIds);
  return items.flatMap(({ docId, chunkCount: count }) => {
    const read = Math.min(count, CHUNKS_OF_A_DOCUMENT);
    return Array.from({ length: read }, (_, n) => {
      const number = Math.floor(((n + 0.5) * count) / read);
      return { key: chunkKey(collection, docId, number), weight: count / read };
    });
  });
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function rounded<T extends Readonly<Record<string, number>>>(bytes: T): T {
  return Object.fromEntries(Object.entries(bytes).map(([part, value]) => [part, Math.round(value)])) as T;
}
