import { element, replaceChildren } from './element.js';
import { timeRange } from './format.js';
import { onThemeChange } from './theme.js';
import uPlot from './uplot.js';

/** @typedef {{ label: string, values: readonly (number | null)[], kind?: 'line' | 'bars' }} Series */
/** @typedef {{ times: readonly number[], series: readonly Series[], unit: 'hour' | 'day' }} ChartData `times` in Unix seconds */

const HEIGHT = 200;
/** The last time on the axis is wider than the half bucket beside it. */
const ROOM_RIGHT = 32;
/** Steps of an axis that counts: half an error there is not. */
const WHOLE_STEPS = Array.from({ length: 12 }, (_, power) =>
  [1, 2, 5].map((step) => step * 10 ** power),
).flat();

/**
 * A chart over time, with the same figures as a table for who does not see it.
 *
 * @param {{ title: string, format?: (value: number) => string, isCount?: boolean }} options
 */
export function createChart({ title, format = (value) => value.toLocaleString(), isCount = false }) {
  const frame = element('div', { class: 'chart', role: 'img', 'aria-label': title });
  const table = element('div', { class: 'table-frame' });
  const details = element('details', {}, element('summary', {}, 'As a table'), table);
  const note = element('p', { class: 'hint' });
  const controls = element('div', { class: 'panel-controls' });
  const panel = element(
    'section',
    { class: 'panel', 'aria-label': title },
    element('div', { class: 'panel-head' }, element('h2', {}, title), controls),
    note,
    frame,
    details,
  );
  /** @type {uPlot | undefined} */
  let plot;
  /** @type {ChartData | undefined} */
  let data;

  new ResizeObserver(() => plot?.setSize({ width: frame.clientWidth, height: HEIGHT })).observe(frame);
  onThemeChange(draw);

  function draw() {
    plot?.destroy();
    plot = undefined;
    if (!data || data.times.length === 0 || frame.clientWidth === 0) return;
    const { times, series, unit } = data;
    const axis = { stroke: resolveColour('--muted'), font: '12px system-ui, sans-serif' };
    const grid = { stroke: resolveColour('--line'), width: 1 };
    const timeText = (/** @type {uPlot} */ _, /** @type {number[]} */ splits) => {
      return splits.map((seconds) => formatTick(seconds, unit));
    };
    const bars = uPlot.paths.bars?.({ size: [0.6, 40] });
    plot = new uPlot(
      {
        width: frame.clientWidth,
        height: HEIGHT,
        padding: [null, ROOM_RIGHT, null, null],
        legend: { show: series.length > 1, live: false },
        cursor: { drag: { x: false, y: false } },
        scales: {
          x: { range: () => timeRange(times, unit) },
          y: { range: (_, _low, high) => [0, (high || 1) * 1.1] },
        },
        axes: [
          { ...axis, grid: { show: false }, ticks: grid, values: timeText, space: 80 },
          {
            ...axis,
            grid,
            ticks: { show: false },
            size: 64,
            ...(isCount && { incrs: WHOLE_STEPS }),
            values: (_, splits) => splits.map((value) => format(value)),
          },
        ],
        series: [
          {},
          ...series.map(({ label, kind = 'line' }, at) => {
            const colour = resolveColour(`--series-${(at % 2) + 1}`);
            return kind === 'bars' && bars
              ? { label, fill: colour, width: 0, points: { show: false }, paths: bars }
              : { label, stroke: colour, width: 2, points: { show: true, size: 5, fill: colour } };
          }),
        ],
      },
      [[...times], ...series.map(({ values }) => [...values])],
      frame,
    );
  }

  return {
    element: panel,
    controls,
    /**
     * @param {ChartData | undefined} next
     * @param {string} [text] what to say where there is nothing to show
     */
    show(next, text = '') {
      data = next;
      note.textContent = text;
      note.hidden = text === '';
      const hasData = next !== undefined && next.times.length > 0;
      frame.hidden = !hasData;
      details.hidden = !hasData;
      if (hasData) fillTable(table, next, format);
      draw();
    },
  };
}

/**
 * @param {HTMLElement} table
 * @param {ChartData} data
 * @param {(value: number) => string} format
 */
function fillTable(table, { times, series, unit }, format) {
  const head = ['Time', ...series.map(({ label }) => label)].map((name) =>
    element('th', { scope: 'col' }, name),
  );
  const rows = times.map((time, at) => {
    const cells = series.map(({ values }) => element('td', { class: 'number' }, format(values[at] ?? 0)));
    return element('tr', {}, element('td', {}, formatTime(time, unit)), ...cells);
  });
  replaceChildren(
    table,
    element('table', {}, element('thead', {}, element('tr', {}, ...head)), element('tbody', {}, ...rows)),
  );
}

const DAY = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short' });
const HOUR = new Intl.DateTimeFormat(undefined, {
  day: 'numeric',
  month: 'short',
  hour: '2-digit',
  minute: '2-digit',
});
const CLOCK = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });

/**
 * @param {number} seconds
 * @param {'hour' | 'day'} unit
 */
function formatTime(seconds, unit) {
  return (unit === 'day' ? DAY : HOUR).format(new Date(seconds * 1_000));
}

/**
 * Shorter than in the table: only midnight tells the day.
 *
 * @param {number} seconds
 * @param {'hour' | 'day'} unit
 */
function formatTick(seconds, unit) {
  const date = new Date(seconds * 1_000);
  return unit === 'day' || date.getHours() === 0 ? DAY.format(date) : CLOCK.format(date);
}

/**
 * A colour of the style sheet as a canvas takes it.
 *
 * @param {string} name
 */
function resolveColour(name) {
  const probe = element('span', { hidden: true });
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}
