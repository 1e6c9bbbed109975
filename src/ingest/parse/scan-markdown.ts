import type { Block } from './document.ts';
import { HeadingPath } from './heading-path.ts';
import {
  indentOf,
  isTableDelimiter,
  type LineStart,
  plainInline,
  startOf,
  underlineLevel,
} from './markdown-line.ts';

type OpenBlock = { -readonly [Name in keyof Block]: Block[Name] };
/** What the lines of the open block are, which decides how it goes on and where it ends. */
type Mode = 'none' | 'text' | 'fence' | 'indented' | 'quote' | 'html' | 'table';

/** List markers looked for at the beginning of one line. */
const MAX_ITEM_DEPTH = 100;

interface Line {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/**
 * The blocks of Markdown, found in one pass over its lines. Only the block structure matters here, and a pass over
 * lines takes time and memory in proportion to the text for whatever input, which a full syntax tree does not.
 */
export function scanMarkdown(text: string): {
  readonly blocks: readonly Block[];
  readonly firstHeading: string | undefined;
} {
  const scanner = new MarkdownScanner(text);
  let start = 0;
  while (start < text.length) {
    const found = text.indexOf('\n', start);
    const end = found === -1 ? text.length : found;
    scanner.read({ start, end, text: text.slice(start, end) });
    start = end + 1;
  }
  return scanner;
}

class MarkdownScanner {
  readonly blocks: OpenBlock[] = [];
  firstHeading: string | undefined;
  readonly #text: string;
  readonly #path = new HeadingPath();
  /** Where the content of each open list item begins, outermost first. */
  #items: number[] = [];
  #mode: Mode = 'none';
  #isAfterBlank = true;
  #previous: Line = { start: 0, end: 0, text: '' };
  #fence = { marker: '', column: 0 };
  #htmlEnd: RegExp | undefined;
  /** Whether the open HTML gives no block: a comment, a script or a style sheet. */
  #isSilent = false;
  /** How many list items the open text block stands in. */
  #textDepth = 0;

  constructor(text: string) {
    this.#text = text;
  }

  read(line: Line): void {
    const rest = line.text.trim();
    const isConsumed = this.#goOnVerbatim(line, rest);
    if (!isConsumed && rest !== '') this.#readContent(line, line.text.trimStart());
    this.#isAfterBlank = !isConsumed && rest === '';
    this.#previous = line;
  }

