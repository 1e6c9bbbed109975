import { headingsOf, type Passage, rangeOf } from './passages.ts';
import type { SearchHit } from './search.ts';

/** Where a passage of the context comes from; `number` is what `[1]` in an answer refers to. */
export interface Citation {
  readonly number: number;
  readonly collection: string;
  readonly docId: string;
  readonly source: string;
  readonly title: string;
  /** The headings that all of the passage stands under, outermost first. */
  readonly headings: readonly string[];
  /** UTF-16 offsets into the document's text; absent where the chunks have none. */
  readonly start?: number;
  readonly end?: number;
  /** The page its first chunk begins on. */
  readonly page?: number;
  /** The chunks in the passage, in the document's order. */
  readonly chunkIds: readonly string[];
  /** Of its best chunk. */
  readonly score: number;
  /** What is cited, and the content hash of its document: `verifyCitation` looks for them. */
  readonly text: string;
  readonly contentHash?: string;
}

/** What stands between two passages, and between facts and passages. */
export const SEPARATOR = '\n\n';

/** The text of passages, each under its number and where it is from. */
export function render(passages: readonly Passage[]): string {
  return passages.map(renderPassage).join(SEPARATOR);
}

/** One passage under its number, from 1, and where it is from. */
export function renderPassage(passage: Passage, index: number): string {
  const { number, title, headings, source, page } = cite(passage, index);
  // The outermost heading of a document is often its title once more.
  const names = [title, ...headings].filter((name, level, path) => name !== path[level - 1]);
  const path = names.map(oneLine).join(' › ');
  const place = page === undefined ? oneLine(source) : `${oneLine(source)}, page ${page}`;
  return `[${number}] ${path} (${place})\n${passage.text}${passage.isCut ? ' …' : ''}`;
}

/** Where the passage at this place among those shown, from 0, comes from. */
export function cite(passage: Passage, index: number): Citation {
  const [first] = passage.hits as [SearchHit, ...SearchHit[]]; // a passage is made from a hit
  return {
    number: index + 1,
    collection: first.collection,
    docId: first.docId,
    source: first.source,
    title: first.title,
    headings: headingsOf(passage),
    ...rangeOf(passage),
    ...(first.page === undefined ? {} : { page: first.page }),
    chunkIds: passage.hits.map(({ chunkId }) => chunkId),
    score: Math.max(...passage.hits.map(({ score }) => score)),
    text: passage.text,
  };
}

const MAX_NAME_LENGTH = 160;

/** A name that cannot end the line it stands in, nor fill the budget alone. */
function oneLine(name: string): string {
  const line = name.replace(/[\s\p{Cc}]+/gu, ' ').trim();
  return line.length > MAX_NAME_LENGTH ? `${line.slice(0, MAX_NAME_LENGTH)}…` : line;
}
