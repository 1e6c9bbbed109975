import { StackloreError } from '../errors.ts';
import type { TextTokenizer } from '../text/count-tokens.ts';
import { chunkInput, isReadable } from './chunk-input.ts';
import type { CuttableText } from './parse/document.ts';
import { BOUNDARY, type Boundary, countedWords, type Piece, piecesOf, samePath } from './pieces.ts';

/** Raised whenever the same document and options would give other chunks than before. */
export const CHUNKER_VERSION = 1;

/** A piece of a document's text, and what is embedded for it. */
export interface TextChunk {
  readonly index: number;
  /** Exactly `document.text.slice(start, end)`. */
  readonly text: string;
  readonly start: number;
  readonly end: number;
  /** The path of headings that all of the chunk is below, outermost first. */
  readonly headings: readonly string[];
  /** The page the chunk starts on. */
  readonly page?: number;
  /** What is embedded: title, headings and text, never more than the model reads. */
  readonly input: string;
}

/** How a document is cut. */
export interface ChunkOptions {
  /** Tokens of a chunk's text, at most. */
  readonly size: number;
  /** Tokens at the start of a chunk that repeat the end of the one before, at most. */
  readonly overlap: number;
  /** Tokens the model reads, special tokens included. */
  readonly maxTokens: number;
  readonly tokenizer: TextTokenizer;
  readonly documentPrefix: string;
}

/**
 * Cuts a document into chunks: along its headings, paragraphs, list items, lines of code and rows where they fit, then
 * at sentences, then at words. The chunks hold every character that is not white space; a document without any gives
 * none. Throws `invalid_input` for sizes that no text fits in.
 */
export function* chunkDocument(document: CuttableText, options: ChunkOptions): Generator<TextChunk> {
  const size = usableSize(options);
  const limits = { tokens: size, characters: size * CHARACTERS_PER_TOKEN };
  const chunker = new Chunker(document, { ...options, size });
  for (const piece of piecesOf(document, options.tokenizer, limits)) yield* chunker.add(piece);
  yield* chunker.finish();
}

/** Whether a text makes more chunks than allowed for sure, whatever the tokenizer sees in it; cheaper than to cut it. */
export function isSurelyTooLong(
  text: string,
  { size, maxChunks }: { size: number; maxChunks: number },
): boolean {
  const most = maxChunks * size * CHARACTERS_PER_TOKEN;
  if (text.length <= most) return false;
  // White space between chunks belongs to none of them.
  let count = 0;
  for (let index = 0; index < text.length && count <= most; index += 1) {
    const code = text.charCodeAt(index);
    if (code > 0x20 && (code < 0x80 || /\S/.test(text.charAt(index)))) count += 1;
  }
  return count > most;
}

/** More text than this for each token is no language: padding, or characters that the tokenizer drops. */
const CHARACTERS_PER_TOKEN = 24;

function usableSize({ size, overlap, maxTokens, documentPrefix, tokenizer }: ChunkOptions): number {
  const room = maxTokens - tokenizer.encode(documentPrefix).length;
  const usable = Math.min(size, room);
  if (usable >= 1 && overlap >= 0 && overlap < usable) return usable;
  throw new StackloreError('invalid_input', {
    message: `Chunks of ${size} tokens that overlap by ${overlap} cannot be made: the model reads ${maxTokens} tokens, ${room} of them text. Choose a chunk size of 1 to ${room} and a smaller overlap.`,
  });
}

/** Gathers pieces until a chunk is full. */
class Chunker {
  readonly #document: CuttableText;
  readonly #options: ChunkOptions;
  #pieces: Piece[] = [];
  /** How many of the pieces repeat the end of the previous chunk. */
  #repeated = 0;
  #index = 0;

  constructor(document: CuttableText, options: ChunkOptions) {
    this.#document = document;
    this.#options = options;
  }

