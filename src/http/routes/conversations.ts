import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { StackloreError } from '../../errors.ts';
import { checkId } from '../../schema/key.ts';
import type { Stacklore } from '../../stacklore.ts';
import { type Access, hidden } from '../access.ts';
import { named } from '../ids.ts';
import { pageQuery } from '../page-query.ts';
import { defineRoute, type Route } from '../route.ts';
import {
  conversationInfo,
  conversationList,
  deletedConversation,
  messageList,
  startedConversation,
} from '../schemas/conversations.ts';

const tag = 'Conversations';
const read = { scope: 'read', family: 'conversations' } as const;
const write = { scope: 'write', family: 'conversations' } as const;
const params = z.strictObject({ conversationId: z.string() });
const message = z.strictObject({
  role: z.enum(['user', 'assistant', 'system']),
  content: z.string(),
  tokens: z.int().min(0).optional().describe('How many tokens it has; counted where it is needed otherwise.'),
  timestamp: z.iso.datetime({ offset: true }).optional().describe('Now unless given.'),
});
const messages = z.array(message).min(1).max(1_000);

/** Conversations; a key bound to a user sees those of this user. */
export function conversationRoutes(): Route[] {
  return [
    defineRoute({
      method: 'POST',
      path: '/v1/conversations',
      tag,
      summary: 'Makes the id of a conversation, and begins it with messages where there are some.',
      description:
        'With a user it is a conversation of this user; a key that is bound to a user makes those of this user.',
      access: write,
      body: z.strictObject({
        userId: z.string().optional().describe('Left out by a key that is bound to a user.'),
        messages: messages.optional(),
      }),
      response: startedConversation,
      status: 201,
      async handle({ lore, access, body: { userId, messages: first }, reply }) {
        const user = access.userOf(userId);
        const conversationId = randomUUID();
        if (user !== undefined) await lore.conversationUsers.link(conversationId, user);
        const owner = { ownedBy: user };
        const messageCount = first ? await lore.conversations.append(conversationId, first, owner) : 0;
        reply.header('location', `/v1/conversations/${conversationId}`);
        return { conversationId, messageCount };
      },
    }),
    defineRoute({
      method: 'GET',
      path: '/v1/conversations',
      tag,
      summary: 'The conversations of a user, those appended to last first.',
      access: read,
      query: z.strictObject({ userId: z.string().optional(), ...pageQuery(1_000) }),
      response: conversationList,
      handle: ({ lore, access, query: { userId, ...page } }) =>
        lore.conversationUsers.conversationsOf(named(access.userOf(userId), 'userId'), page),
    }),
    defineRoute({
      method: 'GET',
      path: '/v1/conversations/:conversationId',
      tag,
      summary: 'How many messages a conversation has, and in how many seconds it expires.',
      access: read,
      params,
      response: conversationInfo,
      async handle({ lore, access, params: { conversationId } }) {
        await requireConversation(lore, access, conversationId);
        if (access.userId === undefined) return lore.conversations.get(conversationId);
        // A user's own one is there before its first message.
        return (await lore.conversations.find(conversationId)) ?? { conversationId, messageCount: 0 };
      },
    }),
    defineRoute({
      method: 'GET',
      path: '/v1/conversations/:conversationId/messages',
      tag,
      summary: 'The messages of a conversation, oldest first.',
      access: read,
      params,
      query: z.strictObject({
        ...pageQuery(1_000),
        from: z.enum(['start', 'end']).default('start').describe('end: the first page is the last messages.'),
      }),
      response: messageList,
      async handle({ lore, access, params: { conversationId }, query }) {
        await requireConversation(lore, access, conversationId);
        const page = await lore.conversations.list(conversationId, query);
        if (page.total === 0 && access.userId === undefined) await lore.conversations.get(conversationId);
        return page;
      },
    }),
    defineRoute({
      method: 'POST',
      path: '/v1/conversations/:conversationId/messages',
      tag,
      summary: 'Appends messages, all or none; the first one begins the conversation.',
      access: write,
      params,
      body: z.strictObject({ messages }),
      response: startedConversation,
      status: 201,
      async handle({ lore, access, params: { conversationId }, body }) {
        const owner = { ownedBy: access.userId };
        const messageCount = await lore.conversations.append(conversationId, body.messages, owner);
        return { conversationId, messageCount };
      },
    }),
    defineRoute({
      method: 'DELETE',
      path: '/v1/conversations/:conversationId',
      tag,
      summary: 'Deletes a conversation.',
      access: write,
      params,
      response: deletedConversation,
      async handle({ lore, access, params: { conversationId } }) {
        await requireConversation(lore, access, conversationId);
        const deleted = await lore.conversations.delete(conversationId).catch((error: unknown) => {
          const isEmpty = error instanceof StackloreError && error.code === 'not_found';
          // A user's own one is there before its first message.
          if (isEmpty && access.userId !== undefined) return 0;
          throw error;
        });
        return { conversationId, deleted };
      },
    }),
  ];
}

/** Throws `not_found` unless the caller's key opens the conversation, if one is named. */
export async function requireConversation(
  lore: Stacklore,
  access: Access,
  conversationId: string | undefined,
): Promise<void> {
  if (conversationId === undefined || access.userId === undefined) return;
  checkId('conversationId', conversationId);
  if (!(await lore.conversationUsers.includes(conversationId, access.userId))) throw hidden();
}
