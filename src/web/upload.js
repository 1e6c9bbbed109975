import { problemText } from './api.js';
import { element, labelled, replaceChildren } from './element.js';
import { counted } from './format.js';

/** @import { Api, Job } from './types.d.ts' */

/** The server takes a hundred in one form. */
const FILES_PER_REQUEST = 100;

/**
 * Sends files to be ingested: dropped, or chosen.
 *
 * @param {object} parts
 * @param {Api} parts.api
 * @param {(text: string) => void} parts.say
 * @param {(job: Job) => void} parts.onJob
 * @param {() => string} parts.collection the one that is shown
 */
export function createUpload({ api, say, onJob, collection }) {
  const files = element('input', {
    type: 'file',
    id: 'files',
    multiple: true,
    class: 'visually-hidden',
    change: onChosen,
  });
  const names = element('datalist', { id: 'collection-names' });
  const into = element('input', {
    type: 'text',
    list: 'collection-names',
    placeholder: 'the one shown below',
    spellcheck: 'false',
  });
  const status = element('p', { class: 'summary', role: 'status' });
  const zone = element(
    'section',
    { class: 'drop-zone', 'aria-label': 'Add documents' },
    element(
      'p',
      {},
      'Drop files here, or ',
      element('label', { for: 'files', class: 'file-label' }, 'choose files'),
      files,
      '.',
    ),
    labelled('Into collection', into),
    names,
    status,
  );

  async function onChosen() {
    await sendAll([...(files.files ?? [])]);
    files.value = '';
  }

  /** @param {readonly File[]} chosen */
  async function sendAll(chosen) {
    for (let at = 0; at < chosen.length; at += FILES_PER_REQUEST) {
      await send(chosen.slice(at, at + FILES_PER_REQUEST));
    }
  }

  /** @param {readonly File[]} chosen */
  async function send(chosen) {
    const form = new FormData();
    // The name of the collection first: the server reads parts in their order.
    form.append('collection', into.value.trim() || collection() || 'default');
    for (const file of chosen) form.append('file', file, file.name);
    status.classList.remove('problem');
    status.textContent = `Sending ${counted(chosen.length, 'file')} …`;
    try {
      /** @type {Job} */
      const job = await api.post('/v1/documents', { body: form });
      status.textContent = '';
      say(`Sent ${counted(chosen.length, 'file')}.`);
      onJob(job);
    } catch (error) {
      status.textContent = problemText(error) ?? '';
      status.classList.add('problem');
    }
  }

  return {
    element: zone,

    /** @param {readonly string[]} all */
    name(all) {
      replaceChildren(names, ...all.map((value) => element('option', { value })));
    },

    /**
     * Files may be dropped anywhere in the view.
     *
     * @param {HTMLElement} view
     */
    catchDrops(view) {
      view.addEventListener('dragover', (event) => {
        if (!event.dataTransfer?.types.includes('Files')) return;
        event.preventDefault();
        zone.classList.add('is-over');
      });
      view.addEventListener('dragleave', (event) => {
        if (!(event.relatedTarget instanceof Node && view.contains(event.relatedTarget))) {
          zone.classList.remove('is-over');
        }
      });
      view.addEventListener('drop', (event) => {
        if (!event.dataTransfer?.types.includes('Files')) return;
        event.preventDefault();
        zone.classList.remove('is-over');
        void sendAll([...event.dataTransfer.files]);
      });
    },
  };
}
