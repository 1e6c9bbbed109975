import type { Database, RedisArgument } from '../../../redis/databases.ts';
import { chunkKeyPrefix } from '../document-ids.ts';
import { chunkKeysAt, numbersInBatches, PARKED } from './places.ts';
import { type Publication, PublicationLost } from './publication.ts';
import { FREE_CHUNK, WRITE_CHUNK } from './scripts/fenced-chunk.ts';

/** Others are served between two batches. */
const CHUNKS_PER_WRITE = 100;

/** The fields of a document's nth chunk, name and value in turn. */
export type ChunkFields = readonly RedisArgument[];

/** Writes chunks of a generation at the numbers from `start`. Throws `PublicationLost`. */
export async function writeChunks(
  database: Database,
  publication: Publication,
  { start, generation, chunks }: { start: number; generation: number; chunks: readonly ChunkFields[] },
): Promise<void> {
  const { collection, docId } = publication.target;
  const prefix = chunkKeyPrefix(collection, docId);
  for (const numbers of numbersInBatches(0, chunks.length, CHUNKS_PER_WRITE)) {
    await publication.renew();
    const writes = numbers.map((n) =>
      WRITE_CHUNK.evalCommand([`${prefix}${start + n}`], [String(generation), ...(chunks[n] ?? [])]),
    );
    const written = await database.pipeline<number>(writes);
    if (written.includes(0)) throw new PublicationLost(`a later version of "${docId}" is being written`);
  }
}

/**
 * Writes the chunks that are parked at their places from 0 as well, as another generation. Throws `PublicationLost`.
 */
export async function copyParked(
  database: Database,
  publication: Publication,
  { chunkCount, generation }: { chunkCount: number; generation: number },
): Promise<void> {
  const { collection, docId } = publication.target;
  const prefix = chunkKeyPrefix(collection, docId);
  for (const numbers of numbersInBatches(0, chunkCount, CHUNKS_PER_WRITE)) {
    await publication.renew();
    const parked = await database.pipeline<Buffer[]>(
      numbers.map((n) => ['HGETALL', `${prefix}${PARKED + n}`]),
      { buffers: true },
    );
    // One that is missing was removed by hand: there is nothing to write then.
    const writes = parked.flatMap((fields, at) => {
      if (fields.length === 0) return [];
      const key = `${prefix}${numbers[at]}`;
      return [WRITE_CHUNK.evalCommand([key], [String(generation), ...withoutGeneration(fields)])];
    });
    const written = await database.pipeline<number>(writes);
    if (written.includes(0)) throw new PublicationLost(`a later version of "${docId}" is being written`);
  }
}

function withoutGeneration(fields: readonly Buffer[]): Buffer[] {
  const kept: Buffer[] = [];
  for (let at = 0; at + 1 < fields.length; at += 2) {
    const [name, value] = fields.slice(at, at + 2) as [Buffer, Buffer];
    if (name.toString() !== 'generation') kept.push(name, value);
  }
  return kept;
}

/** Removes chunks older than a generation at the numbers from `from` on, below `to`. */
export async function freeChunks(
  database: Database,
  publication: Publication,
  { from, to, below }: { from: number; to: number; below: number },
): Promise<void> {
  const { collection, docId } = publication.target;
  for (const numbers of numbersInBatches(from, to, CHUNKS_PER_WRITE)) {
    await publication.renew();
    const keys = numbers.flatMap((n) => chunkKeysAt(collection, docId, n));
    await database.pipeline(keys.map((key) => FREE_CHUNK.evalCommand([key], [String(below)])));
  }
}
