import { type Span, sentences, trimmed } from '../text/sentences.ts';
import { type Passage, passageOf } from './passages.ts';
import type { SearchHit } from './search.ts';

/**
 * How much a sentence of a hit's text has to do with the question, 0 for nothing. `undefined` for a hit whose text has
 * no sentences, such as code: it stays whole.
 */
export type WeighSentence = (sentence: string, hit: SearchHit) => number | undefined;

/** Sentences after the last telling one that stay: what answers often follows the sentence that names the matter. */
const FOLLOWING = 2;

/**
 * The passage without the sentences before the first telling one, and without those that come later than `FOLLOWING`
 * after the last. Telling is what has a weight, is a table or fenced code, or is the strongest of a hit, so that
 * something of each stays. Whole where nothing has a weight, or the passage's place in the document is unknown.
 */
export function trimPassage(passage: Passage, weigh: WeighSentence): Passage {
  const { range, hits, text } = passage;
  if (!range) return passage;
  const units = weighUnits(text, hits, weigh);
  if (!units?.some(({ weight }) => weight > 0)) return passage;
  const telling = new Set(units.filter(({ weight, isBlock }) => weight > 0 || isBlock));
  for (const strongest of strongestOfEach(hits, units, range.start)) telling.add(strongest);
  const from = units.findIndex((unit) => telling.has(unit));
  const to = units.findLastIndex((unit) => telling.has(unit)) + FOLLOWING;
  const start = from === 0 ? 0 : (units[from]?.start ?? 0);
  const end = to >= units.length - 1 ? text.length : (units[to]?.end ?? text.length);
  return start === 0 && end === text.length ? passage : partOf(passage, range, { start, end });
}

/** The run of whole sentences around a hit's strongest one that fits; `undefined` where none that has a weight does. */
export function strongestPart(
  hit: SearchHit,
  weigh: WeighSentence,
  fits: (part: Passage) => boolean,
): Passage | undefined {
  const passage = passageOf(hit);
  const { range } = passage;
  const units = range && weighUnits(hit.text, [hit], weigh);
  if (!units) return undefined;
  const part = (first: Unit, last: Unit) => partOf(passage, range, { start: first.start, end: last.end });
  // Sorting keeps the order of equals: the earlier of two.
  const byWeight = units.filter(({ weight }) => weight > 0).sort((a, b) => b.weight - a.weight);
  const strongest = byWeight.find((unit) => fits(part(unit, unit)));
  if (!strongest) return undefined;
  let run = part(strongest, strongest);
  let [first, last] = [units.indexOf(strongest), units.indexOf(strongest)];
  while (last - first + 1 < LONGEST_PART) {
    const ways = [
      { first, last: last + 1, weight: units[last + 1]?.weight ?? -1 },
      { first: first - 1, last, weight: units[first - 1]?.weight ?? -1 },
    ].sort((a, b) => b.weight - a.weight);
    const grown = ways.find((way) => {
      const [from, to] = [units[way.first], units[way.last]];
      if (!from || !to || !fits(part(from, to))) return false;
      run = part(from, to);
      return true;
    });
    if (!grown) break;
    ({ first, last } = grown);
  }
  return run;
}

/** Units of a part, at most: each is tried with all of those before it, and the text of a hit may be a book. */
const LONGEST_PART = 64;

/** The strongest unit of each hit; hits and units are in the document's order, which saves comparing all with all. */
function* strongestOfEach(
  hits: readonly SearchHit[],
  units: readonly Unit[],
  offset: number,
): Generator<Unit> {
  let next = 0;
  for (const { start = 0, end = 0 } of hits) {
    while (offset + (units[next]?.end ?? Number.POSITIVE_INFINITY) <= start) next += 1;
    let strongest: Unit | undefined;
    for (let at = next; offset + (units[at]?.start ?? Number.POSITIVE_INFINITY) < end; at += 1) {
      const unit = units[at];
      if (unit && unit.weight > (strongest?.weight ?? -1)) strongest = unit;
    }
    if (strongest) yield strongest;
  }
}

/** A stretch of a passage whose place in the document is known. */
function partOf(passage: Passage, range: Span, { start, end }: Span): Passage {
  const text = passage.text.slice(start, end);
  return { ...passage, text, range: { start: range.start + start, end: range.start + end } };
}

/** What is left out or kept whole: a sentence, with the heading above it, or a table or a piece of code. */
interface Unit extends Span {
  readonly weight: number;
  readonly isBlock: boolean;
}

/** The units of a text in order, each with its weight; `undefined` where its hits have no sentences. */
function weighUnits(text: string, hits: readonly SearchHit[], weigh: WeighSentence): Unit[] | undefined {
  const [hit] = hits;
  const units: Unit[] = [];
  for (const { start, end, isBlock } of unitsOf(text)) {
    const weight = hit && weigh(text.slice(start, end), hit);
    if (weight === undefined) return undefined;
    units.push({ start, end, isBlock, weight });
  }
  return units;
}

function* unitsOf(text: string): Generator<Span & { isBlock: boolean }> {
  let from = 0;
  for (const block of blocksOf(text)) {
    yield* proseUnits(text, from, block.start);
    yield { ...block, isBlock: true };
    from = block.end;
  }
  yield* proseUnits(text, from, text.length);
}

/** Sentences; a heading stays with what follows it. */
function* proseUnits(text: string, start: number, end: number): Generator<Span & { isBlock: boolean }> {
  let from: number | undefined;
  let last: Span | undefined;
  for (const sentence of sentences(text, start, end)) {
    last = sentence;
    from ??= sentence.start;
    if (HEADING.test(text.slice(sentence.start, sentence.end))) continue;
    yield { start: from, end: sentence.end, isBlock: false };
    from = undefined;
  }
  if (last && from !== undefined) yield { start: from, end: last.end, isBlock: false };
}

const HEADING = /^#{1,6}\s[^\n]*$/;

/** Fenced code, tables and indented lines. */
function blocksOf(text: string): Span[] {
  // A chunk may begin or end within fenced code, and which side of a lone fence is code cannot be told.
  const isTorn = [...text.matchAll(FENCE)].length % 2 === 1;
  if (isTorn) return [{ start: 0, end: text.length }];
  return Array.from(text.matchAll(BLOCK), ({ 0: block, index }) =>
    trimmed(text, index, index + block.length),
  ).filter((block) => block !== undefined);
}

const FENCE = /^[ \t]*(?:```|~~~)/gm;
const BLOCK =
  /^[ \t]*(```|~~~)[\s\S]*?^[ \t]*\1[^\n]*$|^(?:[ \t]*\|[^\n]*(?:\n|$))+|^(?:(?: {4}|\t)[^\n]*(?:\n|$))+/gm;
