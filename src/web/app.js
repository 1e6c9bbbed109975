import { createApi } from './api.js';
import { watchConnection } from './connection.js';
import { element, replaceChildren } from './element.js';
import { createKeys } from './keys.js';
import { createRouter } from './router.js';
import { createSearchView } from './search-view.js';
import { createThemeSwitch } from './theme.js';

/** @import { Shell, View } from './types.d.ts' */

const main = find('main');
const live = find('live');
const tools = find('tools');

/** @param {string} text */
function say(text) {
  live.textContent = text;
}

const connection = watchConnection({ banner: find('banner'), say, onBack: () => router.refresh() });
const keys = createKeys({ onChange: showTools });
const api = createApi({ keys, onAway: connection.away });

/** @type {Shell} */
const shell = {
  api,
  say,
  navigate: (view, parameters, options) => router.navigate(view, parameters, options),
  seen: new Map(),
};

/** @type {Record<string, { label?: string, create: (shell: Shell) => View }>} */
const VIEWS = {
  search: { label: 'Search', create: createSearchView },
};

const router = createRouter({ main, tabs: find('tabs'), views: VIEWS, shell });
const theme = createThemeSwitch();
showTools();
router.start();

document.addEventListener('keydown', (event) => {
  if (event.key !== '/' || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
  event.preventDefault();
  router.focusSearch();
});

function showTools() {
  const key = keys.token()
    ? element('button', { type: 'button', class: 'quiet', click: () => keys.forget() }, 'Forget API key')
    : undefined;
  replaceChildren(tools, key, theme);
}

/** @param {EventTarget | null} target */
function isTyping(target) {
  return target instanceof HTMLElement && target.matches('input, textarea, select, [contenteditable]');
}

/** @param {string} id */
function find(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`The page has no element "${id}".`);
  return found;
}
