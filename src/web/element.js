/**
 * Makes an element. Attributes that are functions listen to the event of their name, `true` sets a bare attribute, `false`
 * and `undefined` leave it out. Texts become text nodes: nothing a document holds is ever read as HTML.
 *
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, string | number | boolean | undefined | ((event: any) => void)>} [attributes]
 * @param {...(Node | string | number | undefined | false)} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function') made.addEventListener(name, value);
    else if (value === true) made.setAttribute(name, '');
    else if (value !== false && value !== undefined) made.setAttribute(name, String(value));
  }
  made.append(...present(children));
  return made;
}

/**
 * Puts these children in place of the ones there are.
 *
 * @param {Element} parent
 * @param {...(Node | string | number | undefined | false)} children
 */
export function replaceChildren(parent, ...children) {
  parent.replaceChildren(...present(children));
}

/**
 * A form field with its label before it.
 *
 * @param {string} label
 * @param {HTMLElement} control
 * @param {string} [hint]
 */
export function labelled(label, control, hint) {
  const described = hint ? element('span', { class: 'hint' }, hint) : undefined;
  return element('label', { class: 'field' }, element('span', { class: 'label' }, label), control, described);
}

/**
 * @param {Record<string, string>} choices value to label
 * @param {Record<string, string | boolean | ((event: Event) => void)>} [attributes]
 */
export function select(choices, attributes = {}) {
  const options = Object.entries(choices).map(([value, label]) => element('option', { value }, label));
  return element('select', attributes, ...options);
}

/** @param {readonly (Node | string | number | undefined | false)[]} children */
function present(children) {
  /** @type {(Node | string)[]} */
  const found = [];
  for (const child of children) {
    if (child === undefined || child === false) continue;
    found.push(typeof child === 'number' ? String(child) : child);
  }
  return found;
}
