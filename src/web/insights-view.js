import { absenceText, lastDays, listLatencies, readErrors, readLatency, readUsage } from './analytics.js';
import { createChart } from './chart.js';
import { element, replaceChildren, select } from './element.js';
import { createHealth } from './health.js';
import { createKeyAnalysis } from './key-analysis.js';

/** @import { MetricName, Shell, View } from './types.d.ts' */

const DAYS = 14;
const HOUR_MS = 3_600_000;

/**
 * How the server is and has been: health, usage, latencies, errors, and what the keys take.
 *
 * @param {Shell} shell
 * @returns {View}
 */
export function createInsightsView({ api }) {
  /** @type {MetricName[]} */
  let metrics = [];
  const health = createHealth(api);
  const keys = createKeyAnalysis(api);
  const usage = createChart({ title: `Usage of the last ${DAYS} days`, isCount: true });
  const latency = createChart({ title: 'Latency', format: (value) => `${value.toLocaleString()} ms` });
  const errors = createChart({ title: `Errors of the last ${DAYS} days`, isCount: true });
  const errorTypes = element('ul', { class: 'plain' });
  errors.element.append(errorTypes);
  const metric = select({}, { 'aria-label': 'Which latency', change: showLatency });
  const unit = select(
    { hour: 'by the hour', day: 'by the day' },
    { 'aria-label': 'Resolution', change: showLatency },
  );
  latency.controls.append(metric, unit);
  latency.element.classList.add('is-wide');
  const view = element(
    'div',
    { class: 'view insights' },
    element('h1', {}, 'Insights'),
    health.element,
    element('div', { class: 'charts' }, usage.element, errors.element, latency.element),
    keys.element,
  );

  async function showUsage() {
    try {
      const data = await readUsage(api, lastDays(DAYS));
      usage.show(data);
    } catch (error) {
      usage.show(undefined, absenceText(error));
    }
  }

  async function loadLatency() {
    try {
      metrics = await listLatencies(api);
      const before = metric.value;
      const labels = metrics.map(({ service, metricName }) => `${service} · ${metricName}`);
      replaceChildren(metric, ...labels.map((label) => element('option', { value: label }, label)));
      const preferred = labels.find((label) => label.startsWith('search ·')) ?? labels[0] ?? '';
      metric.value = labels.includes(before) ? before : preferred;
      await showLatency();
    } catch (error) {
      latency.show(undefined, absenceText(error));
    }
  }

  async function showLatency() {
    const chosen = metrics[metric.selectedIndex];
    if (!chosen) return latency.show(undefined, 'Nothing has been measured yet.');
    try {
      const by = /** @type {'hour' | 'day'} */ (unit.value);
      const hours = by === 'hour' ? 24 : 24 * DAYS;
      const data = await readLatency(api, chosen, { unit: by, from: new Date(Date.now() - hours * HOUR_MS) });
      latency.show(data, data.times.length === 0 ? 'Nothing was measured in this time.' : '');
    } catch (error) {
      latency.show(undefined, absenceText(error));
    }
  }

  async function showErrors() {
    try {
      const { chart, types } = await readErrors(api, lastDays(DAYS));
      errors.show(types.length === 0 ? undefined : chart, types.length === 0 ? 'No errors.' : '');
      replaceChildren(errorTypes, ...types.map(([type, count]) => element('li', {}, `${type}: ${count}`)));
    } catch (error) {
      errors.show(undefined, absenceText(error));
    }
  }

  return {
    title: 'Insights',
    element: view,
    async show() {
      await Promise.all([health.load(), showUsage(), loadLatency(), showErrors()]);
      await keys.load({ isSmall: health.keyCount() < 20_000 });
    },
  };
}
