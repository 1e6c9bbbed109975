import { readFileSync } from 'node:fs';
import { Tokenizer } from '@huggingface/tokenizers';
import { errorMessage, StackloreError } from '../errors.ts';

/** Sees text as a model does: as tokens. Pure once loaded, and linear in the length of the text. */
export interface TextTokenizer {
  /** The ids of the text's tokens, with the special tokens the model expects around them. */
  encode(text: string): number[];
  /** Tokens of the text, without special tokens. */
  count(text: string): number;
  /** Special tokens that `encode` puts around any text. */
  readonly specialTokens: number;
  /** True when texts joined by white space have exactly the tokens of both: a whole then need not be counted again. */
  readonly isAdditive: boolean;
}

/** Reads a `tokenizer.json` and, where there is one, its `tokenizer_config.json`. Throws `model_unavailable`. */
export function loadTokenizer(tokenizerPath: string, tokenizerConfigPath?: string): TextTokenizer {
  try {
    const definition: unknown = JSON.parse(readFileSync(tokenizerPath, 'utf8'));
    const settings: unknown = tokenizerConfigPath
      ? JSON.parse(readFileSync(tokenizerConfigPath, 'utf8'))
      : {};
    // The library checks both objects itself; what we read of them is optional and checked on use.
    return createTokenizer(definition as TokenizerDefinition, settings as Record<string, unknown>);
  } catch (cause) {
    throw new StackloreError('model_unavailable', {
      message: `The tokenizer ${tokenizerPath} cannot be used (${errorMessage(cause)}). Remove it to have it fetched again, or name a model folder with a valid tokenizer.json.`,
      cause,
    });
  }
}

/** The part of a `tokenizer.json` that decides how its text may be cut. */
export interface TokenizerDefinition {
  readonly model: {
    readonly type?: string;
    readonly max_input_chars_per_word?: number;
    readonly continuing_subword_prefix?: string;
    readonly unk_token?: string;
  };
  readonly normalizer?: { readonly type?: string; readonly lowercase?: boolean } | null;
  readonly pre_tokenizer?: { readonly type?: string } | null;
  readonly added_tokens?: readonly { readonly content: string }[];
}

/** A tokenizer from the contents of `tokenizer.json` and `tokenizer_config.json`. */
export function createTokenizer(
  definition: TokenizerDefinition,
  settings: Readonly<Record<string, unknown>> = {},
): TextTokenizer {
  const tokenizer = new Tokenizer(definition, settings);
  const isWordPiece = definition.model.type === 'WordPiece' && tokenizer.model;
  const piecesOf = isWordPiece && boundWordPiece(tokenizer.model, definition.model);
  if (!piecesOf || !readsWordByWord(definition, settings)) return new WholeTokenizer(tokenizer);
  const encodePlain = plainWordEncoder(definition, tokenizer.model.tokens_to_ids, piecesOf);
  return new WordTokenizer(tokenizer, definition.model.max_input_chars_per_word ?? 100, encodePlain);
}

/**
 * Lets the library's WordPiece look for pieces no longer than its vocabulary has for a beginning. Its own search begins
 * with all of a word, which for hashes and addresses takes longer than everything else in ingest but the model.
 */
function boundWordPiece(
  model: NonNullable<Tokenizer['model']>,
  settings: TokenizerDefinition['model'],
): (word: string) => string[] {
  const vocabulary = model.tokens_to_ids;
  const { max_input_chars_per_word: mostCharacters = 100, continuing_subword_prefix: prefix = '##' } =
    settings;
  const unknown = settings.unk_token ?? '[UNK]';
  const outer = piecesByBeginning(vocabulary.keys());
  const inner = piecesByBeginning(
    [...vocabulary.keys()].flatMap((piece) => (piece.startsWith(prefix) ? [piece.slice(prefix.length)] : [])),
  );

  const piecesOf = (word: string): string[] => {
    const pieces: string[] = [];
    for (let start = 0; start < word.length; ) {
      const { known, longest } = start === 0 ? outer : inner;
      let end = Math.min(word.length, start + (longest.get(word.slice(start, start + 2)) ?? 1));
      while (end > start && !known.has(word.slice(start, end))) end -= 1;
      if (end === start) return [unknown];
      pieces.push((start === 0 ? '' : prefix) + word.slice(start, end));
      start = end;
    }
    return pieces;
  };
  model.encode = (words: string[]) => {
    // Characters are counted only where there may be too many: most words have fewer UTF-16 units than that.
    const isTooLong = (word: string) => word.length > mostCharacters && [...word].length > mostCharacters;
    return words.flatMap((word) => (isTooLong(word) ? [unknown] : piecesOf(word)));
  };
  return piecesOf;
}

/**
 * Encodes a short word of printable ASCII without the library, which takes several times as long to find that there is
 * nothing to normalize; gives `undefined` for any other word, and for one that holds a special token.
 */
function plainWordEncoder(
  { normalizer, added_tokens: added = [] }: TokenizerDefinition,
  ids: ReadonlyMap<string, number>,
  piecesOf: (word: string) => string[],
): (word: string) => number[] | undefined {
  if (normalizer?.type !== 'BertNormalizer') return () => undefined;
  const special = added.map(({ content }) => content.toLowerCase());
  return (word) => {
    if (!PLAIN_WORD.test(word)) return undefined;
    const lower = word.toLowerCase();
    if (special.some((token) => lower.includes(token))) return undefined;
    const encoded: number[] = [];
    for (const part of (normalizer.lowercase ? lower : word).match(PLAIN_PART) ?? []) {
      for (const piece of piecesOf(part)) {
        const id = ids.get(piece);
        if (id === undefined) return undefined;
        encoded.push(id);
      }
    }
    return encoded;
  };
}