  *add(piece: Piece): Generator<TextChunk> {
    if (piece.boundary === BOUNDARY.section && this.#isComplete(piece)) yield* this.finish();
    while (this.#pieces.length > 0 && !this.#hasRoom(piece)) {
      if (this.#pieces.length === this.#repeated) this.#dropRepeated(1);
      else {
        yield this.#cut(this.#bestEnd(piece.boundary), piece.boundary);
        this.#dropRepeated(this.#repeatedInTheWay(piece));
      }
    }
    this.#pieces.push(piece);
  }

  /** What was gathered, as chunks; what comes next starts afresh, without overlap. */
  *finish(): Generator<TextChunk> {
    while (this.#pieces.length > this.#repeated) yield this.#cut(this.#pieces.length, BOUNDARY.section);
    this.#pieces = [];
    this.#repeated = 0;
  }

  /** A new section starts a new chunk, unless there is next to nothing before it that it belongs with. */
  #isComplete(next: Piece): boolean {
    const fresh = this.#pieces.slice(this.#repeated);
    if (fresh.every((piece) => piece.isHeading)) return fresh.length === 0;
    if (tokensOf(this.#pieces) >= this.#options.size * SMALL) return true;
    return !belongTogether(fresh.at(-1)?.headings ?? [], next.headings);
  }

  #hasRoom(piece: Piece, skip = 0): boolean {
    const { size } = this.#options;
    const start = this.#pieces[skip]?.start ?? piece.start;
    return (
      tokensOf(this.#pieces, skip) + piece.tokens <= size && piece.end - start <= size * CHARACTERS_PER_TOKEN
    );
  }

  /** How many repeated pieces to give up so that what was carried over stays together with the next piece. */
  #repeatedInTheWay(piece: Piece): number {
    for (let skip = 0; skip <= this.#repeated; skip++) {
      if (this.#hasRoom(piece, skip)) return skip;
    }
    return 0;
  }

  #dropRepeated(count: number): void {
    this.#pieces.splice(0, count);
    this.#repeated -= count;
  }

  /** Where to end the chunk: at the strongest boundary that leaves it full enough, and never behind a heading. */
  #bestEnd(next: Boundary): number {
    const pieces = this.#pieces;
    for (const [boundary, fill] of ENDS) {
      const least = this.#options.size * fill;
      let tokens = tokensOf(pieces);
      for (let end = pieces.length; end > this.#repeated && tokens >= least; end--) {
        const last = pieces[end - 1];
        if ((pieces[end]?.boundary ?? next) >= boundary && last && !last.isHeading) return end;
        tokens -= last?.tokens ?? 0;
      }
    }
    return pieces.length;
  }

  /** The chunk of the first pieces, as many of them as the tokenizer finds to fit; the others are carried over. */
  #cut(wanted: number, next: Boundary): TextChunk {
    let end = wanted;
    let tokens = this.#countFitting(end);
    while (tokens === undefined && this.#pieces.length > 1) {
      if (end <= this.#repeated + 1) this.#dropRepeated(1);
      end--;
      tokens = this.#countFitting(end);
    }
    const taken = this.#pieces.slice(0, end);
    const carried = this.#pieces.slice(end);
    const chunk = this.#chunkOf(taken, this.#repeated, tokens);
    const repeated = (carried[0]?.boundary ?? next) === BOUNDARY.section ? [] : this.#endOf(taken);
    this.#pieces = [...repeated, ...carried];
    this.#repeated = repeated.length;
    return chunk;
  }

  /** Tokens of the first pieces' text, or `undefined` when they do not fit in a chunk. */
  #countFitting(end: number): number | undefined {
    const text = this.#textOf(this.#pieces.slice(0, end));
    const tokens = this.#options.tokenizer.count(text);
    return tokens <= this.#options.size && isReadable(text, tokens, this.#options) ? tokens : undefined;
  }

  /** The last sentences of a chunk that fit in the overlap, or the last words where no sentence does. */
  #endOf(taken: readonly Piece[]): Piece[] {
    const { overlap, tokenizer } = this.#options;
    const whole = lastFitting(taken, overlap);
    const last = taken.at(-1);
    if (whole.length > 0 || !last || overlap === 0) return whole;
    const words = [...countedWords(this.#document.text, last, tokenizer, overlap)];
    return lastFitting(
      words.map((word) => ({ ...last, ...word, boundary: BOUNDARY.word })),
      overlap,
    );
  }

  #chunkOf(taken: readonly Piece[], repeated: number, textTokens: number | undefined): TextChunk {
    const fresh = taken.slice(repeated);
    const text = this.#textOf(taken);
    const start = taken[0]?.start ?? 0;
    const page = taken[0]?.page;
    const headings = sharedPath(fresh);
    const shown = new Set(
      fresh.filter((piece) => piece.isHeading).map((piece) => piece.headings.at(-1) ?? ''),
    );
    const input = chunkInput(
      text,
      { title: this.#document.title, headings, shown, textTokens },
      this.#options,
    );
    const chunk = { index: this.#index++, text, start, end: start + text.length, headings, input };
    return page === undefined ? chunk : { ...chunk, page };
  }

  #textOf(pieces: readonly Piece[]): string {
    return this.#document.text.slice(pieces[0]?.start, pieces.at(-1)?.end);
  }
}

/** The share of a chunk under which a section may share it with the next one. */
const SMALL = 1 / 4;

/** How full a chunk must be to end at such a boundary, the strongest first. */
const ENDS: readonly (readonly [Boundary, number])[] = [
  [BOUNDARY.section, 1 / 4],
  [BOUNDARY.block, 1 / 2],
  [BOUNDARY.sentence, 1 / 4],
  [BOUNDARY.clause, 3 / 4],
  [BOUNDARY.word, 0],
];

function tokensOf(pieces: readonly Piece[], from = 0): number {
  let tokens = 0;
  for (let i = from; i < pieces.length; i++) tokens += pieces[i]?.tokens ?? 0;
  return tokens;
}

/** The last pieces of up to that many tokens, never all of them, and none from before the section they end in. */
function lastFitting(pieces: readonly Piece[], tokens: number): Piece[] {
  const end = pieces.at(-1)?.end ?? 0;
  let from = pieces.length;
  let left = tokens;
  while (from > 1 && pieces[from]?.boundary !== BOUNDARY.section) {
    const piece = pieces[from - 1];
    if (!piece || piece.tokens > left || end - piece.start > tokens * CHARACTERS_PER_TOKEN) break;
    left -= piece.tokens;
    from--;
  }
  return pieces.slice(from);
}

/** The path that all of the text is below; of headings without text, that of the last. */
function sharedPath(pieces: readonly Piece[]): readonly string[] {
  const below = pieces.filter((piece) => !piece.isHeading);
  const [first, ...others] = below.length > 0 ? below : pieces.slice(-1);
  let path = first?.headings ?? [];
  for (const { headings } of others) {
    if (headings === path) continue;
    const end = path.findIndex((heading, i) => heading !== headings[i]);
    if (end !== -1) path = path.slice(0, end);
  }
  return path;
}

/** Whether two sections follow each other below one heading, or the second is within the first. */
function belongTogether(path: readonly string[], next: readonly string[]): boolean {
  return samePath(path.slice(0, -1), next.slice(0, -1)) || samePath(path, next.slice(0, path.length));
}
