import { element, labelled, select } from './element.js';

/** What a context is made of: its size and order, and for chats the conversation and prompts around it. */
export function contextOptions() {
  const maxTokens = element('input', { type: 'number', min: 1, max: 1_000_000, step: 1, value: 2000 });
  const order = select({ best: 'best first', document: 'as in the documents' });
  const mode = select({ '': 'meaning and words', vector: 'meaning only', text: 'words only' });
  const facts = element('input', { type: 'checkbox' });
  const systemPrompt = element('input', { type: 'text', spellcheck: 'false' });
  const template = element('input', { type: 'text', spellcheck: 'false' });
  const variables = element('textarea', { rows: 2, spellcheck: 'false', placeholder: '{"tone":"friendly"}' });
  const conversationId = element('input', { type: 'text', spellcheck: 'false' });
  const historyTokens = element('input', {
    type: 'number',
    min: 1,
    step: 1,
    placeholder: '1000',
  });

  variables.addEventListener('input', () => {
    variables.setCustomValidity(
      parseVariables(variables.value) ? '' : 'Write the variables as a JSON object.',
    );
  });

  return {
    element: element(
      'div',
      { class: 'context-options' },
      element(
        'div',
        { class: 'fields' },
        labelled('Budget in tokens', maxTokens),
        labelled('Order of passages', order),
        labelled('Found by', mode),
        element('label', { class: 'choice is-low' }, facts, element('span', {}, 'Facts first')),
      ),
      element(
        'details',
        {},
        element('summary', {}, 'Conversation and prompts'),
        element(
          'div',
          { class: 'fields' },
          labelled('System prompt', systemPrompt, 'its name'),
          labelled('Template', template, 'its name'),
          labelled('Variables', variables, 'JSON'),
          labelled('Conversation', conversationId, 'its id'),
          labelled('Tokens of history', historyTokens),
        ),
      ),
    ),

    /** What a context look-up takes. */
    read() {
      const given = {
        systemPrompt: systemPrompt.value.trim(),
        template: template.value.trim(),
        conversationId: conversationId.value.trim(),
        mode: mode.value,
      };
      return {
        order: order.value,
        ...(maxTokens.value !== '' && { maxTokens: maxTokens.valueAsNumber }),
        ...(facts.checked && { facts: true }),
        ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== '')),
        ...(historyTokens.value !== '' && { historyTokens: historyTokens.valueAsNumber }),
        ...(variables.value.trim() !== '' && { variables: parseVariables(variables.value) }),
      };
    },
  };
}

/** @param {string} text */
function parseVariables(text) {
  if (text.trim() === '') return {};
  try {
    const value = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
