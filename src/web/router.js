import { element, replaceChildren } from './element.js';

/** @import { Shell, View } from './types.d.ts' */

/**
 * Shows the view that the address names: `#/search?q=loan`. Views are made when first shown and kept.
 *
 * @param {object} parts
 * @param {HTMLElement} parts.main
 * @param {HTMLElement} parts.tabs
 * @param {Record<string, { label?: string, create: (shell: Shell) => View }>} parts.views those with a label have a tab
 * @param {Shell} parts.shell
 */
export function createRouter({ main, tabs, views, shell }) {
  /** @type {Map<string, View>} */
  const made = new Map();
  /** @type {View | undefined} */
  let current;
  /** The last address of each view, so that a tab leads back to where it was left. @type {Map<string, string>} */
  const addresses = new Map();

  const links = Object.entries(views)
    .filter(([, { label }]) => label)
    .map(([name, { label }]) => element('a', { href: `#/${name}`, 'data-view': name }, label));
  replaceChildren(tabs, ...links);
  tabs.addEventListener('keydown', (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const at = links.findIndex((link) => link.matches(':focus'));
    if (step === undefined || at === -1) return;
    event.preventDefault();
    links[(at + step + links.length) % links.length]?.focus();
  });

  function route() {
    const { name, parameters } = readAddress();
    const view = made.get(name) ?? views[name]?.create(shell);
    if (!view) return;
    made.set(name, view);
    addresses.set(name, location.hash);
    for (const link of links) {
      const isCurrent = link.dataset.view === name;
      if (isCurrent) link.setAttribute('aria-current', 'page');
      else link.removeAttribute('aria-current');
      const address = addresses.get(link.dataset.view ?? '');
      if (address) link.setAttribute('href', address);
    }
    if (view !== current) {
      current?.hide?.();
      current = view;
      replaceChildren(main, view.element);
      document.title = `${view.title} · stacklore`;
      window.scrollTo(0, 0);
    }
    void view.show(parameters);
  }

  function readAddress() {
    const [path = '', query = ''] = location.hash.replace(/^#\/?/, '').split('?', 2);
    const name = Object.hasOwn(views, path) ? path : 'search';
    return { name, parameters: new URLSearchParams(query) };
  }

  /**
   * @param {string} view
   * @param {Record<string, string>} [parameters]
   * @param {{ replace?: boolean }} [options] `replace`: only the address is written, nothing is shown anew
   */
  function navigate(view, parameters = {}, { replace = false } = {}) {
    const address = addressOf(view, parameters);
    if (!replace) {
      location.hash = address;
      return;
    }
    history.replaceState(history.state, '', address);
    addresses.set(view, address);
  }

  return {
    navigate,
    refresh: route,
    start() {
      window.addEventListener('hashchange', route);
      route();
    },
    /** At once: what is typed next belongs to the question already. */
    focusSearch() {
      if (current !== made.get('search')) {
        history.pushState(null, '', addresses.get('search') ?? addressOf('search'));
        route();
      }
      main.querySelector('input')?.focus();
    },
  };
}

/**
 * The address of a view, to link to it.
 *
 * @param {string} view
 * @param {Record<string, string>} [parameters] those that are empty are left out
 */
export function addressOf(view, parameters = {}) {
  const given = Object.entries(parameters).filter(([, value]) => value !== '');
  const query = new URLSearchParams(given).toString();
  return `#/${view}${query && `?${query}`}`;
}
