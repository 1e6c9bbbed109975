import type { Database } from '../../redis/databases.ts';
import { float16 } from '../../schema/float16.ts';
import { ChunkSamples } from '../../stores/knowledge/chunk-samples.ts';
import type { Collection } from '../../stores/knowledge/collections.ts';

/** Chunks compared, and how many of them are asked for the others: some 0.3 s of computing at 384 dimensions. */
const SAMPLED_CHUNKS = 2_000;
const QUERIES = 100;
const NEAREST = 10;

/**
 * Which share of the chunks nearest to another is kept when the stored vectors are rounded to float16, 0 to 1; among a
 * sample, where neighbours lie further apart than among all chunks. `undefined` for a collection without vectors.
 */
export async function float16Recall(
  knowledge: Database,
  collection: Collection,
): Promise<number | undefined> {
  const { sampled } = await new ChunkSamples(knowledge).take(collection, SAMPLED_CHUNKS);
  const vectors = sampled.map(({ embedding }) => normalised(embedding));
  if (vectors.length <= NEAREST) return undefined;
  const rounded = vectors.map((vector) => normalised(float16.decode(Buffer.from(float16.encode(vector)))));
  const step = Math.max(1, Math.floor(vectors.length / QUERIES));
  let kept = 0;
  let asked = 0;
  for (let at = 0; at < vectors.length; at += step) {
    const query = vectors[at] as Float32Array;
    const exact = new Set(nearest(query, vectors, at));
    // As a query is: rounded as the index rounds it.
    kept += nearest(rounded[at] as Float32Array, rounded, at).filter((one) => exact.has(one)).length;
    asked += NEAREST;
  }
  return kept / asked;
}

/** The vectors nearest to one by their numbers, itself left out. */
function nearest(query: Float32Array, vectors: readonly Float32Array[], own: number): number[] {
  const best: { at: number; score: number }[] = [];
  for (const [at, vector] of vectors.entries()) {
    if (at === own) continue;
    let score = 0;
    for (let dimension = 0; dimension < query.length; dimension += 1) {
      score += (query[dimension] as number) * (vector[dimension] as number);
    }
    if (best.length === NEAREST && score <= (best[NEAREST - 1]?.score ?? 0)) continue;
    const place = best.findIndex((one) => one.score < score);
    best.splice(place < 0 ? best.length : place, 0, { at, score });
    best.length = Math.min(best.length, NEAREST);
  }
  return best.map(({ at }) => at);
}

function normalised(vector: Float32Array): Float32Array {
  const length = Math.hypot(...vector);
  return vector.map((value) => value / length);
}
