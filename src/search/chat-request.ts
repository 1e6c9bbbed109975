import { z } from 'zod';
import { isId } from '../schema/key.ts';
import { type ContextInput, invalidRequest, parse } from './request.ts';
import { count } from './request-fields.ts';

const id = z.custom<string>(isId, 'must be an id of 1 to 512 bytes');

/** What makes the messages of a chat of a context. */
export const chatRequest = z.strictObject({
  /** The conversation whose last messages stand before the question. */
  conversationId: id.optional(),
  /** The most tokens they may have together; 1,000 unless given. */
  historyTokens: count(1, 1_000_000).optional(),
  /** Append the question to the conversation, once its context is found. */
  append: z.boolean('must be true or false').optional(),
  /** The system prompt that begins the chat. One that uses {{context}} gets the passages, others are followed by rules for citing. */
  systemPrompt: id.optional(),
  /** The template that does, instead of a system prompt; it gets the passages if it requires `context`. */
  template: id.optional(),
  /** What the prompt's variables are; `context` and `question` are filled in. */
  variables: z.record(z.string(), z.unknown(), 'must be an object').optional(),
});
export type ChatOptions = z.output<typeof chatRequest>;

/** A context look-up that may ask for the messages of a chat, as callers write it. */
export type ChatContextInput = ContextInput & z.input<typeof chatRequest>;

/** The two parts of a request, the first checked. Throws `invalid_input` naming the field. */
export function parseChatRequest(input: ChatContextInput): { chat: ChatOptions; search: ContextInput } {
  if (typeof input !== 'object' || input === null) throw invalidRequest('request: must be an object.');
  const { conversationId, historyTokens, append, systemPrompt, template, variables, ...search } = input;
  const chat = parse(chatRequest, {
    ...{ conversationId, historyTokens, append, systemPrompt, template, variables },
  });
  if (systemPrompt !== undefined && template !== undefined) {
    throw invalidRequest('template: give either a system prompt or a template.');
  }
  if (conversationId === undefined && (append || historyTokens !== undefined)) {
    throw invalidRequest('conversationId: is missing. Say which conversation is meant.');
  }
  if (variables !== undefined && systemPrompt === undefined && template === undefined) {
    throw invalidRequest('variables: are those of a system prompt or template. Name one.');
  }
  const filledIn = ['context', 'question'].find((name) => Object.hasOwn(chat.variables ?? {}, name));
  if (filledIn !== undefined) throw invalidRequest(`variables: "${filledIn}" is filled in. Leave it out.`);
  return { chat, search };
}
