import { element } from './element.js';
import { chooseRange, cutPieces } from './excerpt.js';

/** @import { Highlights } from './types.d.ts' */

/**
 * A text with its matched words and its nearest sentence marked.
 *
 * @param {string} text
 * @param {Highlights} [highlights]
 * @param {{ length?: number }} [options] show about so many characters of it only
 */
export function passage(text, highlights, { length } = {}) {
  const range = length ? chooseRange(text, highlights, length) : { start: 0, end: text.length };
  const pieces = cutPieces(text, highlights, range).map((piece) => {
    const marked = piece.isWord ? element('mark', {}, piece.text) : piece.text;
    return piece.isSentence ? element('span', { class: 'sentence' }, marked) : marked;
  });
  return element(
    'p',
    { class: 'passage', dir: 'auto' },
    range.start > 0 && '… ',
    ...pieces,
    range.end < text.length && ' …',
  );
}
