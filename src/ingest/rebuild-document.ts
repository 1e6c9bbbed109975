import type { StoredChunk, StoredDocument } from '../stores/knowledge/document.ts';
import { parseCode } from './parse/code.ts';
import type { Block, CuttableText } from './parse/document.ts';
import { cutHeading, HeadingPath } from './parse/heading-path.ts';
import { describeValue, readJson } from './parse/json.ts';
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
 * that reads as Markdown, so headings and items are found again in it; in that of a PDF, headings are those that some chunk is
 * below, and short lines where a chunk holds several sections. `undefined` where a chunk tells no place.
 */
export function rebuildDocument(
  {
    title,
    hash,
    contentType,
    container,
  }: Pick<StoredDocument, 'title' | 'hash' | 'contentType' | 'container'>,
  chunks: readonly StoredChunk[],
): RebuiltDocument | undefined {
  const rebuilt = rebuildText(chunks, hash);
  if (!rebuilt) return undefined;
  const { text, isExact } = rebuilt;
  // Of a file without rows JSON is written out as a whole.
  const told = contentType === 'json' && container === undefined ? wholeJsonBlocks : FROM_TEXT[contentType];
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

function wholeJsonBlocks(text: string): readonly Block[] {
  const read = readJson(text);
  return 'value' in read ? describeValue(read.value).blocks : paragraphsOf(text);
}

/** Blocks of text that was written as Markdown; rows of a table are blocks of their own there, with or without a head. */
function markdownBlocks(text: string): readonly Block[] {
  return scanMarkdown(text).blocks.flatMap((block) => {
    const isTable = block.kind === 'table' || ROWS.test(text.slice(block.start, block.end));
    return isTable ? rowsOf(text, block) : [block];
  });
}

const ROWS = /^(?:\| .*\|(?:\n|$))+$/;

function rowsOf(text: string, block: Block): Block[] {
  const { start, end } = block;
  const kind = block.kind === 'list-item' ? block.kind : 'table-row';
  const rows: Block[] = [];
  for (const { 0: line, index } of text.slice(start, end).matchAll(/[^\n]+/g)) {
    const from = start + index;
    const last = rows.at(-1);
    // The line below the head belongs to it.
    if (last && /^\|(?: --- \|)+$/.test(line)) rows[rows.length - 1] = { ...last, end: from + line.length };
    else rows.push({ ...block, kind, start: from, end: from + line.length });
  }
  return rows;
}

/** Passages of a PDF's text, which blank lines part; lines of one are items of a list. */
function pdfBlocks(text: string, chunks: readonly StoredChunk[]): Block[] {
  const levels = new Map<string, number>();
  for (const { metadata } of chunks) {
    for (const [depth, heading] of headingsOf(metadata).entries()) levels.set(heading, depth + 1);
  }
  const path = new HeadingPath();
  let at = 0;
  return paragraphsOf(text).flatMap(({ start, end }): Block[] => {
    while (Number(chunks[at + 1]?.metadata.start) <= start) at += 1;
    const { page, ...metadata } = chunks[at]?.metadata ?? {};
    const passage = text.slice(start, end);
    const heading = cutHeading(passage);
    const shared = headingsOf(metadata).length;
    // A chunk that is below less than its first passage holds several sections.
    const unknown = shared < path.current.length && isHeadingLike(passage) ? shared + 1 : undefined;
    const level = levels.get(heading) ?? unknown;
    const headings = level === undefined ? path.current : path.enter(level, heading);
    const paged = typeof page === 'number' ? { page } : {};
    if (level !== undefined) return [{ kind: 'heading', start, end, headings, ...paged }];
    if (!passage.includes('\n')) return [{ kind: 'paragraph', start, end, headings, ...paged }];
    return rowsOf(text, { kind: 'list-item', start, end, headings, ...paged });
  });
}

const LONGEST_HEADING = 100;

function isHeadingLike(passage: string): boolean {
  return passage.length <= LONGEST_HEADING && /^[^\n]*[\p{L}\p{N})]$/u.test(passage);
}

function headingsOf({ headings }: StoredChunk['metadata']): string[] {
  return Array.isArray(headings) ? headings.filter((heading) => typeof heading === 'string') : [];
}
