import { createApi } from './api.js';
import { watchConnection } from './connection.js';
import { createContextView } from './context-view.js';
import { createDocumentView } from './document-view.js';
import { createDocumentsView } from './documents-view.js';
import { element, replaceChildren } from './element.js';
import { createInsightsView } from './insights-view.js';
import { createKeys } from './keys.js';
import { createMapView } from './map-view.js';
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
  documents: { label: 'Documents', create: createDocumentsView },
  document: { create: createDocumentView },
  map: { label: 'Map', create: createMapView },
  context: { label: 'Context', create: createContextView },
  insights: { label: 'Insights', create: createInsightsView },
};

const router = createRouter({ main, tabs: find('tabs'), views: VIEWS, shell });
const theme = createThemeSwitch();
showTools();
router.start();

// The address after the # names the view, so the link must not change it.
find('skip').addEventListener('click', (event) => {
  event.preventDefault();
  main.focus();
});

// A file that misses the view it was meant for would replace the page.
for (const name of /** @type {const} */ (['dragover', 'drop'])) {
  document.addEventListener(name, (event) => {
    if (event.defaultPrevented) return;
    event.preventDefault();
    if (event.dataTransfer) event.dataTransfer.dropEffect = 'none';
  });
}

document.addEventListener('keydown', (event) => {
  if (event.key !== '/' || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
  event.preventDefault();
  router.focusSearch();
});

function showTools() {
  /**
   * @param {string} label
   * @param {() => void} click
   */
  const button = (label, click) => element('button', { type: 'button', class: 'quiet', click }, label);
  replaceChildren(
    tools,
    keys.token() !== undefined && button('Forget API key', keys.forget),
    keys.isMissing() && button('Enter API key', enterKey),
    theme,
  );
}

async function enterKey() {
  if (await keys.ask('Without an API key this server shows nothing.')) router.refresh();
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
