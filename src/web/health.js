import { absenceText } from './analytics.js';
import { element, replaceChildren } from './element.js';
import { counted, formatBytes, formatNumber } from './format.js';

/** @import { Api, Diagnosis, Status } from './types.d.ts' */

/**
 * Whether the server can work, and what it and its collections say of themselves.
 *
 * @param {Api} api
 */
export function createHealth(api) {
  const figures = element('dl', { class: 'figures' });
  const collections = element('div', { class: 'table-frame' });
  const findings = element('div', { role: 'status' });
  const button = element('button', { type: 'button', class: 'quiet', click: diagnose }, 'Look for problems');
  const panel = element(
    'section',
    { class: 'panel', 'aria-label': 'Health' },
    element('div', { class: 'panel-head' }, element('h2', {}, 'Health'), button),
    figures,
    findings,
    collections,
  );
  let keys = 0;

  async function readReadiness() {
    try {
      await api.get('/readyz');
      return { text: 'Ready', isGood: true };
    } catch (error) {
      return { text: absenceText(error), isGood: false };
    }
  }

  /** What is wrong with servers, indexes and records; on demand, as it reads much. */
  async function diagnose() {
    button.disabled = true;
    findings.textContent = 'Looking …';
    try {
      /** @type {Diagnosis} */
      const { findings: found } = await api.get('/v1/doctor');
      const items = found.map(({ severity, what, why, fix }) =>
        element('li', {}, element('strong', {}, `${severity}: ${what}`), ` ${why} ${fix}`),
      );
      replaceChildren(findings, items.length === 0 ? 'No problems found.' : element('ul', {}, ...items));
    } catch (error) {
      findings.textContent = absenceText(error);
    } finally {
      button.disabled = false;
    }
  }

  /** @param {Status} status */
  function show({ server, databases, collections: all }) {
    keys = Object.values(databases).reduce((sum, { keys: own = 0 }) => sum + own, 0);
    figures.append(
      figure('Redis', server.version),
      figure('Search module', server.searchModule),
      figure('Memory', formatBytes(server.usedMemoryBytes), `peak ${formatBytes(server.peakMemoryBytes)}`),
      figure('Keys', formatNumber(keys)),
      figure('Up for', duration(server.uptimeSeconds)),
      figure('Persistence', server.persistence, server.evictionPolicy),
    );
    const rows = all.map(({ name, documents, chunks, indexState, model }) =>
      element(
        'tr',
        {},
        element('th', { scope: 'row' }, name),
        element('td', { class: 'number' }, formatNumber(documents)),
        element('td', { class: 'number' }, chunks === null ? 'unknown' : formatNumber(chunks)),
        element('td', {}, indexState),
        element('td', {}, model ?? 'vectors given'),
      ),
    );
    const names = ['Collection', 'Documents', 'Passages', 'Index', 'Model'];
    const head = names.map((name, at) =>
      element('th', { scope: 'col', class: at === 1 || at === 2 ? 'number' : '' }, name),
    );
    replaceChildren(
      collections,
      rows.length > 0 &&
        element('table', {}, element('thead', {}, element('tr', {}, ...head)), element('tbody', {}, ...rows)),
    );
  }

  return {
    element: panel,
    keyCount: () => keys,
    async load() {
      const { text, isGood } = await readReadiness();
      const state = figure('Server', text);
      state.classList.add(isGood ? 'is-good' : 'is-bad');
      replaceChildren(figures, state);
      try {
        show(await api.get('/v1/status'));
      } catch (error) {
        replaceChildren(collections, element('p', { class: 'hint' }, absenceText(error)));
      }
    },
  };
}

/**
 * @param {string} name
 * @param {string} value
 * @param {string} [hint]
 */
function figure(name, value, hint) {
  const small = hint ? element('span', { class: 'hint' }, hint) : undefined;
  return element('div', {}, element('dt', {}, name), element('dd', {}, value, small));
}

/** @param {number} seconds */
function duration(seconds) {
  if (seconds >= 86_400) return counted(Math.floor(seconds / 86_400), 'day');
  if (seconds >= 3_600) return counted(Math.floor(seconds / 3_600), 'hour');
  return counted(Math.floor(seconds / 60), 'minute');
}
