import { problemText } from './api.js';
import { collectionChoice, listCollections, sharedFields } from './collections.js';
import { element, replaceChildren, select } from './element.js';
import { createFilters } from './filters.js';
import { hitItem } from './hit.js';
import { moveThroughHits } from './hit-keys.js';
import { semanticSwitch } from './semantic-switch.js';

/** @import { SearchAnswer, Shell, View } from './types.d.ts' */

const TYPING_PAUSE_MS = 180;
const PAGE_SIZE = 10;

/**
 * Searches while the person types; the address holds the question, so that it can be returned to.
 *
 * @param {Shell} shell
 * @returns {View}
 */
export function createSearchView({ api, navigate, seen }) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let pause;
  let asking = new AbortController();
  let shown = 0;
  let lastAsked = '';
  /** The question in the address. What was typed since is newer. */
  let remembered = '';
  let isLoaded = false;
  /** The hit that was opened last, to come back to. @type {string | undefined} */
  let opened;

  const input = element('input', {
    type: 'search',
    id: 'question',
    autocomplete: 'off',
    placeholder: 'Ask a question, or type words',
    'aria-label': 'Search',
    'aria-keyshortcuts': '/',
    input: soon,
  });
  const mode = select(
    { '': 'Meaning and words', vector: 'Meaning only', text: 'Words only' },
    { 'aria-label': 'Mode', change: now },
  );
  const collections = collectionChoice({ onChange: onCollections });
  const filters = createFilters({ onChange: soon });
  const semantic = semanticSwitch({ onChange: now });
  const summary = element('p', { class: 'summary', role: 'status' });
  const notes = element('div', { class: 'notes' });
  const list = element('ol', { class: 'hits' });
  const more = element(
    'button',
    { type: 'button', class: 'quiet', hidden: true, click: showMore },
    'Show more',
  );
  const view = element(
    'div',
    { class: 'view search' },
    element('h1', { class: 'visually-hidden' }, 'Search'),
    element(
      'form',
      { role: 'search', submit: onSubmit },
      element('div', { class: 'question' }, input, mode),
      collections.element,
      element('div', { class: 'options' }, filters.element, semantic.element),
    ),
    summary,
    notes,
    list,
    more,
  );
  moveThroughHits({ input, list });
  list.addEventListener('click', ({ target }) => {
    if (target instanceof HTMLElement) opened = target.dataset.hit ?? opened;
  });
  filters.onOpen(() => {
    if (filters.isOpen()) now();
  });

  /** @param {Event} event */
  function onSubmit(event) {
    event.preventDefault();
    now();
  }

  function soon() {
    clearTimeout(pause);
    pause = setTimeout(now, TYPING_PAUSE_MS);
  }

  function now() {
    clearTimeout(pause);
    void ask(0);
  }

  async function onCollections() {
    await loadFields();
    now();
  }

  async function loadFields() {
    try {
      filters.declare(await sharedFields(api, collections.chosen()));
    } catch {
      // The conditions that every document has remain.
      filters.declare([]);
    }
  }

  function request() {
    const chosen = collections.chosen();
    const filter = filters.read();
    return {
      query: input.value.trim(),
      ...(mode.value && { mode: mode.value }),
      ...(chosen.length === 1 && { collection: chosen[0] }),
      ...(chosen.length > 1 && { collections: chosen }),
      ...(Object.keys(filter).length > 0 && { filter }),
    };
  }

  function remember() {
    const filter = filters.read();
    remembered = input.value.trim();
    navigate(
      'search',
      {
        q: remembered,
        mode: mode.value,
        in: collections.chosen().join(','),
        filter: Object.keys(filter).length > 0 ? JSON.stringify(filter) : '',
      },
      { replace: true },
    );
  }

  function showMore() {
    void ask(shown);
  }

  /** @param {number} offset */
  async function ask(offset) {
    asking.abort();
    remember();
    const { query, ...rest } = request();
    if (query === '') return empty();
    if (!collections.isEmpty() && collections.chosen().length === 0) return empty('Choose a collection.');
    asking = new AbortController();
    const { signal } = asking;
    const started = performance.now();
    view.setAttribute('aria-busy', 'true');
    try {
      const facets = filters.isOpen() ? filters.tags() : [];
      const body = {
        ...{ query, ...rest, topK: PAGE_SIZE, offset, highlight: true },
        ...(facets.length > 0 && { facets }),
        ...(offset === 0 && semantic.read()),
      };
      const response = await api.send('POST', '/v1/search', { body, signal });
      /** @type {SearchAnswer} */
      const answer = await response.json();
      const isCached = response.headers.get('cache-status')?.includes('hit') ?? false;
      present(answer, { offset, ms: performance.now() - started, isCached });
    } catch (error) {
      const problem = problemText(error);
      if (problem !== undefined) fail(problem);
    } finally {
      if (!signal.aborted) view.removeAttribute('aria-busy');
    }
  }

  /**
   * @param {SearchAnswer} answer
   * @param {{ offset: number, ms: number, isCached: boolean }} options
   */
  function present(answer, { offset, ms, isCached }) {
    const { hits, warnings } = answer;
    const showsCollection = collections.chosen().length > 1;
    for (const { chunkId, highlights } of hits) if (highlights) seen.set(chunkId, highlights);
    const items = hits.map((hit, at) => hitItem(hit, { rank: offset + at, showsCollection }));
    if (offset === 0) replaceChildren(list, ...items);
    else list.append(...items);
    shown = offset + hits.length;
    more.hidden = hits.length < PAGE_SIZE || answer.earlier !== undefined;
    replaceChildren(
      notes,
      semantic.note(answer),
      ...warnings.map((text) => element('p', { class: 'note' }, text)),
    );
    filters.suggest(answer.facets);
    const found =
      shown === 0
        ? 'Nothing found'
        : `${more.hidden ? shown : `Best ${shown}`} ${shown === 1 ? 'passage' : 'passages'}`;
    summary.textContent = `${found} · ${MODES[answer.mode] ?? answer.mode} · ${Math.round(ms)} ms${isCached ? ', from the cache' : ''}`;
    summary.classList.remove('problem');
    if (offset > 0) focusHit(offset);
  }

  function returnToOpened() {
    if (opened !== undefined && document.activeElement === document.body) focusHit(opened);
    opened = undefined;
  }

  /** @param {string | number} rank */
  function focusHit(rank) {
    const link = list.querySelector(`a[data-hit="${rank}"]`);
    if (link instanceof HTMLElement) link.focus();
  }

  /** @param {string} [text] */
  function empty(text = '') {
    view.removeAttribute('aria-busy');
    shown = 0;
    replaceChildren(list);
    replaceChildren(notes);
    more.hidden = true;
    summary.textContent = text;
    summary.classList.remove('problem');
  }

  /** @param {string} problem */
  function fail(problem) {
    empty(problem);
    summary.classList.add('problem');
  }

  return {
    title: 'Search',
    element: view,
    async show(parameters) {
      const address = parameters.toString();
      const isNew = address !== lastAsked;
      lastAsked = address;
      if (!isLoaded || isNew) {
        const question = parameters.get('q') ?? '';
        if (question !== '' && question !== remembered && document.activeElement !== input)
          input.value = question;
        mode.value = parameters.get('mode') ?? '';
        filters.write(readFilter(parameters.get('filter')));
      }
      try {
        const all = await listCollections(api);
        const named = parameters.get('in')?.split(',') ?? collections.chosen();
        collections.fill(all, named);
        isLoaded = true;
        await loadFields();
      } catch (error) {
        fail(problemText(error) ?? '');
        return;
      }
      if (input.value.trim() !== '') await ask(0);
      returnToOpened();
    },
    hide() {
      clearTimeout(pause);
      asking.abort();
    },
  };
}

/** @type {Record<string, string>} */
const MODES = { hybrid: 'by meaning and words', vector: 'by meaning', text: 'by words' };

/** @param {string | null} text */
function readFilter(text) {
  try {
    return JSON.parse(text ?? '{}');
  } catch {
    return {};
  }
}
