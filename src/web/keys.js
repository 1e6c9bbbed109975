import { element, labelled } from './element.js';

const STORAGE_NAME = 'stacklore-key';
const WRONG =
  'This key is not accepted. It is unknown, revoked or expired; stacklore api-keys create makes another.';

/**
 * The API key of this tab: asked for when the server wants one, kept until the tab is closed and nowhere else.
 *
 * @param {{ onChange: () => void }} parts
 */
export function createKeys({ onChange }) {
  let token = sessionStorage.getItem(STORAGE_NAME) ?? undefined;
  /** Whether the server wanted a key and the person gave none. */
  let isMissing = false;
  /** @type {Promise<boolean> | undefined} */
  let asking;

  const input = element('input', {
    type: 'password',
    autocomplete: 'off',
    spellcheck: 'false',
    required: true,
    'aria-describedby': 'key-problem',
  });
  const problem = element('p', { id: 'key-problem', class: 'problem', role: 'alert' });
  const form = element(
    'form',
    { method: 'dialog' },
    element('h2', { id: 'key-title' }, 'API key'),
    problem,
    labelled('Key', input, 'Kept in this tab only, until it is closed.'),
    element(
      'div',
      { class: 'actions' },
      element('button', { type: 'button', class: 'quiet', click: () => dialog.close('') }, 'Cancel'),
      element('button', { type: 'submit', value: 'use' }, 'Use this key'),
    ),
  );
  const dialog = element('dialog', { 'aria-labelledby': 'key-title' }, form);
  document.body.append(dialog);

  /** @param {string} text */
  function open(text) {
    problem.textContent = text;
    input.value = '';
    dialog.returnValue = '';
    dialog.showModal();
    input.focus();
    return new Promise((/** @type {(given: boolean) => void} */ resolve) => {
      const onClose = () => {
        const given = dialog.returnValue === 'use' && input.value.trim() !== '';
        if (given) {
          token = input.value.trim();
          sessionStorage.setItem(STORAGE_NAME, token);
        }
        isMissing = !given;
        input.value = '';
        onChange();
        resolve(given);
      };
      dialog.addEventListener('close', onClose, { once: true });
    });
  }

  return {
    token: () => token,
    isMissing: () => isMissing,

    /**
     * Asks the person for a key, once for all who ask meanwhile. Gives whether there is a new one.
     *
     * @param {string} text why one is wanted, where there is none yet
     */
    ask(text) {
      asking ??= open(token ? WRONG : text).finally(() => {
        asking = undefined;
      });
      return asking;
    },

    forget() {
      token = undefined;
      sessionStorage.removeItem(STORAGE_NAME);
      onChange();
    },
  };
}
