import { problemText } from './api.js';
import { findChunk } from './chunks.js';
import { listCollections, oneCollection } from './collections.js';
import { element, labelled, replaceChildren, select } from './element.js';
import { counted, formatNumber } from './format.js';
import { documentAddress } from './hit.js';
import { createMapCanvas } from './map-canvas.js';
import { documentLegend } from './map-legend.js';
import { NOTHING } from './map-scene.js';
import { passage } from './passage.js';

/** @import { CollectionMap, Hit, MapPoint, SearchAnswer, Shell, View } from './types.d.ts' */

/**
 * A collection seen from above: its chunks by meaning, the documents by colour, and a question among them.
 *
 * @param {Shell} shell
 * @returns {View}
 */
export function createMapView({ api, say, navigate, seen }) {
  /** @type {CollectionMap} */
  let map = NOTHING;
  /** @type {readonly Hit[]} */
  let hits = [];
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
  const hitList = element('div', { class: 'map-hits' });
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
      element('div', { class: 'map-side' }, chosen, hitList),
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
      hits = query === '' ? [] : await findHits(name, query, signal);
      const chunkIds = hits.map(({ chunkId }) => chunkId);
      const body = { limit: Number(limit.value), ...(query && { query, chunkIds }) };
      map = await api.post(`/v1/collections/${encodeURIComponent(name)}/map`, { body, signal });
      shownFor = JSON.stringify([name, query, limit.value]);
      legend.show(canvas.show(map));
      showHits();
      explain();
      showStatus();
    } catch (error) {
      const problem = problemText(error);
      if (problem === undefined) return;
      status.textContent = problem;
      status.classList.add('problem');
    }
  }

  /**
   * @param {string} name
   * @param {string} query
   * @param {AbortSignal} signal
   */
  async function findHits(name, query, signal) {
    const body = { query, collection: name, topK: 10, highlight: true };
    /** @type {SearchAnswer} */
    const answer = await api.post('/v1/search', { body, signal });
    for (const { chunkId, highlights } of answer.hits) if (highlights) seen.set(chunkId, highlights);
    return answer.hits;
  }

  function showStatus() {
    const { points, chunks, documents, explainedVariance: share, warnings } = map;
    const isAll = points.length >= chunks;
    const shown = isAll
      ? counted(chunks, 'passage')
      : `${formatNumber(points.length)} of ${counted(chunks, 'passage')}`;
    const axes = `the two axes show ${Math.round((share.x + share.y) * 100)} % of the differences`;
    status.textContent = [`${shown} of ${counted(documents, 'document')}`, axes, ...warnings].join(' · ');
  }

  function explain() {
    replaceChildren(chosen, element('p', { class: 'hint' }, 'Choose a point to read its passage here.'));
  }

  function showHits() {
    const places = new Map((map.hits ?? []).map((place) => [place.chunkId, place]));
    const items = hits.flatMap(({ chunkId, docId, title, headings }) => {
      const place = places.get(chunkId);
      if (!place) return [];
      const click = () => canvas.select({ ...place, docId, title });
      const button = element('button', { type: 'button', class: 'link', click }, headings.at(-1) || title);
      return [element('li', {}, button, element('span', { class: 'source' }, ` ${title}`))];
    });
    replaceChildren(
      hitList,
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
        passage(chunk.text, seen.get(point.chunkId)),
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
