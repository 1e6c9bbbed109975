/** What a line of Markdown begins, seen by itself. */
export type LineStart =
  | { readonly kind: 'fence'; readonly marker: string }
  | { readonly kind: 'heading'; readonly level: number; readonly title: string }
  | { readonly kind: 'rule' }
  | { readonly kind: 'quote' }
  | { readonly kind: 'item'; readonly width: number; readonly canInterrupt: boolean }
  | { readonly kind: 'html'; readonly end: RegExp | undefined; readonly isText: boolean }
  | { readonly kind: 'definition' }
  | { readonly kind: 'text' };

const TEXT: LineStart = { kind: 'text' };
const CODE_SPAN = /(?<!`)(`+)(?!`)([^`]+)\1(?!`)/g;
const LINK = /!?\[([^[\]]{0,300})\](?:\([^()]{0,300}\)|\[[^[\]]{0,100}\])/g;
const ENTITIES: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', nbsp: ' ' };
const BLOCK_TAGS =
  /^<\/?(?:address|article|aside|blockquote|body|center|dd|details|dialog|div|dl|dt|fieldset|figcaption|figure|footer|form|h[1-6]|header|hr|html|iframe|legend|li|link|main|menu|nav|ol|p|section|summary|table|tbody|td|tfoot|th|thead|title|tr|ul)(?:[\s/>]|$)/i;

/** Says what a line begins; `rest` is the line without its indentation. */
export function startOf(rest: string): LineStart {
  switch (rest.charCodeAt(0)) {
    case 0x60: // `
    case 0x7e: // ~
      return fence(rest);
    case 0x23: // #
      return heading(rest);
    case 0x3e: // >
      return { kind: 'quote' };
    case 0x3c: // <
      return html(rest);
    case 0x5b: // [
      return /^\[(?!\^)[^\]]{1,200}\]:[ \t]*\S+(?:[ \t]+["'(].*)?$/.test(rest)
        ? { kind: 'definition' }
        : TEXT;
    default:
      return isRule(rest) ? { kind: 'rule' } : item(rest);
  }
}

/** The columns that a line is indented by; a tab goes on to the next multiple of four. */
export function indentOf(line: string): number {
  let column = 0;
  for (let index = 0; index < line.length; index += 1) {
    const code = line.charCodeAt(index);
    if (code === 0x20) column += 1;
    else if (code === 0x09) column += 4 - (column % 4);
    else break;
  }
  return column;
}

/** Level of the heading that an underline makes of the paragraph above it. */
export function underlineLevel(rest: string): 1 | 2 | undefined {
  if (/^=+[ \t]*$/.test(rest)) return 1;
  return /^-+[ \t]*$/.test(rest) ? 2 : undefined;
}

/** Whether a line is the second one of a table whose first line is given. */
export function isTableDelimiter(rest: string, header: string): boolean {
  if (!rest.includes('|') || !/^[-:| \t]+$/.test(rest)) return false;
  const cells = cellsOf(rest);
  return cells.every((cell) => /^:?-+:?$/.test(cell.trim())) && cells.length === cellsOf(header).length;
}

/** The words of a heading without Markdown's marks; what stands in a code span stays as it is. */
export function plainInline(source: string): string {
  const spans: string[] = [];
  const withoutCode = source.slice(0, 1_000).replace(CODE_SPAN, (_, _marks: string, code: string) => {
    spans.push(code);
    return `\ue000${spans.length - 1}\ue001`;
  });
  const plain = plainText(withoutCode).replace(
    /\ue000(\d+)\ue001/g,
    (_, index: string) => spans[Number(index)] ?? '',
  );
  return plain.replace(/\s+/g, ' ').trim();
}

function plainText(source: string): string {
  return source
    .replace(LINK, '$1')
    .replace(LINK, '$1') // once more: an image may be the text of a link
    .replace(/(?<![\w\]])\[([^[\]]{1,100})\]/g, '$1')
    .replace(/<\/?[a-z][^<>]{0,300}>/gi, '')
    .replace(/\s*\{#[^{}]{0,100}\}\s*$/, '')
    .replace(/(?<!\\)(?:\*+|~~)/g, '')
    .replace(/(?<![\w\\])_+(?=\S)|(?<=\S)(?<!\\)_+(?!\w)/g, '')
    .replace(/\\([!-/:-@[-`{-~])/g, '$1')
    .replace(/&(lt|gt|amp|quot|nbsp);/g, (entity, name: string) => ENTITIES[name] ?? entity);
}

function fence(rest: string): LineStart {
  const marker = /^(?:`{3,}|~{3,})/.exec(rest)?.[0];
  if (marker === undefined) return TEXT;
  return marker.startsWith('`') && rest.includes('`', marker.length) ? TEXT : { kind: 'fence', marker };
}

function heading(rest: string): LineStart {
  const marks = /^#{1,6}(?=[ \t]|$)/.exec(rest)?.[0];
  if (marks === undefined) return TEXT;
  let title = rest.slice(marks.length).trim();
  const closing = /(?<![^ \t])#+$/.exec(title);
  if (closing) title = title.slice(0, closing.index);
  return { kind: 'heading', level: marks.length, title: plainInline(title) };
}

function isRule(rest: string): boolean {
  const mark = rest.charAt(0);
  if (mark !== '-' && mark !== '*' && mark !== '_') return false;
  let marks = 0;
  for (const character of rest) {
    if (character === mark) marks += 1;
    else if (character !== ' ' && character !== '\t') return false;
  }
  return marks >= 3;
}

function item(rest: string): LineStart {
  const found = /^(?:[-+*]|(\d{1,9})[.)])(?=[ \t]|$)/.exec(rest);
  if (found === null) return TEXT;
  const marker = found[0].length;
  const content = rest.slice(marker);
  const isEmpty = content.trim() === '';
  const gap = indentOf(content);
  const width = isEmpty || gap > 4 ? marker + 1 : marker + gap;
  return { kind: 'item', width, canInterrupt: !isEmpty && (found[1] === undefined || found[1] === '1') };
}

function html(rest: string): LineStart {
  if (rest.startsWith('<!--')) return { kind: 'html', end: /-->/, isText: false };
  if (/^<(?:script|style)(?:[\s>]|$)/i.test(rest))
    return { kind: 'html', end: /<\/(?:script|style)>/i, isText: false };
  if (/^<(?:pre|textarea)(?:[\s>]|$)/i.test(rest))
    return { kind: 'html', end: /<\/(?:pre|textarea)>/i, isText: true };
  const isBlock = BLOCK_TAGS.test(rest) || /^<\/?[a-z][\w-]*(?:\s[^<>]*)?>\s*$/i.test(rest);
  return isBlock ? { kind: 'html', end: undefined, isText: true } : TEXT;
}

/** Cells of a table row; a bar after a backslash does not part cells. */
function cellsOf(row: string): string[] {
  const inner = row
    .trim()
    .replace(/^\|/, '')
    .replace(/(?<!\\)\|$/, '');
  return inner.split(/(?<!\\)\|/);
}
