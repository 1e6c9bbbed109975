import { element, labelled, replaceChildren, select } from './element.js';

/** @import { Field, SearchAnswer } from './types.d.ts' */

/** @typedef {string | number | { $in?: string[], $gte?: string | number, $lte?: string | number }} Condition */

export const CONTENT_TYPES = ['markdown', 'html', 'text', 'pdf', 'docx', 'csv', 'jsonl', 'json', 'code'];

/**
 * The conditions of a search: those that every document has, and one for each declared field.
 *
 * @param {{ onChange: () => void }} parts
 */
export function createFilters({ onChange }) {
  const source = element('input', { type: 'text', spellcheck: 'false', input: onChange });
  const contentType = select(
    { '': 'any', ...Object.fromEntries(CONTENT_TYPES.map((type) => [type, type])) },
    { change: onChange },
  );
  const after = element('input', { type: 'date', change: onChange });
  const before = element('input', { type: 'date', change: onChange });
  const declared = element('div', { class: 'fields' });
  const clear = element('button', { type: 'button', class: 'quiet', click: reset }, 'Clear filters');
  const count = element('span', { class: 'count' });
  const details = element(
    'details',
    { class: 'filters' },
    element('summary', {}, 'Filters ', count),
    element(
      'div',
      { class: 'fields' },
      labelled('Source', source, 'the whole name'),
      labelled('Type', contentType),
      labelled('Updated from', after),
      labelled('Updated to', before),
    ),
    declared,
    clear,
  );

  /** @type {(ReturnType<typeof tag> | ReturnType<typeof number>)[]} */
  let controls = [];
  /** Conditions on fields that are not known yet. @type {Record<string, any>} */
  let waiting = {};

  /** Shows how many conditions there are, as they may be folded away. */
  function showCount() {
    const conditions = Object.keys(read()).length;
    count.textContent = conditions === 0 ? '' : `(${conditions})`;
  }

  /** @returns {Record<string, Condition>} */
  function read() {
    /** @type {Record<string, Condition>} */
    const filter = {};
    if (source.value.trim()) filter.source = source.value.trim();
    if (contentType.value) filter.contentType = contentType.value;
    const updated = range(after.value, before.value && `${before.value}T23:59:59.999Z`);
    if (updated) filter.updated = updated;
    for (const { field, read: readOne } of controls) {
      const condition = readOne();
      if (condition !== undefined) filter[field.name] = condition;
    }
    return { ...waiting, ...filter };
  }

  function reset() {
    write({});
    onChange();
  }

  /** @param {Record<string, any>} filter */
  function write(filter) {
    source.value = String(filter.source ?? '');
    contentType.value = String(filter.contentType ?? '');
    after.value = String(filter.updated?.$gte ?? '').slice(0, 10);
    before.value = String(filter.updated?.$lte ?? '').slice(0, 10);
    for (const { field, write: writeOne } of controls) writeOne(filter[field.name]);
    const { source: _source, contentType: _type, updated: _updated, ...rest } = filter;
    const known = new Set(controls.map(({ field }) => field.name));
    waiting = Object.fromEntries(Object.entries(rest).filter(([name]) => !known.has(name)));
  }

  return {
    element: details,
    read() {
      showCount();
      return read();
    },
    write,
    isOpen: () => details.open,
    onOpen: (/** @type {() => void} */ listener) => details.addEventListener('toggle', listener),

    /** @param {readonly Field[]} fields */
    declare(fields) {
      const current = read();
      controls = fields.map((field) =>
        field.type === 'tag' ? tag(field, onChange) : number(field, onChange),
      );
      replaceChildren(declared, ...controls.map((control) => control.element));
      // Conditions on fields of another collection would only be refused.
      waiting = {};
      for (const { field, write: writeOne } of controls) writeOne(current[field.name]);
      showCount();
    },

    /** Names of the fields whose values a search can count. */
    tags: () => controls.filter(({ field }) => field.type === 'tag').map(({ field }) => field.name),

    /** @param {SearchAnswer['facets']} facets */
    suggest(facets = {}) {
      for (const { field, suggest } of controls)
        suggest((facets[field.name] ?? []).map(({ value }) => value));
    },
  };
}

/**
 * @param {Field} field
 * @param {() => void} onChange
 */
function tag(field, onChange) {
  const id = `values-${field.name}`;
  const input = element('input', { type: 'text', list: id, spellcheck: 'false', input: onChange });
  const values = element('datalist', { id });
  const shown = labelled(field.name, input, 'one value, or several with commas');
  shown.append(values);
  return {
    field,
    element: shown,
    read() {
      const given = input.value
        .split(',')
        .map((value) => value.trim())
        .filter((value) => value !== '');
      return given.length > 1 ? { $in: given } : given[0];
    },
    write(/** @type {any} */ condition) {
      input.value = typeof condition === 'object' ? (condition?.$in ?? []).join(', ') : (condition ?? '');
    },
    suggest(/** @type {string[]} */ found) {
      replaceChildren(values, ...found.map((value) => element('option', { value })));
    },
  };
}

/**
 * @param {Field} field
 * @param {() => void} onChange
 */
function number(field, onChange) {
  const from = element('input', {
    type: 'number',
    step: 'any',
    'aria-label': `${field.name} from`,
    input: onChange,
  });
  const to = element('input', {
    type: 'number',
    step: 'any',
    'aria-label': `${field.name} to`,
    input: onChange,
  });
  return {
    field,
    element: element(
      'div',
      { class: 'field', role: 'group', 'aria-label': field.name },
      element('span', { class: 'label' }, field.name),
      element('span', { class: 'span' }, from, ' to ', to),
    ),
    read: () => range(numberOf(from), numberOf(to)),
    write(/** @type {any} */ condition) {
      from.value = String(condition?.$gte ?? '');
      to.value = String(condition?.$lte ?? '');
    },
    suggest() {},
  };
}

/** @param {HTMLInputElement} input */
function numberOf({ valueAsNumber }) {
  return Number.isNaN(valueAsNumber) ? '' : valueAsNumber;
}

/**
 * @template {string | number} Value
 * @param {Value} from
 * @param {Value} to
 */
function range(from, to) {
  if (from === '' && to === '') return undefined;
  return { ...(from !== '' && { $gte: from }), ...(to !== '' && { $lte: to }) };
}
