import { problemText } from './api.js';
import { findChunk } from './chunks.js';
import { listCollections, oneCollection } from './collections.js';
import { element, labelled, replaceChildren, select } from './element.js';
import { counted } from './format.js';
import { documentAddress } from './hit.js';
import { createMapCanvas } from './map-canvas.js';
import { documentLegend } from './map-legend.js';
import { passage } from './passage.js';

/** @import { CollectionMap, MapPoint, Shell, View } from './types.d.ts' */

/**
 * A collection seen from above: its chunks by meaning, the documents by colour, and a question among them.
 *
 * @param {Shell} shell
 * @returns {View}
 */
export function createMapView({ api, say, navigate }) {
  /** @type {CollectionMap} */
  let map = { points: [] };
  let asking = new AbortController();
  let reading = new AbortController();
  let shownFor = '';

  const collection = oneCollection({ onChange: load });
  const limit = select({ 1000: '1,000', 2000: '2,000', 5000: '5,000', 10000: '10,000' }, { change: load });
  limit.value = '2000';
  const question = element('input', { type: 'search', placeholder: 'Where would this question be?' });
  const status = element('p', { class: 'summary', role: 'status' });
  const chosen = element('section', {
    class: 'panel map-chosen',
    'aria-live': 'polite',
    'aria-label': 'Chosen point',
  });
  const canvas = createMapCanvas({ onSelect: showPoint, onOpen: open, describedBy: 'map-help' });
  const legend = documentLegend({ onLight: canvas.light, onSelect: canvas.select });
  const hits = element('div', { class: 'map-hits' });
  const view = element(
    'div',
    { class: 'view map' },
    element('h1', {}, 'Map'),
    element(
      'form',
      { class: 'fields', 'aria-label': 'What to show', submit: onSubmit },
      collection.element,
      labelled('Points', limit),
      labelled('Question', question),
      element('div', { class: 'field is-button' }, element('button', {}, 'Show')),
    ),
    status,
    element(
      'div',
      { class: 'map-body' },
      canvas.element,
      element('div', { class: 'map-side' }, chosen, hits),
    ),
    element(
      'p',
      { id: 'map-help', class: 'hint' },
      'Drag to move, wheel or + and − to zoom, 0 to see all. Arrow keys go from point to point, Enter opens the document.',
    ),
    legend.element,
  );
  explain();

  /** @param {Event} event */
  function onSubmit(event) {
    event.preventDefault();
    void load();
  }

  async function load() {
    asking.abort();
    asking = new AbortController();
    const { signal } = asking;
    const name = collection.chosen();
    const query = question.value.trim();
    navigate('map', { in: name, q: query }, { replace: true });
    if (name === '') {
      status.textContent = 'There is no collection yet.';
      return;
    }
    status.classList.remove('problem');
    status.textContent = 'Computing the map …';
    try {
      const body = { limit: Number(limit.value), ...(query && { query }) };
      map = await api.post(`/v1/collections/${encodeURIComponent(name)}/map`, { body, signal });
      shownFor = JSON.stringify([name, query, limit.value]);
      const documents = canvas.show(map);
      legend.show(documents);
      showHits();
      explain();
      status.textContent = `${counted(map.points.length, 'passage')} of ${counted(documents.length, 'document')}${explained()}`;
    } catch (error) {
      const problem = problemText(error);
      if (problem === undefined) return;
      status.textContent = problem;
      status.classList.add('problem');
    }
  }

  /** How much of the differences between the vectors two dimensions can show. */
  function explained() {
    const shares = [map.explained ?? []].flat();
    if (shares.length === 0) return '';
    const share = shares.reduce((sum, one) => sum + one, 0);
    return ` · the two axes show ${Math.round(share * 100)} % of the differences`;
  }

  function explain() {
    replaceChildren(chosen, element('p', { class: 'hint' }, 'Choose a point to read its passage here.'));
  }

  function showHits() {
    const points = new Map(map.points.map((point) => [point.chunkId, point]));
    const items = (map.hits ?? []).flatMap(({ chunkId }) => {
      const point = points.get(chunkId);
      if (!point) return [];
      const button = element(
        'button',
        { type: 'button', class: 'link', click: () => canvas.select(point) },
        point.title,
      );
      return [element('li', {}, button)];
    });
    replaceChildren(
      hits,
      items.length > 0 && element('h2', {}, 'Nearest passages'),
      items.length > 0 && element('ol', {}, ...items),
    );
  }

  /** @param {MapPoint} point */
  async function showPoint(point) {
    reading.abort();
    reading = new AbortController();
    const { signal } = reading;
    const title = element('h2', { dir: 'auto' }, point.title);
    const link = element('a', { href: documentAddress(point) }, 'Open the document here');
    try {
      const chunk = await findChunk(api, { ...point, signal });
      if (!chunk) return replaceChildren(chosen, title, element('p', {}, 'This passage is there no more.'));
      const path = chunk.headings.join(' › ');
      replaceChildren(
        chosen,
        title,
        path !== '' && element('p', { class: 'hit-place', dir: 'auto' }, path),
        passage(chunk.text),
        link,
      );
      chosen.scrollTop = 0;
    } catch (error) {
      const problem = problemText(error);
      if (problem !== undefined)
        replaceChildren(chosen, title, link, element('p', { class: 'problem' }, problem));
    }
  }

  /** @param {MapPoint} point */
  function open({ docId, chunkId }) {
    navigate('document', { id: docId, chunk: chunkId });
  }

  return {
    title: 'Map',
    element: view,
    async show(parameters) {
      try {
        collection.fill(await listCollections(api), parameters.get('in') ?? undefined);
        question.value = parameters.get('q') ?? question.value;
        const wanted = JSON.stringify([collection.chosen(), question.value.trim(), limit.value]);
        // Coming back from a document, the map is as it was left.
        if (wanted !== shownFor || map.points.length === 0) await load();
      } catch (error) {
        status.textContent = problemText(error) ?? '';
        status.classList.add('problem');
        say(status.textContent);
      }
    },
    hide() {
      asking.abort();
      reading.abort();
    },
  };
}
