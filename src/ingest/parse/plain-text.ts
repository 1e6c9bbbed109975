import type { Block } from './document.ts';

/** The paragraphs of plain text: what blank lines part. */
export function paragraphsOf(text: string, headings: readonly string[] = []): Block[] {
  const blocks: Block[] = [];
  let start = -1;
  let end = 0;
  for (let from = 0; from < text.length; ) {
    const found = text.indexOf('\n', from);
    const to = found === -1 ? text.length : found;
    const line = text.slice(from, to).trimEnd();
    if (line.trimStart() === '') {
      if (start !== -1) blocks.push({ kind: 'paragraph', start, end, headings });
      start = -1;
    } else {
      if (start === -1) start = from + line.length - line.trimStart().length;
      end = from + line.length;
    }
    from = to + 1;
  }
  if (start !== -1) blocks.push({ kind: 'paragraph', start, end, headings });
  return blocks;
}
