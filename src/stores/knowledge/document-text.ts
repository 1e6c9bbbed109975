import type { StoredChunk } from './document.ts';

/** The text that the chunks of a document make up. */
export interface DocumentText {
  readonly text: string;
  /** Whether offsets into the text are those that its chunks and citations tell. */
  readonly hasOffsets: boolean;
}

/** Text further apart than this was not left out as white space: such offsets are not of this text. */
const WIDEST_GAP = 1_000_000;

/** Joins the chunks of a document, given in order. White space between chunks is not stored and comes back as line breaks. */
export async function joinChunks(chunks: AsyncIterable<StoredChunk>): Promise<DocumentText> {
  let text = '';
  let hasOffsets = true;
  for await (const chunk of chunks) {
    const { start, end } = chunk.metadata;
    const isPlaced =
      typeof start === 'number' && typeof end === 'number' && end - start === chunk.text.length;
    const gap = isPlaced ? start - text.length : Number.NaN;
    if (!isPlaced || start < 0 || gap > WIDEST_GAP) hasOffsets = false;
    if (!hasOffsets) text += `\n${chunk.text}`;
    else text += gap >= 0 ? '\n'.repeat(gap) + chunk.text : chunk.text.slice(-gap);
  }
  return { text, hasOffsets };
}