  /** Lines of fenced code and of HTML are not looked into. Gives true when the line was one of them. */
  #goOnVerbatim(line: Line, rest: string): boolean {
    if (this.#mode === 'fence') {
      if (rest !== '' && indentOf(line.text) < this.#fence.column) {
        this.#mode = 'none'; // the list item that holds the fence has ended
        return false;
      }
      this.#extend(line);
      const { marker } = this.#fence;
      const isClosing = rest.length >= marker.length && rest === marker.charAt(0).repeat(rest.length);
      if (isClosing && indentOf(line.text) - this.#fence.column < 4) this.#mode = 'none';
      return true;
    }
    if (this.#mode !== 'html') return false;
    if (this.#htmlEnd === undefined && rest === '') {
      this.#mode = 'none';
      return false;
    }
    this.#extend(line);
    if (this.#htmlEnd?.test(line.text)) this.#mode = 'none';
    return true;
  }

  #readContent(line: Line, rest: string): void {
    const indent = indentOf(line.text);
    let depth = 0;
    while (depth < this.#items.length && indent >= (this.#items[depth] ?? 0)) depth += 1;
    const column = depth === 0 ? 0 : (this.#items[depth - 1] ?? 0);
    const isGoingOn = this.#mode === 'text' && !this.#isAfterBlank;
    if (indent - column >= 4 && !isGoingOn) {
      this.#items.length = depth;
      this.#readIndentedCode(line);
      return;
    }
    const start = indent - column >= 4 ? ({ kind: 'text' } as const) : startOf(rest);
    if (isGoingOn && this.#endsParagraph(line, rest, depth)) return;
    if (this.#mode === 'table' && !this.#isAfterBlank && start.kind === 'text') {
      this.#open('table-row', line, 'table');
      return;
    }
    const canGoOn =
      start.kind === 'text' || start.kind === 'definition' || (start.kind === 'html' && !start.end);
    if (canGoOn && isGoingOn) this.#extend(line);
    else if (canGoOn && this.#mode === 'quote' && !this.#isAfterBlank) this.#extend(line);
    else if (start.kind === 'item' && isGoingOn && this.#items.length === 0 && !start.canInterrupt)
      this.#extend(line);
    else {
      this.#items.length = depth;
      this.#begin(start, line, rest, indent);
    }
  }

  #readIndentedCode(line: Line): void {
    if (this.#mode === 'indented') this.#extend(line);
    else this.#open('code', line, 'indented');
  }

  /** An underline makes the open paragraph a heading; a delimiter row makes its last line a table's header. */
  #endsParagraph(line: Line, rest: string, depth: number): boolean {
    const open = this.blocks.at(-1);
    if (open === undefined) return false;
    const level = underlineLevel(rest);
    if (level !== undefined && open.kind === 'paragraph' && depth === 0) {
      const title = plainInline(this.#text.slice(open.start, open.end));
      this.#extend(line);
      this.#enterHeading(open, level, title);
      return true;
    }
    if (!isTableDelimiter(rest, this.#previous.text)) return false;
    if (open.start < this.#previous.start) {
      open.end = this.#text.slice(open.start, this.#previous.start).trimEnd().length + open.start;
      this.#open('table-row', this.#previous, 'table');
    } else {
      open.kind = 'table-row';
      this.#mode = 'table';
    }
    this.#extend(line);
    return true;
  }

  #begin(start: LineStart, line: Line, rest: string, indent: number): void {
    switch (start.kind) {
      case 'heading':
        if (this.#items.length > 0) this.#openText(line);
        else {
          this.#open('heading', line, 'none');
          this.#enterHeading(this.blocks.at(-1), start.level, start.title);
        }
        break;
      case 'fence':
        this.#fence = { marker: start.marker, column: this.#items.at(-1) ?? 0 };
        this.#open('code', line, 'fence', { isWholeLine: true });
        break;
      case 'item':
        this.#beginItem(start.width, line, rest, indent);
        break;
      case 'quote':
        if (this.#mode === 'quote' && !this.#isAfterBlank) this.#extend(line);
        else this.#open('quote', line, 'quote');
        break;
      case 'html':
        this.#beginHtml(start, line);
        break;
      case 'rule':
      case 'definition':
        this.#mode = 'none';
        break;
      default:
        this.#openText(line);
    }
  }

  #beginItem(width: number, line: Line, rest: string, indent: number): void {
    let column = indent + width;
    this.#items.push(column);
    this.#open('list-item', line, 'text');
    this.#textDepth = this.#items.length;
    // What follows the marker may itself be an item or open a fence; the fence's lines must not be looked into.
    let content = rest.slice(width).trimStart();
    while (this.#items.length < MAX_ITEM_DEPTH) {
      const inner = startOf(content);
      if (inner.kind === 'fence') {
        this.#fence = { marker: inner.marker, column };
        this.#mode = 'fence';
        const open = this.blocks.at(-1);
        if (open) open.kind = 'code';
      }
      if (inner.kind !== 'item') return;
      column += inner.width;
      this.#items.push(column);
      this.#textDepth = this.#items.length;
      content = content.slice(inner.width).trimStart();
    }
  }

  #beginHtml(start: Extract<LineStart, { kind: 'html' }>, line: Line): void {
    const isClosed = start.end?.test(line.text) ?? false;
    if (start.isText) this.#open('paragraph', line, 'html');
    this.#htmlEnd = start.end;
    this.#isSilent = !start.isText;
    this.#mode = isClosed ? 'none' : 'html';
  }

  /** A paragraph; inside a list item it goes on with the item where nothing else came between. */
  #openText(line: Line): void {
    const depth = this.#items.length;
    const open = this.blocks.at(-1);
    if (depth > 0 && open?.kind === 'list-item' && this.#mode === 'text' && this.#textDepth === depth) {
      this.#extend(line);
    } else {
      this.#open(depth > 0 ? 'list-item' : 'paragraph', line, 'text');
      this.#textDepth = depth;
    }
  }

  #open(kind: Block['kind'], line: Line, mode: Mode, { isWholeLine = mode === 'indented' } = {}): void {
    const start = isWholeLine ? line.start : line.start + line.text.length - line.text.trimStart().length;
    const end = line.start + line.text.trimEnd().length;
    this.blocks.push({ kind, start, end, headings: this.#path.current });
    this.#mode = mode;
    this.#isSilent = false;
  }

  #extend(line: Line): void {
    const open = this.blocks.at(-1);
    const length = line.text.trimEnd().length;
    if (open && length > 0 && !(this.#mode === 'html' && this.#isSilent)) open.end = line.start + length;
  }

  #enterHeading(block: OpenBlock | undefined, level: number, title: string): void {
    if (block === undefined) return;
    block.kind = 'heading';
    block.headings = this.#path.enter(level, title);
    if (level === 1 && title !== '') this.firstHeading ??= title;
    this.#mode = 'none';
  }
}
