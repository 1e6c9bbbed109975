/** A stretch of a text: `text.slice(start, end)`. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/**
 * The sentences of `text.slice(start, end)`, in order and without the white space around them; together they hold every
 * other character. Knows abbreviations, initials, decimals, numbered lists and scripts that put no space after a full
 * stop. In doubt two sentences stay one. Linear in the length of the text.
 */
export function* sentences(text: string, start = 0, end = text.length): Generator<Span> {
  const part = text.slice(start, end);
  let from = 0;
  for (const match of part.matchAll(CANDIDATE)) {
    if (match.index < from) continue;
    const to = boundaryAfter(part, match[0], match.index, from);
    if (to === undefined) continue;
    const span = trimmed(text, start + from, start + to);
    if (span) yield span;
    from = to;
  }
  const rest = trimmed(text, start + from, end);
  if (rest) yield rest;
}

/** The stretch without white space at its ends; `undefined` when there is nothing else. */
export function trimmed(text: string, start: number, end: number): Span | undefined {
  const part = text.slice(start, end);
  const from = start + part.length - part.trimStart().length;
  return from < end ? { start: from, end: start + part.trimEnd().length } : undefined;
}

/** What may end a sentence: a run of stops, an empty line, or the start of a list item on a line of its own. */
const CANDIDATE = /[.!?…]+|[。！？｡।॥؟۔።]+|\n[^\S\n]*(?:\n|(?=(?:[-*•–]|\d{1,3}[.)])\s))/gu;
const SPACELESS_STOP = /^[。！？｡।॥؟۔።]/u;
const CLOSING = /["'”’»)\]}」』】）〉》*_`]/u;

/** Where the sentence ends that this candidate may end, or `undefined` when it goes on. */
function boundaryAfter(part: string, stop: string, at: number, from: number): number | undefined {
  if (stop.startsWith('\n')) return at + stop.length;
  let to = at + stop.length;
  while (CLOSING.test(part[to] ?? '')) to++;
  if (SPACELESS_STOP.test(stop)) return to;
  if (to < part.length && !/\s/.test(part[to] ?? '')) return undefined;
  const next = part.slice(to, to + 40).trimStart();
  if (/^["'“‘«([]?\p{Ll}/u.test(next)) return undefined;
  if (stop === '.' && isPartOfWord(part.slice(Math.max(from, at - 24), at), next, at - from))
    return undefined;
  return to;
}

/** Whether the full stop after `before` belongs to its last word. */
function isPartOfWord(before: string, next: string, length: number): boolean {
  const word = /[\p{L}\p{M}\p{N}.]*$/u.exec(before)?.[0] ?? '';
  if (/^\p{Lu}$/u.test(word) || /^(?:\p{L}\.)+\p{L}$/u.test(word)) return true;
  // A number that opens a sentence is that of a list item.
  if (/^\d{1,3}$/.test(word) && length <= word.length + 4 && before.trim() === word) return true;
  const lowered = word.toLowerCase();
  return TITLES.has(lowered) || (BEFORE_NUMBERS.has(lowered) && /^\d/.test(next));
}

/** Abbreviations that something always follows. */
const TITLES = new Set(
  'mr mrs ms dr prof st sr sra jr rev gen col capt lt gov sen rep hon mt vs cf al approx resp bzw ca vgl hr fr mme mlle'.split(
    ' ',
  ),
);

/** Abbreviations when a number follows; otherwise words. */
const BEFORE_NUMBERS = new Set(
  'no nos nr fig figs abb eq eqs sec ch chap vol vols p pp s art tab jan feb mar apr jun jul aug sep sept oct okt nov dec dez'.split(
    ' ',
  ),
);
