import { hash as digest } from 'node:crypto';
import type { TextTokenizer } from '../text/count-tokens.ts';

/** What may stand before a chunk's text in what is embedded. */
export interface ChunkContext {
  readonly title: string;
  /** Heading path, outermost first. */
  readonly headings: readonly string[];
  /** Headings that the chunk's text holds already. */
  readonly shown: ReadonlySet<string>;
  /** Tokens of the chunk's text, where they were counted. */
  readonly textTokens: number | undefined;
}

/** How long the embedded text may be. */
export interface InputLimits {
  readonly tokenizer: TextTokenizer;
  /** Tokens the model reads, its document prefix and special tokens included. */
  readonly maxTokens: number;
  readonly documentPrefix: string;
}

/**
 * What is embedded for a chunk: title and headings, a line each, then the text. Where the model does not read that
 * many tokens, the outer headings go first, then the inner ones, then the end of the title; never any of the text.
 */
export function chunkInput(
  text: string,
  { title, headings, shown, textTokens }: ChunkContext,
  limits: InputLimits,
): string {
  const name = shown.has(title.trim()) ? '' : title.trim();
  const path = headings
    .map((heading) => heading.trim())
    .filter((heading) => !shown.has(heading) && heading !== name);
  for (const lines of shorterAndShorter(name, path)) {
    const input = [...lines, text].join('\n');
    const tokens =
      textTokens === undefined ? undefined : textTokens + limits.tokenizer.count(lines.join('\n'));
    if (isReadable(input, tokens, limits)) return input;
  }
  return text;
}

/** What a chunk keeps of its input, so that its vector is made anew only when that changed. */
export function hashInput(input: string): string {
  return digest('sha256', input).slice(0, 32);
}

/** Whether the model reads all of a text with the document prefix before it; `tokens` are the text's, if known. */
export function isReadable(text: string, tokens: number | undefined, limits: InputLimits): boolean {
  const { tokenizer, maxTokens, documentPrefix } = limits;
  const isKnown = tokens !== undefined && tokenizer.isAdditive && documentPrefix.trimStart() === '';
  const all = isKnown ? tokens + tokenizer.specialTokens : tokenizer.encode(documentPrefix + text).length;
  return all <= maxTokens;
}

function* shorterAndShorter(title: string, path: readonly string[]): Generator<readonly string[]> {
  for (let dropped = 0; dropped <= path.length; dropped++) {
    yield [title, ...path.slice(dropped)].filter((line) => line !== '');
  }
  const words = title.split(/\s+/);
  // Halving finds the place in a few steps also where a title is a whole page.
  for (let kept = words.length >> 1; kept > 0; kept >>= 1) yield [words.slice(0, kept).join(' ')];
}
