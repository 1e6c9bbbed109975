import { element, replaceChildren } from './element.js';

const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 15_000;
/** How often a page that nobody uses looks whether the server is there. */
const HEARTBEAT_MS = 15_000;

/**
 * Tells in a banner that the server is away, tries again by itself, and says when it is back.
 *
 * @param {{ banner: HTMLElement, onBack: () => void, say: (text: string) => void }} parts
 */
export function watchConnection({ banner, onBack, say }) {
  let isAway = false;
  let waitMs = FIRST_WAIT_MS;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;

  /** @param {string} problem */
  function away(problem) {
    if (isAway) return;
    isAway = true;
    waitMs = FIRST_WAIT_MS;
    replaceChildren(
      banner,
      element('p', {}, `${problem} Trying again until it is back.`),
      element('button', { type: 'button', click: () => tryNow() }, 'Try now'),
    );
    banner.hidden = false;
    plan();
  }

  function plan() {
    clearTimeout(timer);
    timer = setTimeout(tryNow, waitMs);
    waitMs = Math.min(waitMs * 1.6, LONGEST_WAIT_MS);
  }

  async function tryNow() {
    clearTimeout(timer);
    if (!(await isReady())) return plan();
    isAway = false;
    banner.hidden = true;
    replaceChildren(banner);
    say('The server is back.');
    onBack();
  }

  setInterval(async () => {
    if (!isAway && document.visibilityState === 'visible' && !(await answers('/healthz'))) {
      away('The server does not answer.');
    }
  }, HEARTBEAT_MS);

  return { away };
}

function isReady() {
  return answers('/readyz');
}

/** @param {string} path */
async function answers(path) {
  try {
    return (await fetch(path, { cache: 'no-store' })).ok;
  } catch {
    return false;
  }
}
