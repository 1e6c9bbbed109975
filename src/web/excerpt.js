/** @import { Highlights, Span } from './types.d.ts' */

/** @typedef {{ text: string, isWord: boolean, isSentence: boolean }} Piece */

/**
 * Cuts a text at the borders of what is to be marked in it, so that each piece is marked as one.
 *
 * @param {string} text
 * @param {Highlights} [highlights] offsets into the text
 * @param {Span} [range] the part that is wanted; all of it unless given
 * @returns {Piece[]}
 */
export function cutPieces(text, highlights, range = { start: 0, end: text.length }) {
  const words = highlights?.matchedWords ?? [];
  const sentence = highlights?.nearestSentence;
  const spans = sentence ? [...words, sentence] : words;
  const borders = new Set([range.start, range.end]);
  for (const { start, end } of spans) {
    for (const at of [start, end]) if (at > range.start && at < range.end) borders.add(at);
  }
  const cuts = [...borders].sort((a, b) => a - b);
  return cuts.slice(1).map((end, at) => {
    const start = cuts[at] ?? range.start;
    return {
      text: text.slice(start, end),
      isWord: words.some((word) => word.start <= start && end <= word.end),
      isSentence: sentence !== undefined && sentence.start <= start && end <= sentence.end,
    };
  });
}

/**
 * The part of a text to show: where the nearest sentence stands, else where most matched words do, else its beginning.
 *
 * @param {string} text
 * @param {Highlights | undefined} highlights
 * @param {number} length in UTF-16 units; a little more is given so that words stay whole
 * @returns {Span}
 */
export function chooseRange(text, highlights, length) {
  if (text.length <= length * 1.2) return { start: 0, end: text.length };
  const focus = highlights?.nearestSentence ?? densest(highlights?.matchedWords ?? [], length);
  const room = Math.max(0, length - ((focus?.end ?? 0) - (focus?.start ?? 0)));
  const wanted = Math.max(0, Math.min((focus?.start ?? 0) - room / 2, text.length - length));
  const start = wanted === 0 ? 0 : wordStart(text, Math.floor(wanted));
  return { start, end: wordEnd(text, Math.min(text.length, start + length)) };
}

/**
 * @param {readonly Span[]} words in the order of the text
 * @param {number} length
 * @returns {Span | undefined}
 */
function densest(words, length) {
  let best;
  let most = 0;
  for (const [at, first] of words.entries()) {
    const near = words.slice(at).filter(({ end }) => end - first.start <= length);
    if (near.length <= most) continue;
    most = near.length;
    best = { start: first.start, end: near.at(-1)?.end ?? first.end };
  }
  return best;
}

const WORD_LENGTH = 40;

/**
 * @param {string} text
 * @param {number} at
 */
function wordStart(text, at) {
  const space = text.slice(at, at + WORD_LENGTH).search(/\s/);
  return space === -1 ? wholeCharacter(text, at) : at + space + 1;
}

/**
 * @param {string} text
 * @param {number} at
 */
function wordEnd(text, at) {
  const space = text.slice(at, at + WORD_LENGTH).search(/\s/);
  return space === -1 ? wholeCharacter(text, at) : at + space;
}

/**
 * Never between the halves of a surrogate pair.
 *
 * @param {string} text
 * @param {number} at
 */
function wholeCharacter(text, at) {
  const unit = text.charCodeAt(at);
  return unit >= 0xdc00 && unit <= 0xdfff ? at + 1 : at;
}
