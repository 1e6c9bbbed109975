import { hash as digest } from 'node:crypto';
import type { StoredChunk } from '../stores/knowledge/document.ts';

/** The text of a document as its chunks give it back. */
export interface RebuiltText {
  readonly text: string;
  /** Whether it is the document's to the last character, as its content hash says. */
  readonly isExact: boolean;
}

/** Wider gaps were never left out as white space: such offsets are not of this text. */
const WIDEST_GAP = 100_000;
/** Characters hashed at most to find out which white space stood in the gaps. */
const MOST_HASHED = 16_000_000;
const MOST_GUESSES = 1_024;

/**
 * Puts the text of a document together from all of its chunks, in order. They hold every character but white space that
 * lies between two of them, whose length their offsets tell; what it was is guessed and proved by the content hash.
 * `undefined` where a chunk tells no place.
 */
export function rebuildText(chunks: readonly StoredChunk[], hash: string): RebuiltText | undefined {
  const parts = partsOf(chunks);
  if (!parts) return undefined;
  const first = assemble(parts, []);
  const guesses = Math.min(MOST_GUESSES, Math.floor(MOST_HASHED / (first.length + 1)));
  for (const choice of choicesFor(parts, guesses)) {
    const text = assemble(parts, choice);
    if (digest('sha256', text) === hash) return { text, isExact: true };
  }
  return { text: first, isExact: false };
}

/** What is known of the text, or the white space that may have stood there, the likeliest first. */
type Part = string | readonly string[];

function partsOf(chunks: readonly StoredChunk[]): Part[] | undefined {
  const parts: Part[] = [];
  const width = Math.max(0, ...chunks.map(({ text }) => longestInnerLine(text)));
  let end = 0;
  let before = '';
  for (const { text, metadata } of chunks) {
    const { start } = metadata;
    if (typeof start !== 'number' || metadata.end !== start + text.length) return undefined;
    const gap = start - end;
    if (start < 0 || gap > WIDEST_GAP) return undefined;
    if (gap > 0) parts.push(end === 0 ? leadingSpace(gap) : whiteSpace(gap, { before, after: text, width }));
    parts.push(gap < 0 ? text.slice(-gap) : text);
    before = text;
    end = Math.max(end, start + text.length);
  }
  if (end > 0) parts.push(['\n', '', '\n\n']);
  return end > 0 ? parts : undefined;
}

/** The longest line that is followed by another one: what lines of the text are broken at. */
function longestInnerLine(text: string): number {
  return text
    .split('\n')
    .slice(0, -1)
    .reduce((longest, line) => Math.max(longest, line.length), 0);
}

/** What may part two chunks: two lines or sentences, two blocks, or two of which the second is indented. */
function whiteSpace(
  length: number,
  { before, after, width }: { before: string; after: string; width: number },
): readonly string[] {
  if (length > 1) {
    const item = `\n${' '.repeat(length - 1)}`;
    const block = `\n\n${' '.repeat(length - 2)}`;
    const lines = '\n'.repeat(length);
    // Indentation by an odd number of spaces is rare.
    const likeliest = length % 2 === 1 ? [item, block] : [block, item];
    return [...new Set([...likeliest, lines])];
  }
  // A line ends where the next word would not have fitted in, and before what begins a line.
  const room = width - (before.length - before.lastIndexOf('\n') - 1);
  const isFull = (/^\S+/.exec(after)?.[0].length ?? 0) >= room;
  return isFull || LINE_START.test(after) ? ['\n', ' '] : [' ', '\n'];
}

const LINE_START = /^(?:[-*+>|#]|\d+[.)])\s?/;

/** What may precede the first chunk. */
function leadingSpace(length: number): readonly string[] {
  return ['\n'.repeat(length), ' '.repeat(length)];
}

function assemble(parts: readonly Part[], choice: readonly number[]): string {
  let gap = 0;
  return parts
    .map((part) => {
      if (typeof part === 'string') return part;
      const chosen = part[choice[gap] ?? 0] ?? '';
      gap += 1;
      return chosen;
    })
    .join('');
}

/** Which white space to try in each gap: the likeliest everywhere, then others in one gap, in two, and so on. */
function* choicesFor(parts: readonly Part[], most: number): Generator<number[]> {
  const sizes = parts.filter((part) => typeof part !== 'string').map((options) => options.length);
  let count = 0;
  for (let others = 0; others <= sizes.length; others += 1) {
    for (const choice of withOthers(sizes, others, 0)) {
      if (count >= most) return;
      count += 1;
      yield choice;
    }
  }
}

/** The choices that differ from the likeliest in so many gaps, from one gap on. */
function* withOthers(sizes: readonly number[], others: number, from: number): Generator<number[]> {
  if (others === 0) {
    yield sizes.map(() => 0);
    return;
  }
  for (let at = from; at <= sizes.length - others; at += 1) {
    for (const choice of withOthers(sizes, others - 1, at + 1)) {
      for (let option = 1; option < (sizes[at] ?? 1); option += 1) yield choice.with(at, option);
    }
  }
}
