import { type Span, trimmed } from '../text/sentences.ts';

/**
 * Fenced code, tables and indented lines of a Markdown text, in order. All of the text is one block where a fence stands
 * alone: a chunk may begin or end within code, and which side of the fence that is cannot be told.
 */
export function wholeBlocks(text: string): Span[] {
  const blocks: { start: number; end: number; readonly lines?: RegExp }[] = [];
  let fence: { readonly start: number; readonly mark: string } | undefined;
  for (const { 0: line, index: start } of text.matchAll(LINE)) {
    const end = start + line.length;
    const [, mark, information = ''] = FENCE.exec(line) ?? [];
    if (fence) {
      if (!mark?.startsWith(fence.mark) || information.trim() !== '') continue;
      blocks.push({ start: fence.start, end });
      fence = undefined;
    } else if (mark !== undefined) {
      fence = { start, mark };
    } else {
      const lines = KEPT_LINES.find((pattern) => pattern.test(line));
      const last = blocks.at(-1);
      if (last?.lines && last.lines === lines && last.end === start) last.end = end;
      else if (lines) blocks.push({ start, end, lines });
    }
  }
  if (fence) return [{ start: 0, end: text.length }];
  return blocks.map(({ start, end }) => trimmed(text, start, end)).filter((block) => block !== undefined);
}

const LINE = /[^\n]*\n|[^\n]+$/g;
/** What opens or closes fenced code, and what is said about it; where it closes, that is nothing. */
const FENCE = /^[ \t]*(`{3,}(?=[^`]*$)|~{3,})(.*)/;
/** Rows of a table, and indented lines. */
const KEPT_LINES = [/^[ \t]*\|/, /^(?: {4}|\t)/];
