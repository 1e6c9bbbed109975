/** A line of text on a page. */
export interface PdfLine {
  readonly page: number;
  readonly text: string;
  readonly y: number;
  readonly width: number;
  /** Height of its letters. */
  readonly size: number;
}

/** A piece of text as a PDF places it. */
export interface PdfItem {
  readonly str: string;
  readonly transform: readonly number[];
  readonly width: number;
  readonly height: number;
  readonly hasEOL: boolean;
}

/** A paragraph, heading or list item put together from lines. */
export interface PdfPassage {
  readonly kind: 'heading' | 'paragraph' | 'list-item';
  /** Level of a heading, 1 for the largest letters. */
  readonly level: number;
  readonly page: number;
  readonly text: string;
}

const BULLET = /^(?:[•▪‣◦●■–*·-]|\(?\d{1,3}[.)])\s+\S/;
const MAX_HEADING_LENGTH = 150;
const MAX_HEADING_LEVELS = 3;

/** Joins the pieces of one page into lines. */
export function linesOf(items: readonly PdfItem[], page: number): PdfLine[] {
  const lines: PdfLine[] = [];
  let open: PdfItem[] = [];
  const close = (): void => {
    const visible = open.filter(({ str }) => str.trim() !== '');
    const text = open
      .map(({ str }) => str)
      .join('')
      .replace(/\s+/g, ' ')
      .trim();
    const [first] = visible;
    if (first !== undefined && text !== '') {
      const width = visible.reduce((sum, item) => sum + item.width, 0);
      lines.push({
        page,
        text,
        y: first.transform[5] ?? 0,
        width,
        size: Math.max(...visible.map((item) => item.height)),
      });
    }
    open = [];
  };
  for (const item of items) {
    const previous = open.findLast(({ str }) => str.trim() !== '');
    const isLower =
      previous && item.str.trim() !== '' && Math.abs(yOf(item) - yOf(previous)) > previous.height / 2;
    if (isLower) close();
    open.push(item);
    if (item.hasEOL) close();
  }
  close();
  return lines;
}

/** Lines without the page numbers, headers and footers that a document repeats on its pages. */
export function withoutRunningLines(pages: readonly (readonly PdfLine[])[]): PdfLine[][] {
  const seen = new Map<string, number>();
  const patternOf = (line: PdfLine | undefined): string => line?.text.replace(/\d+/g, '0') ?? '';
  for (const lines of pages) {
    const edges = new Set([patternOf(lines[0]), patternOf(lines.at(-1))]);
    for (const pattern of edges) seen.set(pattern, (seen.get(pattern) ?? 0) + 1);
  }
  const isRunning = (line: PdfLine | undefined): boolean =>
    line !== undefined && pages.length >= 4 && (seen.get(patternOf(line)) ?? 0) > pages.length / 2;
  return pages.map((lines) => {
    const from = isRunning(lines[0]) ? 1 : 0;
    return lines.slice(from, lines.length > from && isRunning(lines.at(-1)) ? -1 : undefined);
  });
}

/** Joins lines into passages: by the gaps between them, the size of their letters and how they begin and end. */
export function passagesOf(lines: readonly PdfLine[]): PdfPassage[] {
  const body =
    mostCommon(lines.map(({ size, text }) => [Math.round(size * 2) / 2, text.length] as const)) ?? 0;
  const levels = headingSizes(lines, body);
  const fullWidth = Math.max(0, ...lines.map(({ width }) => width));
  const passages: PdfPassage[] = [];
  let group: PdfLine[] = [];
  const close = (): void => {
    const [first] = group;
    if (first) passages.push(toPassage(group, first, levels));
    group = [];
  };
  for (const line of lines) {
    const previous = group.at(-1);
    if (previous && !belongsTogether(previous, line, fullWidth)) close();
    group.push(line);
  }
  close();
  return passages;
}

function belongsTogether(previous: PdfLine, line: PdfLine, fullWidth: number): boolean {
  if (previous.page !== line.page || Math.abs(previous.size - line.size) > 0.6 || BULLET.test(line.text))
    return false;
  const gap = previous.y - line.y;
  const endsSentence = /[.!?:…]["'”’)]?$/.test(previous.text);
  if (gap < 0) return !endsSentence; // the next column
  if (gap > line.size * 1.75) return false;
  return !(endsSentence && previous.width < fullWidth * 0.75);
}

function toPassage(group: readonly PdfLine[], first: PdfLine, levels: readonly number[]): PdfPassage {
  const text = joinLines(group.map((line) => line.text));
  const level = levels.indexOf(Math.round(first.size * 2) / 2) + 1;
  const isHeading = level > 0 && text.length <= MAX_HEADING_LENGTH;
  const kind = isHeading ? 'heading' : BULLET.test(text) ? 'list-item' : 'paragraph';
  return { kind, level, page: first.page, text };
}

/** Sizes of letters that make a heading, largest first: clearly larger than ordinary text and used less. */
function headingSizes(lines: readonly PdfLine[], body: number): number[] {
  const sizes = new Set(
    lines.map(({ size }) => Math.round(size * 2) / 2).filter((size) => size >= body * 1.15),
  );
  return [...sizes].sort((left, right) => right - left).slice(0, MAX_HEADING_LEVELS);
}

function mostCommon(weighted: readonly (readonly [number, number])[]): number | undefined {
  const totals = new Map<number, number>();
  for (const [value, weight] of weighted) totals.set(value, (totals.get(value) ?? 0) + weight);
  return [...totals].sort((left, right) => right[1] - left[1])[0]?.[0];
}

/** A word broken at the end of a line is put together again. */
function joinLines(lines: readonly string[]): string {
  return lines.reduce((text, line) => {
    if (/\p{L}\u00ad$/u.test(text)) return text.slice(0, -1) + line;
    if (/\p{L}[-\u2010]$/u.test(text) && /^\p{Ll}/u.test(line)) return text.slice(0, -1) + line;
    return `${text} ${line}`;
  });
}

function yOf(item: PdfItem): number {
  return item.transform[5] ?? 0;
}
