import { problemText } from './api.js';
import { findChunkIndex } from './chunks.js';
import { element, replaceChildren } from './element.js';
import { formatDate, formatNumber } from './format.js';
import { passage } from './passage.js';

/** @import { Chunk, DocumentEntry, Page, Shell, View } from './types.d.ts' */

const CHUNKS_PER_STEP = 40;
/** How many chunks before the passage are there at once, to read what leads to it. */
const CHUNKS_BEFORE = 5;

/**
 * A document's chunks in order, opened at a passage; further ones are loaded when wanted.
 *
 * @param {Shell} shell
 * @returns {View}
 */
export function createDocumentView({ api, seen }) {
  /** @type {{ docId: string, chunkId: string | undefined, from: number, to: number, total: number }} */
  let place = { docId: '', chunkId: undefined, from: 0, to: 0, total: 0 };
  let loading = new AbortController();

  const title = element('h1', { dir: 'auto', tabindex: '-1' });
  const facts = element('p', { class: 'hit-place' });
  const status = element('p', { class: 'summary', role: 'status' });
  const chunks = element('div', { class: 'chunks' });
  const earlier = stepButton('Show earlier passages', () => extend('earlier'));
  const later = stepButton('Show later passages', () => extend('later'));
  const back = element('button', { type: 'button', class: 'quiet', click: () => history.back() }, '← Back');
  const view = element(
    'article',
    { class: 'view document', keydown: onKey },
    element('div', { class: 'heading' }, back, title),
    facts,
    status,
    earlier,
    chunks,
    later,
  );

  /** @param {KeyboardEvent} event */
  function onKey(event) {
    if (event.key === 'Escape') history.back();
  }

  /** @param {string} docId */
  async function load(docId) {
    const { signal } = loading;
    const address = `/v1/documents/${encodeURIComponent(docId)}`;
    /** @type {[DocumentEntry, number]} */
    const [entry, at] = await Promise.all([
      /** @type {Promise<DocumentEntry>} */ (api.get(address, { signal })),
      place.chunkId ? findChunkIndex(api, { docId, chunkId: place.chunkId, signal }) : 0,
    ]);
    title.textContent = entry.title || entry.source;
    showFacts(entry);
    const from = Math.max(0, at - CHUNKS_BEFORE);
    const page = await read(from, CHUNKS_PER_STEP);
    place = { ...place, from, to: from + page.items.length, total: page.total };
    replaceChildren(chunks, ...sections(page.items));
    showLabels();
    showEnds();
    const passageSection = /** @type {HTMLElement | null} */ (chunks.querySelector('.is-passage'));
    (passageSection ?? title).focus({ preventScroll: true });
    passageSection?.scrollIntoView({ block: 'center' });
  }

  /**
   * @param {number} offset
   * @param {number} limit
   * @returns {Promise<Page<Chunk>>}
   */
  function read(offset, limit) {
    const address = `/v1/documents/${encodeURIComponent(place.docId)}/chunks`;
    return api.get(address, { query: { offset, limit }, signal: loading.signal });
  }

  /** @param {'earlier' | 'later'} direction */
  async function extend(direction) {
    try {
      const from = direction === 'later' ? place.to : Math.max(0, place.from - CHUNKS_PER_STEP);
      const limit = direction === 'later' ? CHUNKS_PER_STEP : place.from - from;
      const { items } = await read(from, limit);
      const added = sections(items);
      if (direction === 'later') {
        chunks.append(...added);
        place.to += items.length;
      } else {
        chunks.prepend(...added);
        place.from = from;
      }
      showLabels();
      showEnds();
      added[direction === 'later' ? 0 : added.length - 1]?.focus();
    } catch (error) {
      fail(error);
    }
  }

  /** Where a heading goes on, it is not said again. */
  function showLabels() {
    let before = '';
    for (const label of chunks.querySelectorAll('.chunk-label')) {
      const text = label.textContent ?? '';
      label.classList.toggle('visually-hidden', text === before);
      before = text;
    }
  }

  function showEnds() {
    earlier.hidden = place.from === 0;
    later.hidden = place.to >= place.total;
    const isWhole = earlier.hidden && later.hidden;
    status.textContent = isWhole
      ? ''
      : `Passages ${place.from + 1} to ${place.to} of ${formatNumber(place.total)}`;
  }

  /** @param {DocumentEntry} entry */
  function showFacts({ source, contentType, collection, chunkCount, wordCount, updatedAt }) {
    replaceChildren(
      facts,
      element('span', { class: 'source' }, source),
      element('span', {}, contentType),
      element('span', {}, `${formatNumber(wordCount)} words in ${formatNumber(chunkCount)} passages`),
      element('span', {}, `updated ${formatDate(updatedAt)}`),
      collection !== undefined && element('span', { class: 'chip' }, collection),
    );
  }

  /** @param {readonly Chunk[]} items */
  function sections(items) {
    return items.map((chunk, at) => section(chunk, items[at - 1]));
  }

  /**
   * @param {Chunk} chunk
   * @param {Chunk} [before]
   */
  function section(chunk, before) {
    const { chunkId, headings, page, index } = chunk;
    const isPassage = chunkId === place.chunkId;
    // The passage that was found is whole, as its highlights stand in it.
    const text = isPassage ? chunk.text : withoutRepetition(chunk, before);
    const path = headings.filter((heading) => heading !== title.textContent);
    const label = [...path, page === undefined ? '' : `page ${page}`].filter(Boolean).join(' › ');
    return element(
      'section',
      {
        class: isPassage ? 'chunk is-passage' : 'chunk',
        tabindex: '-1',
        'aria-current': isPassage ? 'true' : undefined,
        'aria-label': isPassage ? 'The passage that was found' : `Passage ${index + 1}`,
      },
      element('p', { class: 'chunk-label', dir: 'auto' }, label || `Passage ${index + 1}`),
      passage(text, isPassage ? seen.get(chunkId) : undefined),
    );
  }

  /** @param {unknown} error */
  function fail(error) {
    const problem = problemText(error);
    if (problem === undefined) return;
    status.textContent = problem;
    status.classList.add('problem');
  }

  return {
    title: 'Document',
    element: view,
    async show(parameters) {
      const docId = parameters.get('id') ?? '';
      const chunkId = parameters.get('chunk') ?? undefined;
      loading.abort();
      loading = new AbortController();
      if (docId !== place.docId) {
        for (const part of [title, facts, chunks]) replaceChildren(part);
        earlier.hidden = true;
        later.hidden = true;
      }
      place = { docId, chunkId, from: 0, to: 0, total: 0 };
      status.classList.remove('problem');
      status.textContent = 'Opening …';
      await load(docId).catch(fail);
    },
    hide() {
      loading.abort();
    },
  };
}

/**
 * Chunks overlap; what the one before ended with is not read twice.
 *
 * @param {Chunk} chunk
 * @param {Chunk} [before]
 */
function withoutRepetition({ text, start }, before) {
  if (start === undefined || before?.end === undefined || before.end <= start) return text;
  const repeated = text.slice(0, before.end - start);
  return before.text.endsWith(repeated) ? text.slice(repeated.length).trimStart() : text;
}

/**
 * @param {string} label
 * @param {() => void} click
 */
function stepButton(label, click) {
  return element('button', { type: 'button', class: 'quiet', hidden: true, click }, label);
}
