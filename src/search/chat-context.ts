import { StackloreError } from '../errors.ts';
import type { ConversationUsers } from '../stores/main/conversation-users.ts';
import type { Conversations, RecentMessages } from '../stores/main/conversations.ts';
import { type ChatContextInput, type ChatOptions, parseChatRequest } from './chat-request.ts';
import { type CitedContextParts, findCitedContext } from './cited-context.ts';
import { type ChatMessage, type ContextAnswer, toMessages } from './context.ts';
import { invalidRequest } from './request.ts';

/** What fills a prompt by its name. */
interface Renderer {
  render(name: string, variables: Readonly<Record<string, unknown>>): Promise<string>;
}

/** What the messages of a chat are made with. */
export interface ChatContextParts extends CitedContextParts {
  readonly conversations: Pick<Conversations, 'append' | 'lastMessages'>;
  readonly conversationUsers: Pick<ConversationUsers, 'includes'>;
  readonly systemPrompts: Renderer & {
    get(name: string): Promise<{ readonly variables: readonly string[] }>;
  };
  readonly templates: Renderer & {
    get(name: string): Promise<{ readonly requiredVariables: readonly string[] }>;
  };
}

/** A context, and what became of the conversation it was asked in. */
export interface ChatContextAnswer extends ContextAnswer {
  /** How much of the conversation stands before the question in `messages`; absent without one. */
  readonly history?: Omit<RecentMessages, 'messages'> & { readonly messages: number };
  /** How many messages the conversation has now; absent unless the question was appended. */
  readonly messageCount?: number;
}

/** Whose conversation it must be. */
export interface ChatContextOptions {
  /** A conversation that is not one of this user's is as if it were not there. */
  readonly ownedBy?: string | undefined;
}

const HISTORY_TOKENS = 1_000;

/**
 * A cited context, and where asked for the messages of a chat around it: prompt, history, question. Throws like `search`,
 * and `not_found` for a prompt that is not there.
 */
export async function findChatContext(
  parts: ChatContextParts,
  input: ChatContextInput,
  { ownedBy }: ChatContextOptions = {},
): Promise<ChatContextAnswer> {
  const { chat, search } = parseChatRequest(input);
  const { conversationId, append, historyTokens: maxTokens = HISTORY_TOKENS } = chat;
  const prompt = await openPrompt(parts, chat);
  if (conversationId === undefined && !prompt) return findCitedContext(parts, search);
  await requireOwn(parts, { conversationId, ownedBy });
  const recent =
    conversationId === undefined
      ? undefined
      : await parts.conversations.lastMessages(conversationId, { maxTokens });
  const answer = await findCitedContext(parts, search);
  const question = search.query ?? search.queries?.[0];
  if (question === undefined) throw invalidRequest('query: a chat needs a question. Give one as text.');
  const [first, last] = await promptMessages(answer, { question, prompt });
  const said = recent?.messages.map(({ role, content }): ChatMessage => ({ role, content })) ?? [];
  const messageCount =
    conversationId !== undefined && append
      ? await parts.conversations.append(conversationId, { role: 'user', content: question }, { ownedBy })
      : undefined;
  return {
    ...answer,
    messages: [first, ...said, last],
    ...(recent && { history: { ...recent, messages: said.length } }),
    ...(messageCount !== undefined && { messageCount }),
  };
}

/** Throws `not_found` for a conversation that is none of the user's. */
async function requireOwn(
  { conversationUsers }: Pick<ChatContextParts, 'conversationUsers'>,
  { conversationId, ownedBy }: { conversationId: string | undefined; ownedBy: string | undefined },
): Promise<void> {
  if (conversationId === undefined || ownedBy === undefined) return;
  if (await conversationUsers.includes(conversationId, ownedBy)) return;
  throw new StackloreError('not_found', {
    message: `User "${ownedBy}" has no conversation "${conversationId}". Begin one, or link the user to it.`,
  });
}

interface Prompt {
  /** Whether it says itself where the passages stand. */
  readonly usesContext: boolean;
  fill(more: { readonly context: string; readonly question: string }): Promise<string>;
}

async function openPrompt(
  { systemPrompts, templates }: Pick<ChatContextParts, 'systemPrompts' | 'templates'>,
  { systemPrompt, template, variables = {} }: ChatOptions,
): Promise<Prompt | undefined> {
  const promptOf = (renderer: Renderer, name: string, taken: readonly string[]): Prompt => ({
    usesContext: taken.includes('context'),
    fill: (more) => renderer.render(name, { ...variables, ...more }),
  });
  if (systemPrompt !== undefined) {
    return promptOf(systemPrompts, systemPrompt, (await systemPrompts.get(systemPrompt)).variables);
  }
  if (template === undefined) return undefined;
  return promptOf(templates, template, (await templates.get(template)).requiredVariables);
}

/** What stands first and what stands last in the chat. */
async function promptMessages(
  answer: ContextAnswer,
  { question, prompt }: { question: string; prompt: Prompt | undefined },
): Promise<[ChatMessage, ChatMessage]> {
  const [rules, asked] = toMessages(answer, question);
  if (!prompt) return [rules, asked];
  const text = await prompt.fill({ context: answer.text || 'Nothing was found.', question });
  if (prompt.usesContext)
    return [
      { role: 'system', content: text },
      { role: 'user', content: question },
    ];
  return [{ role: 'system', content: `${text}\n\n${rules.content}` }, asked];
}
