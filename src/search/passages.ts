import type { PassageOrder } from './request.ts';
import type { SearchHit } from './search.ts';

/** One piece of a document's text, made of one hit or of neighbouring ones. */
export interface Passage {
  /** In the document's order. */
  readonly hits: readonly SearchHit[];
  readonly text: string;
  /** Whether the hit goes on after it. */
  readonly isCut?: boolean;
  /** The place of `text` in the document, when the hits tell it reliably. */
  readonly range?: { readonly start: number; readonly end: number };
}

/** The longest white space between two chunks that is put back when they are joined. */
const MAX_GAP = 16;

/** Adds a hit as a passage, see `addPassage`. */
export function addHit(passages: readonly Passage[], hit: SearchHit): Passage[] {
  return addPassage(passages, passageOf(hit));
}

/** Adds a passage: to those it touches, which become one in the place of the first, or as one of its own. */
export function addPassage(passages: readonly Passage[], added: Passage): Passage[] {
  let joined = added;
  let place = passages.length;
  const others: Passage[] = [];
  for (const passage of passages) {
    const both = joinPassages(passage, joined);
    if (!both) {
      others.push(passage);
      continue;
    }
    joined = both;
    place = Math.min(place, others.length);
  }
  return others.toSpliced(place, 0, joined);
}

/** Passages, given best first, as they are shown: so, or as they stand in their documents, the best document first. */
export function arrange(passages: readonly Passage[], order: PassageOrder = 'best'): readonly Passage[] {
  if (order === 'best') return passages;
  const documents = [...new Set(passages.map(documentOf))];
  return documents.flatMap((document) =>
    passages
      .filter((passage) => documentOf(passage) === document)
      .sort((a, b) => (a.range?.start ?? 0) - (b.range?.start ?? 0)),
  );
}

function documentOf({ hits }: Passage): string {
  const [first] = hits;
  return `${first?.collection} ${first?.docId}`;
}

/** A hit as a passage. Its range counts only when it has the text's length: other writers may count otherwise. */
export function passageOf(hit: SearchHit): Passage {
  const { start, end, text } = hit;
  const isReliable = start !== undefined && end !== undefined && end - start === text.length;
  return { hits: [hit], text, ...(isReliable ? { range: { start, end } } : {}) };
}

/** A lone hit keeps the offsets its writer gave it, even where they do not measure the text as we do. */
export function rangeOf({ range, hits: [first] }: Passage): { start?: number; end?: number } {
  if (range || first?.start === undefined || first.end === undefined) return { ...range };
  return { start: first.start, end: first.end };
}

/** The headings that all of the passage's hits share, outermost first. */
export function headingsOf({ hits: [first, ...others] }: Passage): readonly string[] {
  const headings = first?.headings ?? [];
  const differs = headings.findIndex((heading, level) =>
    others.some((hit) => hit.headings[level] !== heading),
  );
  return differs === -1 ? headings : headings.slice(0, differs);
}

/** Both passages as one, or `undefined` when they are not neighbours in the same document. */
function joinPassages(a: Passage, b: Passage): Passage | undefined {
  const [hitA] = a.hits;
  const [hitB] = b.hits;
  if (!a.range || !b.range || hitA?.docId !== hitB?.docId || hitA?.collection !== hitB?.collection)
    return undefined;
  const [first, second] = a.range.start <= b.range.start ? [a, b] : [b, a];
  const text = joinTexts(first, second);
  if (text === undefined) return undefined;
  const hits = [...a.hits, ...b.hits].sort((x, y) => (x.start ?? 0) - (y.start ?? 0));
  const start = Math.min(a.range.start, b.range.start);
  return { hits, text, range: { start, end: start + text.length } };
}

/** The text of both, without what they share; `undefined` when they lie apart or contradict each other. */
function joinTexts(first: Passage, second: Passage): string | undefined {
  if (!first.range || !second.range) return undefined;
  const gap = second.range.start - first.range.end;
  if (gap === 0) return first.text + second.text;
  if (gap > 0)
    return follows(first, second, gap) ? first.text + whiteSpace(gap, first.text) + second.text : undefined;
  // Hits of two versions of a document can overlap by their offsets and still say different things.
  const shared = first.text.slice(second.range.start - first.range.start);
  if (second.text.length <= shared.length) return shared.startsWith(second.text) ? first.text : undefined;
  return second.text.startsWith(shared) ? first.text + second.text.slice(shared.length) : undefined;
}

/** Whether nothing but white space is missing: the chunker leaves out no more than that between one chunk and the next. */
function follows(first: Passage, second: Passage, gap: number): boolean {
  const ends = first.hits.filter(({ end }) => end === first.range?.end).map(chunkIndexOf);
  const starts = second.hits.filter(({ start }) => start === second.range?.start).map(chunkIndexOf);
  return gap <= MAX_GAP && ends.some((index) => index !== undefined && starts.includes(index + 1));
}

function chunkIndexOf({ metadata }: SearchHit): number | undefined {
  return typeof metadata.chunk_index === 'number' ? metadata.chunk_index : undefined;
}

/** Which white space it was is not stored; offsets into the passage stay right because its length is. */
function whiteSpace(length: number, before: string): string {
  return length === 1 && /[\p{P}\p{L}\p{N}]$/u.test(before) ? ' ' : '\n'.repeat(length);
}
