import type { Embedder } from '../embed/embedder.ts';
import { StackloreError } from '../errors.ts';
import type { ChunkerSettings } from '../schema/knowledge.ts';
import { chunkDocument, type TextChunk } from './chunk.ts';
import { hashInput } from './chunk-input.ts';
import type { CuttableText } from './parse/document.ts';

export type { CuttableText } from './parse/document.ts';

/** Most chunks of one document unless told otherwise. */
export const DEFAULT_MAX_CHUNKS = 5_000;
/** The event loop gets a turn after this many chunks, so that a long document does not hold up connections. */
const CHUNKS_PER_TURN = 32;
/** A document with at most so many chunks to embed, a second or two, is finished when its ingest is interrupted. */
const MOST_FINISHED = 50;

/** A chunk, and the hash of what is embedded for it. */
export type HashedChunk = TextChunk & { readonly inputHash: string };

/** The chunks of a document by a collection's settings. Throws `too_large` where there are more than allowed. */
export async function cutIntoChunks(
  document: CuttableText,
  {
    embedder: { tokenizer, model },
    chunker: { size, overlap },
    maxChunks = DEFAULT_MAX_CHUNKS,
  }: {
    readonly embedder: Pick<Embedder, 'tokenizer' | 'model'>;
    readonly chunker: ChunkerSettings;
    readonly maxChunks?: number | undefined;
  },
): Promise<HashedChunk[]> {
  const { maxTokens, documentPrefix } = model;
  const options = { size, overlap, tokenizer, maxTokens, documentPrefix };
  const chunks: HashedChunk[] = [];
  for (const chunk of chunkDocument(document, options)) {
    if (chunks.length === maxChunks) throw tooManyChunks(maxChunks);
    chunks.push({ ...chunk, inputHash: hashInput(chunk.input) });
    if (chunks.length % CHUNKS_PER_TURN === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  return chunks;
}

/**
 * One vector a chunk: the known one where exactly this input was embedded before, a new one elsewhere. Throws `aborted` when
 * the signal ends it, which only a document with many chunks to embed is left by: others are embedded in a moment.
 */
export async function embedChunks(
  embedder: Embedder,
  chunks: readonly HashedChunk[],
  known: Map<string, Float32Array>,
  { signal }: { readonly signal?: AbortSignal } = {},
): Promise<{ vectors: Float32Array[]; made: number }> {
  const missing = chunks.filter((chunk) => !known.has(chunk.inputHash));
  const isLong = missing.length > MOST_FINISHED;
  const made = await embedder.embedTexts(
    missing.map((chunk) => chunk.input),
    isLong && signal ? { signal } : {},
  );
  for (const [index, chunk] of missing.entries()) known.set(chunk.inputHash, made[index] as Float32Array);
  return { vectors: chunks.map((chunk) => known.get(chunk.inputHash) as Float32Array), made: missing.length };
}

/** The refusal of a document that would be cut into more chunks than allowed. */
export function tooManyChunks(maxChunks: number): StackloreError {
  return new StackloreError('too_large', {
    message: `The document has more than ${maxChunks} chunks. Split it, or raise --max-chunks.`,
  });
}
