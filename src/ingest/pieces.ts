import type { TextTokenizer } from '../text/count-tokens.ts';
import { type Span, sentences, trimmed } from '../text/sentences.ts';
import type { Block, CuttableText } from './parse/document.ts';

/** What a text may be cut at, the weakest first. */
export const BOUNDARY = { word: 0, clause: 1, sentence: 2, block: 3, section: 4 } as const;
export type Boundary = (typeof BOUNDARY)[keyof typeof BOUNDARY];

/** The smallest part of a text that the chunker moves: a sentence, a line, a row, or a word of one that is too long. */
export interface Piece extends Span {
  readonly tokens: number;
  /** What is before it. */
  readonly boundary: Boundary;
  readonly isHeading: boolean;
  readonly headings: readonly string[];
  readonly page: number | undefined;
}

/** How large a piece may be. */
export interface PieceLimits {
  readonly tokens: number;
  readonly characters: number;
}

/** The pieces of a document, in order, none over the limits; together they hold all of its text but white space. */
export function* piecesOf(
  document: CuttableText,
  tokenizer: TextTokenizer,
  limits: PieceLimits,
): Generator<Piece> {
  const { text } = document;
  let section: readonly string[] = [];
  for (const block of wholeText(document)) {
    const isHeading = block.kind === 'heading';
    const isSection = isHeading || !samePath(section, block.headings);
    section = block.headings;
    let boundary: Boundary = isSection ? BOUNDARY.section : BOUNDARY.block;
    for (const unit of unitsOf(block, text)) {
      for (const { start, end, tokens } of smallEnough(unit, text, tokenizer, limits)) {
        yield { start, end, tokens, boundary, isHeading, headings: block.headings, page: block.page };
        boundary = CLAUSE_END.test(text[end - 1] ?? '') ? BOUNDARY.clause : BOUNDARY.word;
      }
      boundary = BOUNDARY.sentence;
    }
  }
}

/** Whether two heading paths are the same. */
export function samePath(left: readonly string[], right: readonly string[]): boolean {
  return left === right || (left.length === right.length && left.every((heading, i) => heading === right[i]));
}

/** The blocks, and as paragraphs whatever text lies between them. */
function* wholeText({ text, blocks }: CuttableText): Generator<Block> {
  let end = 0;
  let headings: readonly string[] = [];
  for (const block of blocks) {
    yield* paragraphs(text, end, block.start, headings);
    yield block;
    ({ end, headings } = block);
  }
  yield* paragraphs(text, end, text.length, headings);
}

function* paragraphs(
  text: string,
  start: number,
  end: number,
  headings: readonly string[],
): Generator<Block> {
  for (const span of splitAfter(text, { start, end }, EMPTY_LINE)) {
    yield { kind: 'paragraph', start: span.start, end: span.end, headings };
  }
}

const EMPTY_LINE = /\n[^\S\n]*\n/g;
const LINE_END = /\n/g;
const WORD_END = /\s+/g;
const CLAUSE_END = /[,;:)\]}–—、，；：]/;

function unitsOf(block: Block, text: string): Generator<Span> {
  return block.kind === 'code' || block.kind === 'table'
    ? splitAfter(text, block, LINE_END)
    : sentences(text, block.start, block.end);
}

/** The parts between matches, which stay with what precedes them, without the white space around. */
function* splitAfter(text: string, { start, end }: Span, separator: RegExp): Generator<Span> {
  let from = start;
  for (const match of text.slice(start, end).matchAll(separator)) {
    const to = start + match.index + match[0].length;
    const span = trimmed(text, from, to);
    if (span) yield span;
    from = to;
  }
  const rest = trimmed(text, from, end);
  if (rest) yield rest;
}

/** The unit itself, or where it is over the limits its words, and the parts of words that still are. */
function* smallEnough(
  unit: Span,
  text: string,
  tokenizer: TextTokenizer,
  limits: PieceLimits,
): Generator<Counted> {
  // What is far too long is not even counted: that would take as much memory as it has words.
  if (unit.end - unit.start <= limits.characters) {
    const tokens = tokenizer.count(text.slice(unit.start, unit.end));
    if (tokens <= limits.tokens) return yield { ...unit, tokens };
  }
  yield* countedWords(text, unit, tokenizer, limits.tokens);
}

/** A stretch and its tokens. */
export interface Counted extends Span {
  readonly tokens: number;
}

/** The words of a stretch; a word that is very long or over the limit comes in parts. */
export function* countedWords(
  text: string,
  stretch: Span,
  tokenizer: TextTokenizer,
  limit: number,
): Generator<Counted> {
  for (const word of splitAfter(text, stretch, WORD_END)) {
    const waiting: Span[] = [word];
    for (let part = waiting.pop(); part; part = waiting.pop()) {
      const { start, end } = part;
      const isLong = end - start > LONGEST_WORD;
      const tokens = isLong ? Number.POSITIVE_INFINITY : tokenizer.count(text.slice(start, end));
      const cut = isLong ? partEnd(text, start, end) : tokens > limit ? middle(text, start, end) : end;
      if (cut < end) waiting.push({ start: cut, end }, { start, end: cut });
      else yield { start, end, tokens };
    }
  }
}

/** Longer runs without white space are no words: data, an address, or a script that writes without spaces. */
const LONGEST_WORD = 48;
const PART_LENGTH = 16;

/** Where to end a part of a long run: after punctuation if there is any, and never inside a character as readers see it. */
function partEnd(text: string, start: number, end: number): number {
  const to = Math.min(start + PART_LENGTH, end);
  for (let at = to; at > start + PART_LENGTH / 2; at--) {
    if (PUNCTUATION.test(text[at - 1] ?? '')) return wholeCharacter(text, start, at, end);
  }
  return wholeCharacter(text, start, to, end);
}

function middle(text: string, start: number, end: number): number {
  const at = start + Math.ceil((end - start) / 2);
  const cut = wholeCharacter(text, start, at, end);
  return cut < end ? cut : wholeCodePoint(text, at);
}

const PUNCTUATION = /\p{P}/u;
const GRAPHEMES = new Intl.Segmenter('und', { granularity: 'grapheme' });
/** Longer ones are hundreds of accents on one letter; less than `LONGEST_WORD`, so that a part is never long again. */
const LONGEST_GRAPHEME = 32;

/** The end of a character at or before `at`, after `start`; after `at` where the first character is that long. */
function wholeCharacter(text: string, start: number, at: number, end: number): number {
  if (at >= end || (standsAlone(text.charCodeAt(at - 1)) && standsAlone(text.charCodeAt(at)))) return at;
  const window = text.slice(start, Math.min(end, at + LONGEST_GRAPHEME));
  const found = GRAPHEMES.segment(window).containing(at - start);
  if (!found) return at;
  if (found.index > 0) return start + found.index;
  return found.segment.length <= LONGEST_GRAPHEME ? start + found.segment.length : wholeCodePoint(text, at);
}

function wholeCodePoint(text: string, at: number): number {
  const unit = text.charCodeAt(at);
  return unit >= 0xdc00 && unit <= 0xdfff ? at + 1 : at;
}

/** Letters that never join with a neighbour: most of those below U+0300, kana, CJK, Hangul syllables. */
function standsAlone(unit: number): boolean {
  return (
    (unit < 0x300 && unit !== 0x0d && unit !== 0x0a) ||
    (unit >= 0x30a1 && unit <= 0x30fa) ||
    (unit >= 0x3041 && unit <= 0x3096) ||
    (unit >= 0x3400 && unit <= 0x9fff) ||
    (unit >= 0xac00 && unit <= 0xd7a3)
  );
}
