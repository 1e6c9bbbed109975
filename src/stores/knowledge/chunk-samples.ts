import type { Database, RedisArgument } from '../../redis/databases.ts';
import { chunkRecord, collectionDocumentsRecord, documentRecord } from '../../schema/knowledge.ts';
import { hasDirection } from './check-vector.ts';
import type { Collection } from './collections.ts';
import { chunkIdOf } from './document-ids.ts';
import { embeddingField } from './index-fields.ts';
import { decodeVector } from './stored-vectors.ts';

/** A chunk of a sample: where it belongs and its vector. */
export interface SampledChunk {
  readonly chunkId: string;
  readonly docId: string;
  readonly title: string;
  readonly embedding: Float32Array;
}

/** Some chunks of a collection, and how many there are. */
export interface ChunkSample {
  readonly sampled: readonly SampledChunk[];
  readonly documents: number;
  /** Estimated where the collection has more than 10,000 documents. */
  readonly chunks: number;
}

interface CountedDocument {
  readonly docId: string;
  readonly title: string;
  readonly chunkCount: number;
  readonly chunkStart: number;
}

/** Of more documents so many are looked at, evenly among all. */
const MOST_DOCUMENTS = 10_000;
const PER_READ = 500;

/** Chunks that stand for a collection: evenly from all of its documents, the same for the same state. */
export class ChunkSamples {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** At most `limit` chunks, in the order of their documents; those without a vector that can be compared are left out. */
  async take(collection: Collection, limit: number): Promise<ChunkSample> {
    const key = collectionDocumentsRecord.key.build({ collection: collection.name });
    const documents = await this.#database.send<number>(['ZCARD', key]);
    const counted = await this.#count(await this.#docIds(key, documents));
    const chunks = counted.reduce((sum, { chunkCount }) => sum + chunkCount, 0);
    const sampled = await this.#read(collection, places(counted, { chunks, limit }));
    const share = counted.length === 0 ? 1 : documents / counted.length;
    return { sampled, documents, chunks: Math.round(chunks * Math.max(1, share)) };
  }

  /** The ids of all documents in the order of their last update, or of every nth. */
  async #docIds(key: string, documents: number): Promise<string[]> {
    if (documents <= MOST_DOCUMENTS) return this.#database.send<string[]>(['ZRANGE', key, '0', '-1']);
    const ranks = evenly(documents, MOST_DOCUMENTS).map(String);
    const found = await this.#inPages(ranks, (page) =>
      this.#database.pipeline<string[]>(page.map((rank) => ['ZRANGE', key, rank, rank])),
    );
    return found.flat();
  }

  async #count(docIds: readonly string[]): Promise<CountedDocument[]> {
    const read = async (page: readonly string[]) => {
      const places = page.flatMap((docId) =>
        documentRecord.key.candidates({ docId }).map((key) => ({ docId, key })),
      );
      const replies = await this.#database.pipeline<(string | null)[]>(
        places.map(({ key }) => ['HMGET', key, 'title', 'chunk_count', 'chunk_start']),
      );
      const found = new Map<string, CountedDocument>();
      for (const [at, [title, count, start]] of replies.entries()) {
        const docId = places[at]?.docId as string;
        const chunkCount = Number(count ?? Number.NaN);
        if (found.has(docId) || !Number.isSafeInteger(chunkCount) || chunkCount < 0) continue;
        found.set(docId, { docId, title: title ?? '', chunkCount, chunkStart: Number(start ?? 0) });
      }
      return [...found.values()];
    };
    return this.#inPages(docIds, read);
  }

  async #read(
    { name, manifest }: Collection,
    chunks: readonly Omit<SampledChunk, 'embedding'>[],
  ): Promise<SampledChunk[]> {
    return this.#inPages(chunks, async (page) => {
      const stored = page.flatMap((chunk) => {
        const { chunkId } = chunk;
        return chunkRecord.key.candidates({ collection: name, chunkId }).map((key) => ({ chunk, key }));
      });
      const commands: RedisArgument[][] = stored.map(({ key }) => ['HGET', key, embeddingField(manifest)]);
      const replies = await this.#database.pipeline<Buffer | null>(commands, { buffers: true });
      const found = new Map<string, SampledChunk>();
      for (const [at, bytes] of replies.entries()) {
        const embedding = decodeVector(manifest, bytes ?? undefined);
        const { chunk } = stored[at] as (typeof stored)[number];
        if (embedding?.length !== manifest.dimensions || found.has(chunk.chunkId)) continue;
        if (hasDirection(embedding)) found.set(chunk.chunkId, { ...chunk, embedding });
      }
      return [...found.values()];
    });
  }

  /** Page after page, so that other clients are served in between. */
  async #inPages<T, R>(all: readonly T[], read: (page: readonly T[]) => Promise<R[]>): Promise<R[]> {
    const found: R[] = [];
    for (let at = 0; at < all.length; at += PER_READ)
      found.push(...(await read(all.slice(at, at + PER_READ))));
    return found;
  }
}

/** So many numbers below `total`, evenly from the first stretch to the last; all of them where there are no more. */
function evenly(total: number, count: number): number[] {
  const wanted = Math.min(total, count);
  return Array.from({ length: wanted }, (_, at) => Math.floor(((at + 0.5) * total) / wanted));
}

/** Which chunks to read: evenly over all chunks of the documents, one after the other. */
function places(
  documents: readonly CountedDocument[],
  { chunks, limit }: { chunks: number; limit: number },
): Omit<SampledChunk, 'embedding'>[] {
  const numbers = evenly(chunks, limit);
  const found: Omit<SampledChunk, 'embedding'>[] = [];
  let before = 0;
  let next = 0;
  for (const { docId, title, chunkCount, chunkStart } of documents) {
    for (
      let number = numbers[next];
      number !== undefined && number < before + chunkCount;
      number = numbers[next]
    ) {
      found.push({ chunkId: chunkIdOf(docId, chunkStart + number - before), docId, title });
      next += 1;
    }
    before += chunkCount;
  }
  return found;
}
