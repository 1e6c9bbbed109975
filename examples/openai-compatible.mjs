// A language model behind any OpenAI-compatible endpoint, as LlamaIndex.TS takes one: plain fetch, no further package.
import { BaseLLM } from 'llamaindex';

/**
 * @typedef {object} Options
 * @property {string} baseUrl with its version, e.g. http://127.0.0.1:11434/v1
 * @property {string} model
 * @property {string | undefined} [apiKey]
 * @property {number} [contextWindow] tokens the model reads; longer histories are shortened
 */

export class OpenAiCompatible extends BaseLLM {
  /** @param {Options} options */
  constructor({ baseUrl, model, apiKey, contextWindow = 8_192 }) {
    super();
    this.url = `${baseUrl.replace(/\/$/, '')}/chat/completions`;
    this.headers = {
      'content-type': 'application/json',
      ...(apiKey && { authorization: `Bearer ${apiKey}` }),
    };
    this.metadata = {
      ...{ model, temperature: 0, topP: 1, contextWindow, tokenizer: undefined, structuredOutput: false },
    };
  }

  /**
   * A whole answer, or with `stream: true` its pieces as they come.
   *
   * @param {import('llamaindex').LLMChatParamsBase & { stream?: boolean }} params
   * @returns {Promise<any>} as the base class declares it for either
   */
  async chat(params) {
    const response = await this.#post(params);
    if (params.stream) return pieces(response);
    const raw = /** @type {any} */ (await response.json());
    return { raw, message: { role: 'assistant', content: raw.choices[0].message.content ?? '' } };
  }

  /** @param {import('llamaindex').LLMChatParamsBase & { stream?: boolean }} params */
  async #post({ messages, stream = false, additionalChatOptions }) {
    const { model, temperature } = this.metadata;
    const body = { model, temperature, stream, messages: systemFirst(messages), ...additionalChatOptions };
    const options = { method: 'POST', headers: this.headers, body: JSON.stringify(body) };
    const response = await fetch(this.url, options);
    if (response.ok) return response;
    throw new Error(`${this.url} answered ${response.status}: ${(await response.text()).slice(0, 500)}`);
  }
}

/**
 * LlamaIndex puts the context after the question; many endpoints take a system message at the beginning only.
 *
 * @param {import('llamaindex').ChatMessage[]} messages
 */
function systemFirst(messages) {
  const isSystem = (/** @type {import('llamaindex').ChatMessage} */ { role }) => role === 'system';
  const ordered = [...messages.filter(isSystem), ...messages.filter((message) => !isSystem(message))];
  return ordered.map(({ role, content }) => ({ role, content }));
}

/**
 * The lines `data: {…}` of a streamed answer.
 *
 * @param {Response} response
 */
async function* pieces({ body }) {
  let rest = '';
  for await (const text of (body ?? new ReadableStream()).pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (!line.startsWith('data:') || line.includes('[DONE]')) continue;
      const raw = JSON.parse(line.slice('data:'.length));
      const delta = raw.choices?.[0]?.delta?.content;
      if (delta) yield { raw, delta };
    }
  }
}
