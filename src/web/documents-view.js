import { problemText } from './api.js';
import { listCollections, oneCollection } from './collections.js';
import { confirmAction } from './dialog.js';
import { documentTable } from './document-table.js';
import { element, labelled, replaceChildren, select } from './element.js';
import { CONTENT_TYPES } from './filters.js';
import { counted, formatNumber } from './format.js';
import { createJobList } from './jobs.js';
import { createUpload } from './upload.js';

/** @import { DocumentEntry, DocumentPage, Shell, View } from './types.d.ts' */

const PAGE_SIZE = 50;
const TYPING_PAUSE_MS = 250;

/**
 * The documents of a collection, page by page; files dropped here are ingested.
 *
 * @param {Shell} shell
 * @returns {View}
 */
export function createDocumentsView({ api, say, navigate }) {
  let offset = 0;
  /** Where the pages began that Next led to, the shown one last; before them pages are counted from the first document. */
  /** @type {string[]} */
  let places = [];
  /** @type {string | undefined} */
  let nextPlace;
  let asking = new AbortController();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let pause;

  const collection = oneCollection({ onChange: first });
  const source = element('input', { type: 'text', spellcheck: 'false', input: soon });
  const title = element('input', { type: 'text', input: soon });
  const contentType = select(
    { '': 'any', ...Object.fromEntries(CONTENT_TYPES.map((type) => [type, type])) },
    { change: first },
  );
  const updatedAfter = element('input', { type: 'date', change: first });
  const updatedBefore = element('input', { type: 'date', change: first });
  const summary = element('p', { class: 'summary', role: 'status' });
  const table = documentTable({ onDelete: remove });
  const previous = pageButton('← Previous', () => turn(-1));
  const next = pageButton('Next →', () => turn(1));
  const jobs = createJobList({ api, say, onEnd: () => void reload() });
  const upload = createUpload({ api, say, onJob: jobs.add, collection: () => collection.chosen() });

  const view = element(
    'div',
    { class: 'view documents' },
    element('h1', {}, 'Documents'),
    upload.element,
    jobs.element,
    element(
      'form',
      { class: 'fields', 'aria-label': 'Which documents', submit: (event) => event.preventDefault() },
      collection.element,
      labelled('Title', title),
      labelled('Source', source),
      labelled('Type', contentType),
      labelled('Updated from', updatedAfter),
      labelled('Updated to', updatedBefore),
    ),
    summary,
    table.element,
    element('div', { class: 'pager' }, previous, next),
  );
  upload.catchDrops(view);

  function soon() {
    clearTimeout(pause);
    pause = setTimeout(first, TYPING_PAUSE_MS);
  }

  function first() {
    offset = 0;
    places = [];
    void load();
  }

  /** @param {1 | -1} step */
  async function turn(step) {
    if (step < 0) places.pop();
    else if (nextPlace !== undefined) places.push(nextPlace);
    offset = Math.max(0, offset + step * PAGE_SIZE);
    await load();
    summary.scrollIntoView({ block: 'nearest' });
  }

  async function load() {
    clearTimeout(pause);
    asking.abort();
    asking = new AbortController();
    const { signal } = asking;
    const name = collection.chosen();
    navigate('documents', { in: name, ...(offset > 0 && { from: String(offset) }) }, { replace: true });
    if (name === '') {
      summary.textContent = 'There is no collection yet. Drop files above to make one.';
      table.show([]);
      return;
    }
    try {
      /** @type {DocumentPage} */
      const {
        items,
        total,
        isTotalExact,
        next: following,
      } = await api.get('/v1/documents', { query: query(name), signal });
      if (items.length === 0 && offset > 0 && total > 0 && !isDescribed()) {
        places = [];
        offset = Math.floor((total - 1) / PAGE_SIZE) * PAGE_SIZE;
        return void load();
      }
      table.show(items);
      previous.disabled = offset === 0;
      nextPlace = following;
      next.disabled = following === undefined;
      summary.classList.remove('problem');
      summary.textContent = summaryOf(items.length, { total, isTotalExact });
    } catch (error) {
      fail(error);
    }
  }

  /**
   * @param {number} shown
   * @param {Pick<DocumentPage, 'total' | 'isTotalExact'>} counts
   */
  function summaryOf(shown, { total, isTotalExact }) {
    if (shown === 0)
      return isTotalExact ? 'No documents' : 'None among the latest documents; Next looks further';
    const range = `${offset + 1} to ${offset + shown}`;
    // With a title or source `total` counts from the place where the page begins.
    const isWhole = isTotalExact && (places.length === 0 || !isDescribed());
    return isWhole ? `${range} of ${counted(total, 'document')}` : range;
  }

  function isDescribed() {
    return [title.value.trim(), source.value.trim(), contentType.value].some((wanted) => wanted !== '');
  }

  /** @param {string} name */
  function query(name) {
    const after = places.at(-1);
    return {
      ...{ collection: name, limit: PAGE_SIZE, ...(after === undefined ? { offset } : { after }) },
      ...{ title: title.value.trim(), source: source.value.trim(), contentType: contentType.value },
      updatedAfter: updatedAfter.value && `${updatedAfter.value}T00:00:00Z`,
      updatedBefore: updatedBefore.value && dayAfter(updatedBefore.value),
    };
  }

  /** @param {DocumentEntry} entry */
  async function remove({ docId, title: name, source: from, chunkCount }) {
    const isAgreed = await confirmAction({
      title: 'Delete this document?',
      text: `"${name || from}" and its ${formatNumber(chunkCount)} passages are removed from the collection. The file they came from stays.`,
      action: 'Delete',
    });
    if (!isAgreed) return;
    try {
      await api.delete(`/v1/documents/${encodeURIComponent(docId)}`);
      say(`Deleted ${name || from}.`);
      await reload();
      table.focus();
    } catch (error) {
      fail(error);
    }
  }

  /** Collections, too: an ingest may have made one. */
  async function reload() {
    const all = await listCollections(api);
    collection.fill(all);
    upload.name(all.map(({ name }) => name));
    await load();
  }

  /** @param {unknown} error */
  function fail(error) {
    const problem = problemText(error);
    if (problem === undefined) return;
    summary.textContent = problem;
    summary.classList.add('problem');
    replaceChildren(table.element);
  }

  return {
    title: 'Documents',
    element: view,
    async show(parameters) {
      try {
        const all = await listCollections(api);
        collection.fill(all, parameters.get('in') ?? undefined);
        upload.name(all.map(({ name }) => name));
        offset = Math.max(0, Math.floor(Number(parameters.get('from') ?? 0)) || 0);
        await Promise.all([load(), jobs.load()]);
      } catch (error) {
        fail(error);
      }
    },
    hide() {
      clearTimeout(pause);
      asking.abort();
    },
  };
}

/**
 * Until the end of a day is before the next one.
 *
 * @param {string} day
 */
function dayAfter(day) {
  const next = new Date(`${day}T00:00:00Z`);
  next.setUTCDate(next.getUTCDate() + 1);
  return next.toISOString();
}

/**
 * @param {string} label
 * @param {() => void} click
 */
function pageButton(label, click) {
  return element('button', { type: 'button', class: 'quiet', disabled: true, click }, label);
}
