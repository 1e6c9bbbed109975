import type { StoredChunk, StoredDocument } from '../stores/knowledge/document.ts';
import { parseCode } from './parse/code.ts';
import type { Block, CuttableText } from './parse/document.ts';
import { cutHeading, HeadingPath } from './parse/heading-path.ts';
import { paragraphsOf } from './parse/plain-text.ts';
import { scanMarkdown } from './parse/scan-markdown.ts';
import { rebuildText } from './rebuild-text.ts';

/** A document made again of its chunks, and whether a fresh ingest would cut exactly this. */
export interface RebuiltDocument extends CuttableText {
  readonly isExact: boolean;
}

/**
 * Makes a document again of all of its chunks, in order. Where its text is proved by the content hash, and its structure
 * follows from it (Markdown, plain text, code, rows), nothing is lost. HTML and Word documents were turned into text
 * that reads as Markdown, so headings and items are found again in it; in that of a PDF, headings that some chunk is
 * below. `undefined` where a chunk tells no place.
 */
export function rebuildDocument(
  { title, hash, contentType }: Pick<StoredDocument, 'title' | 'hash' | 'contentType'>,
  chunks: readonly StoredChunk[],
): RebuiltDocument | undefined {
  const rebuilt = rebuildText(chunks, hash);
  if (!rebuilt) return undefined;
  const { text, isExact } = rebuilt;
  const told = FROM_TEXT[contentType];
  const blocks = told?.(text) ?? (contentType === 'pdf' ? pdfBlocks(text, chunks) : markdownBlocks(text));
  return { title, text, blocks, isExact: isExact && told !== undefined };
}

/** The content types whose blocks follow from their text alone, as their parsers find them. */
const FROM_TEXT: Readonly<Record<string, (text: string) => readonly Block[]>> = {
  markdown: (text) => scanMarkdown(text).blocks,
  text: (text) => paragraphsOf(text),
  csv: (text) => paragraphsOf(text),
  json: (text) => paragraphsOf(text),
  jsonl: (text) => paragraphsOf(text),
  code: (text) => parseCode(text, '', undefined).blocks,
};

/** Blocks of text that was written as Markdown; rows of a table are blocks of their own there. */
function markdownBlocks(text: string): readonly Block[] {
  return scanMarkdown(text).blocks.flatMap((block) =>
    block.kind === 'table' ? rowsOf(text, block) : [block],
  );
}

function rowsOf(text: string, { start, end, headings }: Block): Block[] {
  const rows: Block[] = [];
  for (const { 0: line, index } of text.slice(start, end).matchAll(/[^\n]+/g)) {
    const from = start + index;
    const last = rows.at(-1);
    // The line below the head belongs to it.
    if (last && /^\|(?: --- \|)+$/.test(line)) rows[rows.length - 1] = { ...last, end: from + line.length };
    else rows.push({ kind: 'table-row', start: from, end: from + line.length, headings });
  }
  return rows;
}

/** Passages of a PDF's text, which blank lines part; a heading is one that a chunk at this place is below. */
function pdfBlocks(text: string, chunks: readonly StoredChunk[]): Block[] {
  const levels = new Map<string, number>();
  for (const { metadata } of chunks) {
    for (const [depth, heading] of headingsOf(metadata).entries()) levels.set(heading, depth + 1);
  }
  const path = new HeadingPath();
  let at = 0;
  return paragraphsOf(text).map(({ start, end }): Block => {
    while (Number(chunks[at + 1]?.metadata.start) <= start) at += 1;
    const { page } = chunks[at]?.metadata ?? {};
    const heading = cutHeading(text.slice(start, end));
    const level = levels.get(heading);
    const headings = level === undefined ? path.current : path.enter(level, heading);
    const kind = level === undefined ? 'paragraph' : 'heading';
    return { kind, start, end, headings, ...(typeof page === 'number' && { page }) };
  });
}

function headingsOf({ headings }: StoredChunk['metadata']): string[] {
  return Array.isArray(headings) ? headings.filter((heading) => typeof heading === 'string') : [];
}