/** So short that no limit on a word's length is near. */
const PLAIN_WORD = /^[!-~]{1,25}$/;
/** What BERT takes for a word: letters and digits together, each punctuation mark alone. */
const PLAIN_PART = /[A-Za-z0-9]+|[^A-Za-z0-9]/g;

/** Pieces, and the length of the longest of those that begin with the same two UTF-16 units. */
function piecesByBeginning(pieces: Iterable<string>): { known: Set<string>; longest: Map<string, number> } {
  const known = new Set<string>();
  const longest = new Map<string, number>();
  for (const piece of pieces) {
    known.add(piece);
    const beginning = piece.slice(0, 2);
    longest.set(beginning, Math.max(piece.length, longest.get(beginning) ?? 0));
  }
  return { known, longest };
}

/** Any tokenizer: each text is encoded as a whole. */
class WholeTokenizer implements TextTokenizer {
  readonly isAdditive = false;
  readonly #tokenizer: Tokenizer;
  readonly specialTokens: number;

  constructor(tokenizer: Tokenizer) {
    this.#tokenizer = tokenizer;
    this.specialTokens = tokenizer.encode('a').ids.length - this.count('a');
  }

  encode(text: string): number[] {
    return this.#tokenizer.encode(text).ids;
  }

  count(text: string): number {
    return this.#tokenizer.encode(text, { add_special_tokens: false }).ids.length;
  }
}

/** BERT's kind of tokenizer never looks across white space, so each word is encoded once and then remembered. */
class WordTokenizer implements TextTokenizer {
  readonly isAdditive = true;
  readonly #tokenizer: Tokenizer;
  readonly #longestWord: number;
  readonly #before: readonly number[];
  readonly #after: readonly number[];
  readonly #encodePlain: (word: string) => number[] | undefined;
  readonly #known = new Map<string, readonly number[]>();

  constructor(
    tokenizer: Tokenizer,
    longestWord: number,
    encodePlain: (word: string) => number[] | undefined,
  ) {
    this.#tokenizer = tokenizer;
    this.#longestWord = longestWord;
    this.#encodePlain = encodePlain;
    const around = tokenizer.encode('a').ids;
    const at = around.indexOf(tokenizer.encode('a', { add_special_tokens: false }).ids[0] ?? -1);
    this.#before = around.slice(0, at);
    this.#after = around.slice(at + 1);
  }

  get specialTokens(): number {
    return this.#before.length + this.#after.length;
  }

  encode(text: string): number[] {
    const ids = [...this.#before];
    for (const word of text.split(WORD_GAP)) {
      for (const id of this.#encodeWord(word)) ids.push(id);
    }
    for (const id of this.#after) ids.push(id);
    return ids;
  }

  count(text: string): number {
    let tokens = 0;
    for (const word of text.split(WORD_GAP)) tokens += this.#encodeWord(word).length;
    return tokens;
  }

  #encodeWord(word: string): readonly number[] {
    if (word === '') return [];
    const known = this.#known.get(word);
    if (known) return known;
    const ids = this.#encodePlain(word) ?? this.#encodeByLibrary(word);
    if (word.length <= LONGEST_REMEMBERED) {
      if (this.#known.size >= MOST_REMEMBERED) this.#known.clear();
      this.#known.set(copyOf(word), ids);
    }
    return ids;
  }

  #encodeByLibrary(word: string): number[] {
    const readable = breakLongWords(word, this.#longestWord);
    return this.#tokenizer.encode(readable, { add_special_tokens: false }).ids;
  }
}

/**
 * White space as BERT's tokenizer sees it. Not `\s`: form feed, vertical tab and U+FEFF, which that includes, are
 * deleted by the tokenizer, so that the words beside them become one.
 */
const WORD_GAP = /[ \t\n\r\p{Z}]+/u;
const LONGEST_REMEMBERED = 256;
const MOST_REMEMBERED = 20_000;

/** The same characters on their own: a piece of a longer string keeps all of that string in memory. */
function copyOf(word: string): string {
  return Buffer.from(word, 'utf16le').toString('utf16le');
}

function readsWordByWord(
  definition: TokenizerDefinition,
  settings: Readonly<Record<string, unknown>>,
): boolean {
  const normalizer = definition.normalizer?.type ?? 'BertNormalizer';
  return (
    definition.model.type === 'WordPiece' &&
    definition.pre_tokenizer?.type === 'BertPreTokenizer' &&
    normalizer === 'BertNormalizer' &&
    !settings.remove_space &&
    !settings.do_lowercase_and_remove_accent &&
    !(definition.added_tokens ?? []).some(({ content }) => /\s/.test(content))
  );
}

/** A letter run over the model's limit would be one unknown token and say nothing: it is cut into words it can read. */
function breakLongWords(word: string, longestWord: number): string {
  // Composed characters become up to four when the tokenizer takes them apart, so shorter runs are looked at too.
  if (word.length * 4 <= longestWord) return word;
  return word.replace(LETTER_RUN, (run) =>
    run.length * 4 > longestWord && [...run.normalize('NFD')].length > longestWord
      ? run.replace(READABLE_PART, '$& ')
      : run,
  );
}

/** What BERT's tokenizer takes for one word: anything but white space and its own idea of punctuation. */
const LETTER_RUN = /[^\s\p{P}!-/:-@[-`{-~]+/gu;
const READABLE_PART = /.{24}\p{M}{0,4}/gu;
