import { problemText } from './api.js';
import { collectionChoice, listCollections } from './collections.js';
import { contextOptions } from './context-options.js';
import { copyText } from './copy.js';
import { element, replaceChildren } from './element.js';
import { formatNumber } from './format.js';
import { documentAddress } from './hit.js';

/** @import { ContextAnswer, Shell, View } from './types.d.ts' */

/**
 * Builds the prompt for a language model: the passages for a question under a budget, with what stands around them.
 *
 * @param {Shell} shell
 * @returns {View}
 */
export function createContextView({ api, say, navigate }) {
  let asking = new AbortController();

  const question = element('input', {
    type: 'search',
    required: true,
    'aria-label': 'Question',
    placeholder: 'What should the model answer?',
  });
  const collections = collectionChoice({ onChange: () => {} });
  const options = contextOptions();
  const status = element('p', { class: 'summary', role: 'status' });
  const result = element('div', { class: 'context-result' });
  const view = element(
    'div',
    { class: 'view context' },
    element('h1', {}, 'Context'),
    element(
      'form',
      { submit: onSubmit },
      element('div', { class: 'question' }, question, element('button', {}, 'Build')),
      collections.element,
      options.element,
    ),
    status,
    result,
  );

  /** @param {Event} event */
  function onSubmit(event) {
    event.preventDefault();
    void build();
  }

  async function build() {
    asking.abort();
    asking = new AbortController();
    const query = question.value.trim();
    if (query === '') return;
    const chosen = collections.chosen();
    navigate('context', { q: query, in: chosen.join(',') }, { replace: true });
    status.classList.remove('problem');
    status.textContent = 'Building …';
    try {
      const body = {
        query,
        ...(chosen.length === 1 && { collection: chosen[0] }),
        ...(chosen.length > 1 && { collections: chosen }),
        ...options.read(),
      };
      present(await api.post('/v1/context', { body, signal: asking.signal }));
    } catch (error) {
      const problem = problemText(error);
      if (problem === undefined) return;
      status.textContent = problem;
      status.classList.add('problem');
    }
  }

  /** @param {ContextAnswer} answer */
  function present(answer) {
    const { text, messages, tokens, citations, omitted, warnings } = answer;
    status.textContent = `${formatNumber(tokens)} tokens, ${citations.length} cited, ${omitted.length} left out`;
    const prompt = messages ? messages.map(({ role, content }) => `${role}:\n${content}`).join('\n\n') : text;
    const parts = messages ?? [{ role: 'context', content: text }];
    replaceChildren(
      result,
      ...warnings.map((warning) => element('p', { class: 'note' }, warning)),
      element(
        'section',
        { class: 'panel prompt', 'aria-label': 'Prompt' },
        element(
          'div',
          { class: 'panel-head' },
          element('h2', {}, 'Prompt'),
          messages && copyButton('Copy as JSON', () => JSON.stringify(messages, null, 2)),
          copyButton('Copy the prompt', () => prompt),
        ),
        ...parts.map(({ role, content }) =>
          element(
            'div',
            { class: 'message' },
            element('p', { class: 'chunk-label' }, role),
            element('pre', { tabindex: '0', 'aria-label': role }, content),
          ),
        ),
      ),
      citations.length > 0 && citationList(citations),
    );
  }

  /**
   * @param {string} label
   * @param {() => string} text
   */
  function copyButton(label, text) {
    const button = element('button', { type: 'button', class: 'quiet', click: onClick }, label);
    async function onClick() {
      const isCopied = await copyText(text());
      button.textContent = isCopied ? 'Copied' : 'Select the text and copy it';
      say(button.textContent);
      setTimeout(() => {
        button.textContent = label;
      }, 2_000);
    }
    return button;
  }

  return {
    title: 'Context',
    element: view,
    async show(parameters) {
      question.value = parameters.get('q') ?? question.value;
      try {
        const all = await listCollections(api);
        collections.fill(all, parameters.get('in')?.split(',') ?? collections.chosen());
        if (question.value !== '' && result.childElementCount === 0) await build();
      } catch (error) {
        status.textContent = problemText(error) ?? '';
        status.classList.add('problem');
      }
    },
    hide() {
      asking.abort();
    },
  };
}

/** @param {ContextAnswer['citations']} citations */
function citationList(citations) {
  const items = citations.map(({ number, title, source, headings, docId, chunkIds }) => {
    const path = headings.filter((heading) => heading !== title).join(' › ');
    return element(
      'li',
      { value: number },
      element(
        'a',
        { href: documentAddress({ docId, chunkId: chunkIds[0] ?? '' }), dir: 'auto' },
        title || source,
      ),
      element('span', { class: 'source' }, [path, source].filter(Boolean).join(' · ')),
    );
  });
  return element(
    'section',
    { class: 'panel', 'aria-label': 'Citations' },
    element('h2', {}, 'Citations'),
    element('ol', { class: 'citations' }, ...items),
  );
}
