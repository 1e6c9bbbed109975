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
  readonly model: { readonly type?: string; readonly max_input_chars_per_word?: number };
  readonly normalizer?: { readonly type?: string } | null;
  readonly pre_tokenizer?: { readonly type?: string } | null;
  readonly added_tokens?: readonly { readonly content: string }[];
}

/** A tokenizer from the contents of `tokenizer.json` and `tokenizer_config.json`. */
export function createTokenizer(
  definition: TokenizerDefinition,
  settings: Readonly<Record<string, unknown>> = {},
): TextTokenizer {
  const tokenizer = new Tokenizer(definition, settings);
  return readsWordByWord(definition, settings)
    ? new WordTokenizer(tokenizer, definition.model.max_input_chars_per_word ?? 100)
    : new WholeTokenizer(tokenizer);
}

/** Any tokenizer: each text is encoded as a whole. */
class WholeTokenizer implements TextTokenizer {
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
  readonly #tokenizer: Tokenizer;
  readonly #longestWord: number;
  readonly #before: readonly number[];
  readonly #after: readonly number[];
  readonly #known = new Map<string, readonly number[]>();

  constructor(tokenizer: Tokenizer, longestWord: number) {
    this.#tokenizer = tokenizer;
    this.#longestWord = longestWord;
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
    const ids = this.#tokenizer.encode(breakLongWords(word, this.#longestWord), {
      add_special_tokens: false,
    }).ids;
    if (word.length <= LONGEST_REMEMBERED) {
      if (this.#known.size >= MOST_REMEMBERED) this.#known.clear();
      this.#known.set(copyOf(word), ids);
    }
    return ids;
  }
}

/**
 * White space as BERT's tokenizer sees it. Not `\s`: form feed, vertical tab and U+FEFF, which that includes, are
 * deleted by the tokenizer, so that the words beside them become one.
 */
const WORD_GAP = /[ \t\n\r\p{Z}]+/u;
const LONGEST_REMEMBERED = 32;
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
