import { z } from 'zod';

/** A session, see `StoredSession`. */
export const sessionAnswer = z.object({
  sessionId: z.string(),
  userId: z.string(),
  createdAt: z.coerce.date(),
  lastActivity: z.coerce.date(),
  conversationId: z.string().optional(),
  metadata: z.record(z.string(), z.unknown()),
});

export const sessionList = z.object({
  items: z.array(sessionAnswer),
  total: z.int(),
  unreadable: z.array(z.object({ sessionId: z.string(), key: z.string(), problem: z.string() })),
});
