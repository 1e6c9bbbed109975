import { isAbsent } from './api.js';
import { element, replaceChildren } from './element.js';

/** @import { Api, CollectionStatus, Field, Page } from './types.d.ts' */

/**
 * The collections that the key reaches.
 *
 * @param {Api} api
 * @returns {Promise<readonly CollectionStatus[]>}
 */
export async function listCollections(api) {
  try {
    return (await /** @type {Promise<Page<CollectionStatus>>} */ (api.get('/v1/collections'))).items;
  } catch (error) {
    // Without the list the page still searches where the server does by default.
    if (isAbsent(error)) return [];
    throw error;
  }
}

/**
 * The declared fields that all of these collections share.
 *
 * @param {Api} api
 * @param {readonly string[]} names
 * @returns {Promise<Field[]>}
 */
export async function sharedFields(api, names) {
  const lists = await Promise.all(
    names.map(async (name) => {
      /** @type {{ manifest?: { fields?: Field[] }, fields?: Field[] }} */
      const collection = await api.get(`/v1/collections/${encodeURIComponent(name)}`);
      return collection.manifest?.fields ?? collection.fields ?? [];
    }),
  );
  const [first = [], ...others] = lists;
  return first.filter(({ name, type }) => {
    return others.every((fields) => fields.some((field) => field.name === name && field.type === type));
  });
}

/**
 * A choice of one or several collections.
 *
 * @param {{ onChange: () => void }} parts
 */
export function collectionChoice({ onChange }) {
  const list = element('div', { class: 'choices' });
  const group = element(
    'fieldset',
    { class: 'collections', hidden: true },
    element('legend', {}, 'Collections'),
    list,
  );
  /** @type {string[]} */
  let names = [];
  return {
    element: group,
    /**
     * @param {readonly CollectionStatus[]} collections
     * @param {readonly string[]} chosen the first one where none of them is there
     */
    fill(collections, chosen) {
      const kept = chosen.filter((name) => collections.some((collection) => collection.name === name));
      const first = collections.find(({ chunks }) => chunks !== 0) ?? collections[0];
      const checked = kept.length > 0 ? kept : first ? [first.name] : [];
      names = collections.map(({ name }) => name);
      group.hidden = names.length === 0;
      const boxes = collections.map(({ name, chunks }) =>
        element(
          'label',
          { class: 'choice' },
          element('input', {
            type: 'checkbox',
            value: name,
            checked: checked.includes(name),
            change: onChange,
          }),
          element('span', {}, name),
          chunks !== null && element('span', { class: 'count' }, chunks.toLocaleString()),
        ),
      );
      replaceChildren(list, ...boxes);
    },
    /** @returns {string[]} */
    chosen() {
      return [...list.querySelectorAll('input')].filter(({ checked }) => checked).map(({ value }) => value);
    },
    isEmpty: () => names.length === 0,
  };
}

/**
 * A choice of one collection.
 *
 * @param {{ onChange?: () => void, label?: string }} [parts]
 */
export function oneCollection({ onChange = () => {}, label = 'Collection' } = {}) {
  const choice = element('select', { change: onChange });
  return {
    element: element('label', { class: 'field' }, element('span', { class: 'label' }, label), choice),
    /**
     * @param {readonly CollectionStatus[]} collections
     * @param {string} [chosen]
     */
    fill(collections, chosen) {
      const before = chosen || choice.value;
      replaceChildren(choice, ...collections.map(({ name }) => element('option', { value: name }, name)));
      if (collections.some(({ name }) => name === before)) choice.value = before;
    },
    chosen: () => choice.value,
  };
}
