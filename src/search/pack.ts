import { render, renderPassage, SEPARATOR } from './cite.ts';
import { addHit, addPassage, arrange, type Passage, passageOf } from './passages.ts';
import type { PassageOrder } from './request.ts';
import type { SearchHit } from './search.ts';
import { strongestPart, trimPassage, type WeighSentence } from './trim.ts';

/** How a context is made. */
export interface ContextOptions {
  readonly maxTokens: number;
  /** How passages follow each other; the best first by default. */
  readonly order?: PassageOrder;
  /** Tokens of a text as the reader of the context counts them. */
  readonly countTokens: (text: string) => number;
  /** By it weak ends of passages are left out, for more of them to have room; passages stay whole without it. */
  readonly weigh?: WeighSentence;
}

/** A hit that is not in the text (no room, or the same words as a better hit), or with a part of it only (`cut`). */
export interface Omission {
  readonly collection: string;
  readonly chunkId: string;
  readonly reason: 'budget' | 'duplicate' | 'cut';
}

/** Passages as they are shown, and the hits that are not, or not all, in them. */
export interface Packed {
  readonly passages: readonly Passage[];
  readonly omitted: Omission[];
}

/**
 * Makes passages of hits, given best first, that together stay within the budget. A hit without room makes way for the
 * next that fits; where sentences are weighed, what is left of the budget then takes the strongest sentences of those
 * hits. When nothing fits, the best hit is given up to the last whole sentence, or else word.
 */
export function pack(hits: readonly SearchHit[], options: ContextOptions): Packed {
  const { unique, duplicates } = dropDuplicates(hits);
  const taken = takeWhole(unique, options);
  const passages = takeParts(taken.passages, taken.left, options);
  const [first] = unique;
  const cut = passages.length === 0 && first ? cutToFit(first, options) : undefined;
  const shown = cut ? [cut] : arrange(passages, options.order);
  const inText = new Set(shown.flatMap(({ hits }) => hits));
  const isShort = new Set(shown.flatMap(shortened));
  return {
    passages: shown,
    omitted: [
      ...unique.flatMap((hit) => {
        if (!inText.has(hit)) return omission(hit, 'budget');
        return isShort.has(hit) ? omission(hit, 'cut') : [];
      }),
      ...duplicates.map((hit) => omission(hit, 'duplicate')),
    ],
  };
}

/** The hits of a passage that are not whole in it. */
function shortened({ hits, range, isCut }: Passage): readonly SearchHit[] {
  if (isCut) return hits;
  if (!range) return [];
  return hits.filter(({ start = 0, end = 0 }) => start < range.start || end > range.end);
}

function dropDuplicates(hits: readonly SearchHit[]): { unique: SearchHit[]; duplicates: SearchHit[] } {
  const seen = new Set<string>();
  const unique: SearchHit[] = [];
  const duplicates: SearchHit[] = [];
  for (const hit of hits) {
    const words = hit.text.normalize('NFKC').toLowerCase().replace(/\s+/g, ' ').trim();
    (seen.has(words) ? duplicates : unique).push(hit);
    seen.add(words);
  }
  return { unique, duplicates };
}

/** Takes hit after hit as long as the text stays within the budget. */
function takeWhole(
  hits: readonly SearchHit[],
  options: ContextOptions,
): { passages: readonly Passage[]; left: readonly SearchHit[] } {
  const { weigh } = options;
  const left: SearchHit[] = [];
  const count = passageCounter(options);
  const known = new WeakMap<Passage, Passage>();
  const shorten = (passage: Passage) => {
    const short = known.get(passage) ?? (weigh ? trimPassage(passage, weigh) : passage);
    known.set(passage, short);
    return short;
  };
  let passages: Passage[] = [];
  for (const hit of hits) {
    const candidate = addHit(passages, hit);
    if (count(candidate.map(shorten)) > options.maxTokens) left.push(hit);
    else passages = candidate;
  }
  const shown = passages.map(shorten);
  while (shown.length > 0 && !isWithin(shown, options)) left.push(...(shown.pop()?.hits ?? []));
  return { passages: shown, left: left.sort((a, b) => hits.indexOf(a) - hits.indexOf(b)) };
}

/** Adds the strongest sentences of hits that had no room whole, where sentences are weighed. */
function takeParts(
  passages: readonly Passage[],
  left: readonly SearchHit[],
  options: ContextOptions,
): readonly Passage[] {
  const { weigh, maxTokens } = options;
  if (!weigh) return passages;
  const count = passageCounter(options);
  let filled = passages;
  for (const hit of left) {
    const part = strongestPart(hit, weigh, (candidate) => count(addPassage(filled, candidate)) <= maxTokens);
    const longer = part && addPassage(filled, part);
    if (longer && isWithin(longer, options)) filled = longer;
  }
  return filled;
}

/** Passages are counted one by one and once each: counting the whole text for each hit would be quadratic. */
function passageCounter({ countTokens }: ContextOptions): (passages: readonly Passage[]) => number {
  const counted = new WeakMap<Passage, number>();
  const count = (passage: Passage, index: number) => {
    const tokens =
      counted.get(passage) ??
      countTokens(SEPARATOR.repeat(Math.min(index, 1)) + renderPassage(passage, index));
    counted.set(passage, tokens);
    return tokens;
  };
  return (passages) => passages.reduce((sum, passage, index) => sum + count(passage, index), 0);
}

/** Some tokenizers count a whole differently from the sum of its parts, and the promise is about the whole. */
function isWithin(passages: readonly Passage[], { maxTokens, order, countTokens }: ContextOptions): boolean {
  return countTokens(render(arrange(passages, order))) <= maxTokens;
}

/** The longest beginning of a hit that fits, ending with a whole sentence or else a whole word. */
function cutToFit(hit: SearchHit, { maxTokens, countTokens }: ContextOptions): Passage | undefined {
  // No tokenizer makes one token of so many characters; the rest of a huge text need not even be looked at.
  const head = hit.text.slice(0, maxTokens * 64);
  for (const granularity of ['sentence', 'word'] as const) {
    const segments = [...new Intl.Segmenter('en', { granularity }).segment(head)];
    const ends = segments
      .filter(({ segment }) => segment.trim() !== '')
      .map(({ index, segment }) => index + segment.trimEnd().length);
    let fitting: Passage | undefined;
    for (let low = 0, high = ends.length - 1; low <= high; ) {
      const middle = (low + high) >> 1;
      const cut = cutPassage(hit, ends[middle] ?? 0);
      if (countTokens(render([cut])) <= maxTokens) {
        fitting = cut;
        low = middle + 1;
      } else high = middle - 1;
    }
    if (fitting) return fitting;
  }
  return undefined;
}

function cutPassage(hit: SearchHit, length: number): Passage {
  const { range } = passageOf(hit);
  return {
    hits: [hit],
    text: hit.text.slice(0, length),
    isCut: true,
    ...(range ? { range: { start: range.start, end: range.start + length } } : {}),
  };
}

function omission({ collection, chunkId }: SearchHit, reason: Omission['reason']): Omission {
  return { collection, chunkId, reason };
}
