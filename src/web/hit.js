import { element } from './element.js';
import { passage } from './passage.js';
import { addressOf } from './router.js';

/** @import { Hit } from './types.d.ts' */

const EXCERPT_LENGTH = 420;

/**
 * One hit: what it is, where it stands, why it was found, and its passage.
 *
 * @param {Hit} hit
 * @param {{ rank: number, showsCollection: boolean }} options
 */
export function hitItem(hit, { rank, showsCollection }) {
  const { title, source, headings, page, text, highlights } = hit;
  const path = headings.filter((heading) => heading !== title).join(' › ');
  const isLong = text.length > EXCERPT_LENGTH * 1.2;
  const body = element('div', {}, passage(text, highlights, { length: EXCERPT_LENGTH }));
  const more = element(
    'button',
    { type: 'button', class: 'link', 'aria-expanded': 'false', click: toggle },
    'Show the whole passage',
  );
  function toggle() {
    const isWhole = more.getAttribute('aria-expanded') !== 'true';
    more.setAttribute('aria-expanded', String(isWhole));
    more.textContent = isWhole ? 'Show less' : 'Show the whole passage';
    body.replaceChildren(passage(text, highlights, isWhole ? {} : { length: EXCERPT_LENGTH }));
  }
  return element(
    'li',
    { class: 'hit' },
    element(
      'h2',
      { class: 'hit-title', dir: 'auto' },
      element('a', { href: documentAddress(hit), 'data-hit': rank }, title || source),
    ),
    element(
      'p',
      { class: 'hit-place' },
      path !== '' && element('span', { class: 'path', dir: 'auto' }, path),
      element('span', { class: 'source' }, source),
      page !== undefined && `page ${page}`,
      showsCollection && element('span', { class: 'chip' }, hit.collection),
    ),
    body,
    element('div', { class: 'hit-foot' }, scores(hit), isLong && more),
  );
}

/** @param {Pick<Hit, 'docId' | 'chunkId'>} hit */
export function documentAddress({ docId, chunkId }) {
  return addressOf('document', { id: docId, chunk: chunkId });
}

/** @param {Hit} hit */
function scores({ score, vectorScore, textScore, matchedTerms = [] }) {
  return element(
    'dl',
    { class: 'scores' },
    pair('score', score.toFixed(3)),
    pair('meaning', vectorScore.toFixed(3)),
    textScore !== undefined && pair('words', textScore.toFixed(2)),
    matchedTerms.length > 0 && pair('terms', matchedTerms.join(', ')),
  );
}

/**
 * @param {string} name
 * @param {string} value
 */
function pair(name, value) {
  return element('div', {}, element('dt', {}, name), element('dd', {}, value));
}
