import type { Span } from './sentences.ts';
import { COMPOUND, IS_ASCII, lower, PART_BOUNDARY, RUN, SPACELESS, STRETCH } from './words.ts';

/** A word as `words` gives it, and where it stands: `text.slice(start, end)`, UTF-16 offsets into the text as given. */
export interface WordSpan extends Span {
  readonly word: string;
}

/**
 * The words of a text as `words` gives them, in the same order, each with its place. A part of a compound identifier
 * has the place of the part, the compound as one word that of the whole. Slower than `words`: for texts that are shown.
 */
export function* wordSpans(text: string): Generator<WordSpan> {
  const { composed, start, end } = composeInPlace(text);
  const place = (word: string, from: number, to: number): WordSpan => ({
    word,
    start: start(from),
    end: end(to),
  });
  for (const { 0: run, index } of composed.matchAll(RUN)) {
    const spans = SPACELESS.test(run)
      ? spacelessSpans(run)
      : COMPOUND.test(run)
        ? compoundSpans(run)
        : [{ word: lower(run), start: 0, end: run.length }];
    for (const span of spans) yield place(span.word, index + span.start, index + span.end);
  }
}

function* compoundSpans(run: string): Generator<WordSpan> {
  let at = 0;
  let count = 0;
  for (const part of run.split(PART_BOUNDARY)) {
    if (part === '') continue;
    const start = run.indexOf(part, at);
    at = start + part.length;
    count += 1;
    yield { word: lower(part), start, end: at };
  }
  if (count > 1) yield { word: lower(run.replaceAll('_', '')), start: 0, end: at };
}

function* spacelessSpans(run: string): Generator<WordSpan> {
  for (const { 0: stretch, index } of run.matchAll(STRETCH)) {
    if (!SPACELESS.test(stretch)) {
      yield { word: lower(stretch), start: index, end: index + stretch.length };
      continue;
    }
    const characters = [...stretch];
    if (characters.length === 1) yield { word: stretch, start: index, end: index + stretch.length };
    let start = index;
    for (let n = 0; n + 1 < characters.length; n++) {
      const pair = `${characters[n]}${characters[n + 1]}`;
      yield { word: pair, start, end: start + pair.length };
      start += characters[n]?.length ?? 0;
    }
  }
}

/** A text in the form words are cut from, and the places in the text as given of what stands between two of its offsets. */
interface Composed {
  readonly composed: string;
  readonly start: (offset: number) => number;
  readonly end: (offset: number) => number;
}

/** Characters that are composed together: Hangul letters of one syllable, or any with the marks that follow it. */
const CLUSTER = /[\u1100-\u11FF]+|[\s\S]\p{M}*/gu;

function composeInPlace(text: string): Composed {
  const same = (offset: number) => offset;
  if (IS_ASCII.test(text) || text.normalize('NFKC') === text)
    return { composed: text, start: same, end: same };
  let composed = '';
  const starts: number[] = [];
  const ends: number[] = [];
  for (const { 0: cluster, index } of text.matchAll(CLUSTER)) {
    const form = cluster.normalize('NFKC');
    composed += form;
    for (let unit = 0; unit < form.length; unit++) {
      starts.push(index);
      ends.push(index + cluster.length);
    }
  }
  return {
    composed,
    start: (offset) => starts[offset] ?? text.length,
    end: (offset) => ends[offset - 1] ?? 0,
  };
}
