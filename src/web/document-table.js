import { element, replaceChildren } from './element.js';
import { formatDate, formatNumber } from './format.js';
import { addressOf } from './router.js';

/** @import { DocumentEntry } from './types.d.ts' */

/**
 * A page of documents; arrow keys go up and down, Enter opens, Delete deletes.
 *
 * @param {{ onDelete: (entry: DocumentEntry) => void }} parts
 */
export function documentTable({ onDelete }) {
  const rows = element('tbody');
  const shown = element('div', { class: 'table-frame', tabindex: '-1' });
  const table = element(
    'table',
    {},
    element('caption', { class: 'visually-hidden' }, 'Documents'),
    element(
      'thead',
      {},
      element(
        'tr',
        {},
        ...['Document', 'Type'].map((name) => element('th', { scope: 'col' }, name)),
        ...['Passages', 'Words'].map((name) => element('th', { scope: 'col', class: 'number' }, name)),
        element('th', { scope: 'col' }, 'Updated'),
        element('th', { scope: 'col' }, element('span', { class: 'visually-hidden' }, 'Delete')),
      ),
    ),
    rows,
  );
  rows.addEventListener('keydown', (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const links = /** @type {HTMLElement[]} */ ([...rows.querySelectorAll('a')]);
    const at = links.findIndex((link) => link.matches(':focus'));
    if (step === undefined || at === -1) return;
    event.preventDefault();
    links[at + step]?.focus();
  });

  return {
    element: shown,
    focus: () => shown.focus(),
    /** @param {readonly DocumentEntry[]} entries */
    show(entries) {
      replaceChildren(rows, ...entries.map((entry) => row(entry, onDelete)));
      replaceChildren(shown, entries.length > 0 && table);
    },
  };
}

/**
 * @param {DocumentEntry} entry
 * @param {(entry: DocumentEntry) => void} onDelete
 */
function row(entry, onDelete) {
  const { docId, title, source, contentType, chunkCount, wordCount, updatedAt } = entry;
  const name = title || source;
  return element(
    'tr',
    {},
    element(
      'td',
      { class: 'document-name' },
      element('a', { href: addressOf('document', { id: docId }), dir: 'auto' }, name),
      source !== name && element('div', { class: 'source' }, source),
    ),
    element('td', {}, contentType),
    element('td', { class: 'number' }, formatNumber(chunkCount)),
    element('td', { class: 'number' }, formatNumber(wordCount)),
    element('td', {}, formatDate(updatedAt)),
    element(
      'td',
      {},
      element(
        'button',
        { type: 'button', class: 'link', 'aria-label': `Delete ${name}`, click: () => onDelete(entry) },
        'Delete',
      ),
    ),
  );
}
