import type { Database, RedisArgument } from '../../redis/databases.ts';
import { float32 } from '../../schema/fields.ts';
import { float16 } from '../../schema/float16.ts';
import type { Manifest, VectorType } from '../../schema/knowledge.ts';
import { fitsFloat16, notFloat16 } from './check-vector.ts';
import { indexedVectorField } from './index-fields.ts';
import { ADD_DERIVED_FIELDS } from './scripts/add-derived-fields.ts';

/** What tells how a collection's vectors are stored. */
export type VectorSettings = Pick<Manifest, 'dimensions' | 'vectorType' | 'storedVectors' | 'next'>;

/**
 * How `embedding` of a chunk is written. Until a reindex is finished it is of float32 beside `embedding_next`, as a
 * roll-back tells by equal bytes what was published since the switch.
 */
export function writtenType({ storedVectors = 'float32', next }: VectorSettings): VectorType {
  return next?.includes('embedding') ? 'float32' : storedVectors;
}

/** A stored vector; `undefined` where there is none, or the bytes cannot be one. */
export function decodeVector(settings: VectorSettings, bytes: Buffer | undefined): Float32Array | undefined {
  if (!bytes) return undefined;
  // Told by its length: while a reindex to float16 is finished, chunks of both kinds are read.
  const { vectorType, dimensions } = settings;
  if (vectorType === 'float16' && bytes.byteLength === dimensions * 2) return float16.decode(bytes);
  return bytes.byteLength % 4 === 0 ? float32.decode(bytes) : undefined;
}

/** A vector as bytes of a type. */
export function encodeVector(type: VectorType, vector: Float32Array): RedisArgument {
  return (type === 'float16' ? float16 : float32).encode(vector);
}

/** How long a vector of a type is. */
export function bytesPerDimension(type: VectorType): number {
  return type === 'float16' ? 2 : 4;
}

/** Bytes of each dimension that a chunk's hash holds while no reindex goes on. */
export function storedPerDimension(settings: VectorSettings): number {
  const own = bytesPerDimension(writtenType(settings));
  return indexedVectorField(settings) === 'embedding_float16' ? own + bytesPerDimension('float16') : own;
}

/** Bytes of each dimension that index and chunk together would take less, once both have float16. */
export function savedPerDimension(settings: VectorSettings): number {
  return (
    bytesPerDimension(settings.vectorType) + storedPerDimension(settings) - 2 * bytesPerDimension('float16')
  );
}

/** From which field of chunks to which one a vector goes, and as what it is written there. */
export interface VectorConversion {
  readonly from: 'embedding' | 'embedding_next';
  readonly to: 'embedding' | 'embedding_next' | 'embedding_float16';
  readonly type: VectorType;
  readonly dimensions: number;
}

const CHUNKS_PER_WRITE = 200;

/**
 * Gives chunks one form of their vectors made of another; may be repeated, and runs beside other writers. Chunks without
 * a vector of these dimensions are left alone. Gives how many were written. Throws `invalid_vector` in the end for
 * one that float16 cannot hold.
 */
export async function convertVectors(
  database: Database,
  keys: readonly string[],
  { from, to, type, dimensions }: VectorConversion,
): Promise<number> {
  let written = 0;
  let lost: string | undefined;
  for (let at = 0; at < keys.length; at += CHUNKS_PER_WRITE) {
    const page = keys.slice(at, at + CHUNKS_PER_WRITE);
    const stored = await database.pipeline<Buffer | null>(
      page.map((key) => ['HGET', key, from]),
      { buffers: true },
    );
    const writes: RedisArgument[][] = [];
    for (const [index, bytes] of stored.entries()) {
      const vector = bytes && vectorOf(bytes, dimensions);
      if (!bytes || !vector) continue;
      if (type === 'float16' && !fitsFloat16(vector)) {
        lost ??= page[index];
        continue;
      }
      const made = encodeVector(type, vector);
      if (from === to && bytes.equals(Buffer.from(made))) continue;
      writes.push(ADD_DERIVED_FIELDS.evalCommand([page[index] as string], ['1', from, bytes, to, made]));
    }
    const replies = await database.pipeline<number>(writes);
    written += replies.filter((count) => count > 0).length;
  }
  if (lost !== undefined) throw notFloat16(`The vector of chunk ${lost}`);
  return written;
}

function vectorOf(bytes: Buffer, dimensions: number): Float32Array | undefined {
  if (bytes.byteLength === dimensions * 4) return float32.decode(bytes);
  return bytes.byteLength === dimensions * 2 ? float16.decode(bytes) : undefined;
}

/** Gives chunks that were written by other settings the vectors that the index reads now, of the same model. */
export async function convertToIndexed(
  database: Database,
  keys: readonly string[],
  settings: VectorSettings,
): Promise<boolean> {
  const { dimensions, vectorType: type } = settings;
  const to = indexedVectorField(settings);
  return (await convertVectors(database, keys, { from: 'embedding', to, type, dimensions })) > 0;
}
