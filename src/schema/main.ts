import { z } from 'zod';
import { json, jsonObject, jsonType, jsonValue, snakeJson, text, timestamp } from './fields.ts';
import { counter, hash, list, map, sortedSet, string, type ValueOf } from './record.ts';

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

/** The conversations that a user, or a session of the user's, was linked to; they outlive the sessions. */
export const userConversationsRecord = sortedSet({
  database: 'main',
  key: 'stacklore:user-conversations:{userId}',
  description: 'The conversations that a user, or a session of the user, was linked to.',
  ttlSeconds: 7 * DAY,
  isHelper: true,
  member: 'conversation_id',
  score: 'expiry, Unix milliseconds',
});

/** The users that were linked to a conversation, mostly by a session, so that an append keeps their entries alive. */
export const conversationUsersRecord = sortedSet({
  database: 'main',
  key: 'stacklore:conversation-users:{conversationId}',
  description: 'The users that were linked to a conversation, mostly by a session.',
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
  isTtlConfigurable: true,
  value: jsonValue,
});

/** Who computes a response body that many ask for; renewed while it is at work, gone by itself when it dies. */
export const cacheLockRecord = string({
  database: 'main',
  key: 'stacklore:cache-lock:{endpointHash}:{paramsHash}',
  clusterKey: 'stacklore:cache-lock:{cache:api:{endpointHash}:{paramsHash}}',
  description: 'Who computes a response body that is not cached; renewed until it is done.',
  ttlSeconds: 10,
  isTtlConfigurable: true,
  isHelper: true,
  value: text,
});

/** How often the response cache had the answer, and how often not. */
export const cacheStatsRecord = map({
  database: 'main',
  key: 'stacklore:cache-stats',
  description: 'How often the response cache had the answer (`hits`), and how often not (`misses`).',
  isHelper: true,
  field: '`hits` or `misses`',
  value: 'count',
});

/** Tasks waiting for a worker: LPUSH in, taken from the right. */
export const taskQueueRecord = list({
  database: 'main',
  key: 'queue:{queueName}',
  description: 'Tasks waiting for a worker, first in first out (LPUSH in, taken from the right).',
  element: snakeJson({
    taskId: z.string().min(1),
    taskType: z.string().min(1),
    payload: jsonType,
    createdAt: z.string(),
    priority: z.int().min(1).max(10),
  }),
});
export type Task = ValueOf<typeof taskQueueRecord>;

/** The one task of a delivery, from its taking until it is acknowledged, retried or given up. */
export const processingTaskRecord = list({
  database: 'main',
  key: 'stacklore:queue:{queueName}:processing:{deliveryId}',
  clusterKey: 'stacklore:queue:{queue:{queueName}}:processing:{deliveryId}',
  description: 'A task that a worker has taken, its bytes as they were in the queue.',
  isHelper: true,
  element: taskQueueRecord.element,
});

/** Until when each delivery of a queue is its worker's; past that, the task is put back. */
export const taskLeasesRecord = sortedSet({
  database: 'main',
  key: 'stacklore:queue:{queueName}:leases',
  clusterKey: 'stacklore:queue:{queue:{queueName}}:leases',
  description: "Until when each taken task is its worker's; also of those who wait for a task.",
  isHelper: true,
  member: "key of the delivery's processing list",
  score: 'end of the lease, Unix milliseconds of the server',
});

/** Tasks that failed and wait to be tried again. */
export const delayedTasksRecord = sortedSet({
  database: 'main',
  key: 'stacklore:queue:{queueName}:delayed',
  clusterKey: 'stacklore:queue:{queue:{queueName}}:delayed',
  description: 'Tasks that failed and wait to be tried again.',
  isHelper: true,
  member: '`{delivery_id}:` and the bytes of the task',
  score: 'when it goes back into the queue, Unix milliseconds of the server',
});

/** How often a task has failed, counted beside it so that other readers of the queue find it unchanged. */
export const taskAttemptsRecord = counter({
  database: 'main',
  key: 'stacklore:queue:{queueName}:attempts:{elementHash}',
  clusterKey: 'stacklore:queue:{queue:{queueName}}:attempts:{elementHash}',
  description: 'How often a task has failed; `element_hash` is the SHA-1 of its bytes.',
  ttlSeconds: 7 * DAY,
  isHelper: true,
});

/** Tasks that were given up, the latest first. */
export const deadLetterRecord = list({
  database: 'main',
  key: 'stacklore:queue:{queueName}:dead',
  clusterKey: 'stacklore:queue:{queue:{queueName}}:dead',
  description: 'Tasks that were given up, the latest first, each with the reason.',
  isHelper: true,
  element: snakeJson({
    // The task as it was in the queue; `encoding` says when its bytes are not UTF-8.
    element: z.string(),
    encoding: z.literal('base64').optional(),
    error: z.string(),
    attempts: z.int().nonnegative(),
    failedAt: z.string(),
  }),
});
export type StoredDeadLetter = ValueOf<typeof deadLetterRecord>;

/** Requests of one client to one endpoint in the current window. */
export const rateLimitRecord = counter({
  database: 'main',
  key: 'ratelimit:{clientId}:{endpoint}',
  description: 'Requests of a client to an endpoint in the current fixed window.',
  ttlSeconds: 60,
  isTtlConfigurable: true,
});

/** What a request may do by its kind: look, change, or look after the whole. None includes another. */
export const SCOPES = ['read', 'write', 'admin'] as const;
export type Scope = (typeof SCOPES)[number];

/** What a request is about. `documents` covers collections, searches, contexts and ingest jobs too. */
export const ACCESS_FAMILIES = [
  ...(['documents', 'facts', 'sessions', 'conversations'] as const),
  ...(['prompts', 'queues', 'analytics', 'maintenance'] as const),
] as const;
export type AccessFamily = (typeof ACCESS_FAMILIES)[number];

/** Who may use the HTTP API, and for what. The secret itself is stored nowhere. */
export const apiKeyRecord = hash({
  database: 'main',
  key: 'stacklore:api-key:{keyId}',
  description:
    'An API key: SHA-256 of its secret, and what it opens. A revoked one stays, so that it is known.',
  isHelper: true,
  fields: {
    name: text,
    secretHash: text,
    scopes: json(z.array(z.enum(SCOPES))),
    families: json(z.array(z.enum(ACCESS_FAMILIES))),
    /** Absent: all of them. */
    collections: json(z.array(z.string())).optional(),
    /** The one user whose records it opens; absent: those of all. */
    userId: text.optional(),
    createdAt: timestamp,
    expiresAt: timestamp.optional(),
    revokedAt: timestamp.optional(),
  },
});

/** The ids of all API keys, revoked ones too. */
export const apiKeysRecord = sortedSet({
  database: 'main',
  key: 'stacklore:api-keys',
  description: 'The ids of all API keys, revoked ones too.',
  isHelper: true,
  member: 'key_id',
  score: 'creation, Unix milliseconds',
});
