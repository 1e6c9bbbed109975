import { absenceText } from './analytics.js';
import { element, replaceChildren } from './element.js';
import { formatBytes, formatNumber } from './format.js';

/** @import { Api, KeysReport } from './types.d.ts' */

/**
 * What the keys of each record family take, those of no family, and the biggest.
 *
 * @param {Api} api
 */
export function createKeyAnalysis(api) {
  const result = element('div', { class: 'table-frame' });
  const status = element('p', { class: 'summary', role: 'status' });
  const button = element('button', { type: 'button', class: 'quiet', click: analyse }, 'Analyse keys');
  const panel = element(
    'section',
    { class: 'panel', 'aria-label': 'Keys' },
    element('div', { class: 'panel-head' }, element('h2', {}, 'Keys'), button),
    status,
    result,
  );

  async function analyse() {
    status.textContent = 'Looking at every key …';
    button.disabled = true;
    try {
      show(await api.get('/v1/keys'));
    } catch (error) {
      replaceChildren(result);
      status.textContent = absenceText(error);
    } finally {
      button.disabled = false;
    }
  }

  /** @param {KeysReport} report */
  function show({ keys, bytes, families, unknown, biggest }) {
    status.textContent = `${formatNumber(keys)} keys take ${formatBytes(bytes)}`;
    const present = families.filter((family) => family.keys > 0).sort((a, b) => b.bytes - a.bytes);
    replaceChildren(
      result,
      table(
        ['Family', 'Database', 'Keys', 'Memory', 'Largest', 'Expiring', 'Without TTL'],
        present.map(({ family, database, keys: count, bytes: size, largestBytes, ttl }) => [
          ...[family, database, formatNumber(count), formatBytes(size), formatBytes(largestBytes)],
          ...[formatNumber(ttl.expiring), formatNumber(ttl.missing)],
        ]),
      ),
      unknown.length > 0 && element('h3', {}, 'Of no family'),
      unknown.length > 0 &&
        table(
          ['Prefix', 'Keys', 'Memory'],
          unknown.map(({ prefix, keys: count, bytes: size }) => [
            prefix,
            formatNumber(count),
            formatBytes(size),
          ]),
        ),
      biggest.length > 0 && element('h3', {}, 'Biggest'),
      biggest.length > 0 &&
        table(
          ['Key', 'Type', 'Memory'],
          biggest.map(({ key, type, bytes: size }) => [key, type, formatBytes(size)]),
        ),
    );
  }

  return {
    element: panel,
    /** Many keys are looked at on demand only. @param {{ isSmall: boolean }} options */
    async load({ isSmall }) {
      if (isSmall) await analyse();
    },
  };
}

/**
 * @param {readonly string[]} names
 * @param {readonly (readonly string[])[]} rows
 */
function table(names, rows) {
  const isNumber = (/** @type {string} */ text) => /^[\d.,\s]+( [kMGT]?B)?$/.test(text);
  const head = names.map((name, at) =>
    element('th', { scope: 'col', class: isNumber(rows[0]?.[at] ?? '') ? 'number' : '' }, name),
  );
  const body = rows.map((row) => {
    return element(
      'tr',
      {},
      ...row.map((text) => element('td', { class: isNumber(text) ? 'number' : '' }, text)),
    );
  });
  return element(
    'table',
    {},
    element('thead', {}, element('tr', {}, ...head)),
    element('tbody', {}, ...body),
  );
}
