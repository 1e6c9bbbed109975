import type { Embedder } from '../../embed/embedder.ts';
import { StackloreError } from '../../errors.ts';
import { chunkRecord } from '../../schema/knowledge.ts';
import type { ForeignRow } from './layout.ts';

const ROWS_TRIED = 3;
const LONG_TEXT = 800;
/** Tools embed metadata along with a text, so even the same model gives other vectors; another one has nothing alike. */
const LEAST_SIMILARITY = 0.3;

/** Throws `manifest_mismatch` when vectors are said to be of another model than the configured one. */
export function requireStatedModel(stated: string, configured: string): void {
  if (stated === configured) return;
  throw new StackloreError('manifest_mismatch', {
    message: `The vectors are of model ${stated.slice(0, 100)}, and searches are embedded with ${configured}. Configure the first one and use a new collection, or embed again (--reembed).`,
  });
}

/**
 * Throws `manifest_mismatch` when the vectors of some rows, which say nothing of their model, do not look as if the
 * configured one had made them: dimensions alone cannot tell models apart. Gives whether there was any to tell by.
 */
export async function requireLikeModel(embedder: Embedder, rows: readonly ForeignRow[]): Promise<boolean> {
  const { dimensions, model } = embedder;
  const similarities: number[] = [];
  for (const { text, vector, model: stated } of [...rows].sort(tellsMore).slice(0, ROWS_TRIED)) {
    // A stated one is compared by its name.
    if (stated !== undefined || vector?.byteLength !== dimensions * 4) continue;
    const [own] = await embedder.embedTexts([text]).catch((error: unknown) => {
      // A text that is too long for the model tells nothing.
      if (error instanceof StackloreError && error.code === 'too_large') return [];
      throw error;
    });
    const similarity = own ? cosine(own, chunkRecord.fields.embedding.decode(vector)) : Number.NaN;
    // Not of a vector that holds NaN, or only zeros.
    if (Number.isFinite(similarity)) similarities.push(similarity);
  }
  const best = Math.max(...similarities);
  if (similarities.length === 0) return false;
  if (best >= LEAST_SIMILARITY) return true;
  throw new StackloreError('manifest_mismatch', {
    message: `The vectors do not look as if ${model.name} had made them (similarity to its own ${best.toFixed(2)} at best), so searches would find the wrong texts. Configure the model they were made with, embed again (--reembed), or, if they are of this model after all, say so (--vector-model ${model.name}).`,
  });
}

/** Metadata outweighs a text of a few words, and most models do not read very long ones. */
function tellsMore(a: ForeignRow, b: ForeignRow): number {
  const weight = ({ text }: ForeignRow) => (text.length > LONG_TEXT ? 0 : text.length);
  return weight(b) - weight(a);
}

function cosine(a: Float32Array, b: Float32Array): number {
  let [dot, lengthA, lengthB] = [0, 0, 0];
  for (const [at, x] of a.entries()) {
    const y = b[at] ?? 0;
    dot += x * y;
    lengthA += x * x;
    lengthB += y * y;
  }
  return dot / Math.sqrt(lengthA * lengthB);
}
