import { element } from './element.js';

/** @import { SearchAnswer } from './types.d.ts' */

/**
 * Whether answers of near-identical earlier questions will do, and how near those must be.
 *
 * @param {{ onChange: () => void }} parts
 */
export function semanticSwitch({ onChange }) {
  const isOn = element('input', { type: 'checkbox', change: onToggle });
  const threshold = element('input', {
    type: 'range',
    ...{ min: 0.8, max: 1, step: 0.01, value: 0.97 },
    'aria-label': 'Least similarity of the questions',
    input: showThreshold,
    change: onChange,
  });
  const value = element('output', {}, '0.97');
  const range = element('span', { class: 'threshold', hidden: true }, threshold, value);

  function onToggle() {
    range.hidden = !isOn.checked;
    onChange();
  }

  function showThreshold() {
    value.textContent = Number(threshold.value).toFixed(2);
  }

  return {
    element: element(
      'div',
      { class: 'semantic' },
      element('label', { class: 'choice' }, isOn, element('span', {}, 'Semantic cache')),
      range,
    ),
    /** What a search takes for it. */
    read: () => (isOn.checked ? { semanticCache: { threshold: Number(threshold.value) } } : {}),
    /** @param {SearchAnswer} answer */
    note({ earlier }) {
      if (!earlier) return undefined;
      return element(
        'p',
        { class: 'note is-semantic' },
        'Answer of an earlier question: ',
        element('q', {}, earlier.query),
        ` (similarity ${earlier.similarity.toFixed(3)})`,
      );
    },
  };
}
