import { z } from 'zod';

/** What is known of a conversation, see `ConversationInfo`. */
export const conversationInfo = z.object({
  conversationId: z.string(),
  messageCount: z.int(),
  ttlSeconds: z.int().optional(),
});

export const conversationList = z.object({ items: z.array(conversationInfo), total: z.int() });

export const startedConversation = z.object({ conversationId: z.string(), messageCount: z.int() });

export const messageList = z.object({
  items: z.array(
    z.object({
      role: z.enum(['user', 'assistant', 'system']),
      content: z.string(),
      timestamp: z.string(),
      tokens: z.int().optional(),
    }),
  ),
  total: z.int(),
  unreadable: z.array(z.object({ position: z.int(), problem: z.string() })),
});

export const deletedConversation = z.object({ conversationId: z.string(), deleted: z.int() });
