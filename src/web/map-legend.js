import { documentColour } from './document-colour.js';
import { element, replaceChildren } from './element.js';
import { counted } from './format.js';
import { onThemeChange } from './theme.js';

/** @import { MapDocument } from './map-scene.js' */
/** @import { MapPoint } from './types.d.ts' */

const PAGE_SIZE = 30;
const POINTS_PER_DOCUMENT = 100;

/**
 * The documents of a map with their colours, which is also the way to every point without a pointer.
 *
 * @param {{ onLight: (docId: string) => void, onSelect: (point: MapPoint) => void }} parts
 */
export function documentLegend({ onLight, onSelect }) {
  const list = element('ul', { class: 'legend' });
  const more = element('button', { type: 'button', class: 'quiet', click: extend }, 'Show more documents');
  const frame = element(
    'section',
    { 'aria-label': 'Documents on the map' },
    element('h2', {}, 'Documents'),
    list,
    more,
  );
  /** @type {readonly MapDocument[]} */
  let documents = [];
  let shown = 0;

  function extend() {
    const next = documents.slice(shown, shown + PAGE_SIZE).map((document, at) => item(document, shown + at));
    list.append(...next);
    shown += next.length;
    more.hidden = shown >= documents.length;
  }

  /**
   * @param {MapDocument} document
   * @param {number} rank
   */
  function item({ docId, title, points: own }, rank) {
    const swatch = element('span', { class: 'swatch' });
    swatch.style.background = documentColour(rank);
    const passages = element('ol', { class: 'legend-points', hidden: true });
    const button = element(
      'button',
      { type: 'button', class: 'legend-name', 'aria-expanded': 'false', click: toggle },
      swatch,
      element('span', { dir: 'auto' }, title),
      element('span', { class: 'count' }, String(own.length)),
    );
    function toggle() {
      const isOpen = button.getAttribute('aria-expanded') !== 'true';
      for (const other of list.querySelectorAll('[aria-expanded="true"]')) {
        other.setAttribute('aria-expanded', 'false');
        other.nextElementSibling?.setAttribute('hidden', '');
      }
      button.setAttribute('aria-expanded', String(isOpen));
      passages.hidden = !isOpen;
      onLight(isOpen ? docId : '');
      if (isOpen && passages.childElementCount === 0) fill();
    }
    function fill() {
      const buttons = own.slice(0, POINTS_PER_DOCUMENT).map((point, place) => {
        const label = `Passage ${place + 1} of ${title}`;
        const attributes = {
          type: 'button',
          class: 'link',
          'aria-label': label,
          click: () => onSelect(point),
        };
        return element('li', {}, element('button', attributes, String(place + 1)));
      });
      const rest = own.length - buttons.length;
      replaceChildren(
        passages,
        ...buttons,
        rest > 0 && element('li', {}, `and ${counted(rest, 'more point')}`),
      );
    }
    return element('li', {}, button, passages);
  }

  onThemeChange(() => {
    for (const [rank, swatch] of [...list.querySelectorAll('.swatch')].entries()) {
      if (swatch instanceof HTMLElement) swatch.style.background = documentColour(rank);
    }
  });

  return {
    element: frame,
    /** @param {readonly MapDocument[]} all */
    show(all) {
      documents = all;
      shown = 0;
      frame.hidden = all.length === 0;
      replaceChildren(list);
      extend();
    },
  };
}
