import type { Block } from './document.ts';
import type { Draft } from './draft.ts';

/** Source code: a block for each group of lines that a blank line and a return to the left margin part. */
export function parseCode(text: string, name: string, language: string | undefined): Draft {
  const blocks: Block[] = [];
  let start = -1;
  let end = 0;
  let isAfterBlank = true;
  for (let from = 0; from < text.length; ) {
    const found = text.indexOf('\n', from);
    const to = found === -1 ? text.length : found;
    const line = text.slice(from, to).trimEnd();
    if (line !== '') {
      if (start !== -1 && isAfterBlank && /^[^\s)\]}]/.test(line)) {
        blocks.push({ kind: 'code', start, end, headings: [] });
        start = -1;
      }
      if (start === -1) start = from;
      end = from + line.length;
    }
    isAfterBlank = line === '';
    from = to + 1;
  }
  if (start !== -1) blocks.push({ kind: 'code', start, end, headings: [] });
  return { text, blocks, title: name, metadata: language === undefined ? {} : { language } };
}
