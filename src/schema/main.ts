import { z } from 'zod';
import { json, jsonObject, snakeJson, text, timestamp } from './fields.ts';
import { counter, hash, list, sortedSet, string, type ValueOf } from './record.ts';

const HOUR = 3_600;
const DAY = 24 * HOUR;

/** A user's session; its TTL slides with each use. */
export const sessionRecord = hash({
  database: 'main',
  key: 'session:{sessionId}',
  description: 'A session of a user; renewed on use.',
  ttlSeconds: DAY,
  fields: {
    userId: text,
    createdAt: timestamp,
    lastActivity: timestamp,
    conversationId: text.optional(),
    metadata: jsonObject,
  },
});
export type Session = ValueOf<typeof sessionRecord>;

/** The messages of a conversation, oldest first. */
export const conversationRecord = list({
  database: 'main',
  key: 'conversation:{conversationId}:messages',
  description: 'The messages of a conversation, oldest first.',
  ttlSeconds: 7 * DAY,
  element: snakeJson({
    role: z.enum(['user', 'assistant', 'system']),
    content: z.string(),
    timestamp: z.string(),
    tokens: z.int().nonnegative().optional(),
  }),
});
export type Message = ValueOf<typeof conversationRecord>;

/** The live sessions of a user, found without a scan; its TTL slides with the sessions'. */
export const userSessionsRecord = sortedSet({
  database: 'main',
  key: 'stacklore:user-sessions:{userId}',
  description: 'The sessions of a user; entries of expired ones are removed when it is used.',
  ttlSeconds: DAY,
  isHelper: true,
  member: 'session_id',
  score: 'expiry, Unix milliseconds',
});

/** The conversations that sessions of a user were linked to; they outlive the sessions. */
export const userConversationsRecord = sortedSet({
  database: 'main',
  key: 'stacklore:user-conversations:{userId}',
  description: 'The conversations that sessions of a user were linked to.',
  ttlSeconds: 7 * DAY,
  isHelper: true,
  member: 'conversation_id',
  score: 'expiry, Unix milliseconds',
});

/** The users whose sessions were linked to a conversation, so that an append keeps their entries alive. */
export const conversationUsersRecord = sortedSet({
  database: 'main',
  key: 'stacklore:conversation-users:{conversationId}',
  description: 'The users whose sessions were linked to a conversation.',
  ttlSeconds: 7 * DAY,
  isHelper: true,
  member: 'user_id',
  score: 'expiry, Unix milliseconds',
});

/** A cached API response body. */
export const responseCacheRecord = string({
  database: 'main',
  key: 'cache:api:{endpointHash}:{paramsHash}',
  description: 'A cached JSON response body; names are allowed in place of hashes. The TTL is configurable.',
  ttlSeconds: 300,
  value: json(z.json()),
});

/** Tasks waiting for a worker: LPUSH in, taken from the right. */
export const taskQueueRecord = list({
  database: 'main',
  key: 'queue:{queueName}',
  description: 'Tasks waiting for a worker, first in first out (LPUSH in, taken from the right).',
  element: snakeJson({
    taskId: z.string().min(1),
    taskType: z.string().min(1),
    payload: z.json(),
    createdAt: z.string(),
    priority: z.int().min(1).max(10),
  }),
});
export type Task = ValueOf<typeof taskQueueRecord>;

/** Requests of one client to one endpoint in the current window. */
export const rateLimitRecord = counter({
  database: 'main',
  key: 'ratelimit:{clientId}:{endpoint}',
  description: 'Requests of a client to an endpoint in the current fixed window.',
  ttlSeconds: 60,
});
