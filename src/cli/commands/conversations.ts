import { text } from 'node:stream/consumers';
import { z } from 'zod';
import { StackloreError } from '../../errors.ts';
import type { Message } from '../../schema/main.ts';
import type { RecentMessages } from '../../stores/main/conversations.ts';
import { type Command, defineCommand, type Terminal } from '../command.ts';
import { wholeNumber } from '../flag-values.ts';
import { counted } from '../format.ts';

const show = defineCommand({
  summary: 'Show a page of messages, oldest first.',
  arguments: '<conversationId>',
  flags: [
    { flags: '--offset <number>', description: 'skip this many' },
    { flags: '--limit <number>', description: 'show at most this many (100)' },
    { flags: '--from-end', description: 'count from the end: the last messages come first into the page' },
  ],
  schema: z.strictObject({
    offset: wholeNumber(0).default(0),
    limit: wholeNumber(1, 10_000).default(100),
    fromEnd: z.boolean().default(false),
  }),
  async run({ lore, terminal }, [conversationId = ''], { offset, limit, fromEnd }) {
    const { conversations } = lore();
    const info = await conversations.get(conversationId);
    const page = await conversations.list(conversationId, {
      offset,
      limit,
      from: fromEnd ? 'end' : 'start',
    });
    noteUnreadable(terminal, page);
    return {
      data: { ...info, ...page },
      lines: [
        ...page.items.flatMap(messageLines),
        `${page.items.length} of ${counted(page.total, 'message')}, ${expiry(info.ttlSeconds)}`,
      ],
    };
  },
});

const append = defineCommand({
  summary: 'Append a message; the first one begins the conversation. - reads it from standard input.',
  arguments: '<conversationId> <content>',
  flags: [
    { flags: '--role <role>', description: 'user, assistant or system (user)' },
    { flags: '--tokens <number>', description: 'how many tokens it has' },
  ],
  schema: z.strictObject({
    role: z
      .enum(['user', 'assistant', 'system'], { error: 'must be user, assistant or system' })
      .default('user'),
    tokens: wholeNumber(0).optional(),
  }),
  examples: ['stacklore conversations append conv_789 "When does the library open?"'],
  async run({ lore, terminal }, [conversationId = '', given = ''], { role, tokens }) {
    const content = given === '-' ? (await text(terminal.stdin)).replace(/\r?\n$/, '') : given;
    if (content.trim() === '') {
      throw new StackloreError('invalid_input', {
        message: 'The message is empty. Give its text, or - to read it from standard input.',
      });
    }
    const messageCount = await lore().conversations.append(conversationId, {
      role,
      content,
      ...(tokens !== undefined && { tokens }),
    });
    return {
      data: { conversationId, messageCount },
      lines: [`Conversation ${conversationId} has ${counted(messageCount, 'message')}.`],
    };
  },
});

const last = defineCommand({
  summary: 'Show the last messages that fit a token budget.',
  arguments: '<conversationId>',
  flags: [{ flags: '--max-tokens <number>', description: 'the budget (1000)' }],
  schema: z.strictObject({ maxTokens: wholeNumber(1).default(1_000) }),
  async run({ lore, terminal }, [conversationId = ''], { maxTokens }) {
    const { conversations } = lore();
    await conversations.get(conversationId);
    const recent = await conversations.lastMessages(conversationId, { maxTokens });
    noteUnreadable(terminal, recent);
    return {
      data: recent,
      lines: [...recent.messages.flatMap(messageLines), describeRecent(recent, maxTokens)],
    };
  },
});

const tokens = defineCommand({
  summary: 'Count the tokens of a conversation; messages that do not say are estimated.',
  arguments: '<conversationId>',
  flags: [],
  schema: z.strictObject({}),
  async run({ lore }, [conversationId = '']) {
    const { conversations } = lore();
    const { messageCount } = await conversations.get(conversationId);
    const count = await conversations.countTokens(conversationId);
    return {
      data: { conversationId, messageCount, tokens: count },
      lines: [`${counted(count, 'token')} in ${counted(messageCount, 'message')}`],
    };
  },
});

const trim = defineCommand({
  summary: 'Remove all but the last messages.',
  arguments: '<conversationId>',
  flags: [{ flags: '--keep-last <number>', description: 'how many stay' }],
  schema: z.strictObject({ keepLast: wholeNumber(1) }),
  async run({ lore }, [conversationId = ''], { keepLast }) {
    const removed = await lore().conversations.trim(conversationId, { keepLast });
    return { data: { conversationId, removed }, lines: [`Removed ${counted(removed, 'message')}.`] };
  },
});

const remove = defineCommand({
  summary: 'Delete conversations.',
  arguments: '<conversationIds...>',
  flags: [],
  schema: z.strictObject({}),
  async run({ lore }, args) {
    const { conversations } = lore();
    // All are looked for first: a misspelt id among many must not leave the work half done.
    await Promise.all(args.map((conversationId) => conversations.get(conversationId)));
    const deleted = [];
    for (const conversationId of new Set(args)) {
      deleted.push({ conversationId, messages: await conversations.delete(conversationId) });
    }
    return {
      data: { deleted },
      lines: deleted.map(
        ({ conversationId, messages }) => `Deleted ${conversationId} (${counted(messages, 'message')})`,
      ),
    };
  },
});

function noteUnreadable({ note }: Terminal, { unreadable }: Pick<RecentMessages, 'unreadable'>): void {
  for (const { problem } of unreadable) note(`Note: ${problem}`);
}

function expiry(ttlSeconds: number | undefined): string {
  return ttlSeconds === undefined ? 'never expires' : `expires in ${ttlSeconds} s`;
}

function describeRecent({ messages, tokens: count, isWhole }: RecentMessages, maxTokens: number): string {
  if (messages.length === 0 && !isWhole) {
    return `No message fits: the last one alone has more than ${maxTokens} tokens. Raise --max-tokens.`;
  }
  return `${counted(messages.length, 'message')} with ${counted(count, 'token')}${isWhole ? ', the whole conversation' : ''}`;
}

function messageLines({ role, content, timestamp }: Message): string[] {
  return [`--- ${role}, ${timestamp}`, content, ''];
}

export const commands: Record<string, Command> = { append, show, last, tokens, trim, delete: remove };
