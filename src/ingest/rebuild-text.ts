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
  let end = 0;
  for (const { text, metadata } of chunks) {
    const { start } = metadata;
    if (typeof start !== 'number' || metadata.end !== start + text.length) return undefined;
    const gap = start - end;
    if (start < 0 || gap > WIDEST_GAP) return undefined;
    if (gap > 0) parts.push(end === 0 ? whiteSpaceBefore(gap) : whiteSpace(gap));
    parts.push(gap < 0 ? text.slice(-gap) : text);
    end = Math.max(end, start + text.length);
  }
  if (end > 0) parts.push(['', '\n', '\n\n']);
  return end > 0 ? parts : undefined;
}

/** What may part two chunks: two lines or sentences, two blocks, or two blocks of which the second is indented. */
function whiteSpace(length: number): readonly string[] {
  if (length === 1) return ['\n', ' '];
  const lines = '\n'.repeat(length);
  const [indented, item] = [`\n\n${' '.repeat(length - 2)}`, `\n${' '.repeat(length - 1)}`];
  return length === 2 ? [lines, item] : [indented, lines, item];
}

/** What may precede the first of them. */
function whiteSpaceBefore(length: number): readonly string[] {
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

/** Which white space to try in each gap: each with each where these are few, else the same in all gaps of a kind. */
function* choicesFor(parts: readonly Part[], most: number): Generator<number[]> {
  const gaps = parts.filter((part) => typeof part !== 'string');
  const all = gaps.reduce((product, options) => product * options.length, 1);
  const kindOf = (options: readonly string[]) => JSON.stringify(options);
  const kinds = [...new Set(gaps.map(kindOf))];
  const groups =
    all <= most ? gaps.map((_, at) => at) : gaps.map((options) => kinds.indexOf(kindOf(options)));
  const sizes: number[] = [];
  for (const [at, group] of groups.entries()) sizes[group] = gaps[at]?.length ?? 1;
  const count = sizes.reduce((product, size) => product * size, 1);
  for (let number = 0; number < Math.min(count, most); number += 1) {
    let rest = number;
    const chosen = sizes.map((size) => {
      const digit = rest % size;
      rest = Math.floor(rest / size);
      return digit;
    });
    yield groups.map((group) => chosen[group] ?? 0);
  }
}
