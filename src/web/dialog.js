import { element } from './element.js';

/**
 * Asks whether to do what cannot be undone. Gives whether the person agreed.
 *
 * @param {{ title: string, text: string, action: string }} question
 * @returns {Promise<boolean>}
 */
export function confirmAction({ title, text, action }) {
  const cancel = element(
    'button',
    { type: 'button', class: 'quiet', click: () => dialog.close('') },
    'Cancel',
  );
  const dialog = element(
    'dialog',
    { 'aria-labelledby': 'confirm-title', 'aria-describedby': 'confirm-text' },
    element(
      'form',
      { method: 'dialog' },
      element('h2', { id: 'confirm-title' }, title),
      element('p', { id: 'confirm-text' }, text),
      element(
        'div',
        { class: 'actions' },
        cancel,
        element('button', { type: 'submit', class: 'danger', value: 'yes' }, action),
      ),
    ),
  );
  document.body.append(dialog);
  dialog.showModal();
  cancel.focus();
  return new Promise((resolve) => {
    const onClose = () => {
      dialog.remove();
      resolve(dialog.returnValue === 'yes');
    };
    dialog.addEventListener('close', onClose, { once: true });
  });
}
