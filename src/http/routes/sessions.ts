import { z } from 'zod';
import { RecordError } from '../../errors.ts';
import type { Stacklore } from '../../stacklore.ts';
import type { StoredSession } from '../../stores/main/sessions.ts';
import { type Access, hidden } from '../access.ts';
import { named, refuseChosenId } from '../ids.ts';
import { pageQuery } from '../page-query.ts';
import { defineRoute, type Route } from '../route.ts';
import { sessionAnswer, sessionList } from '../schemas/sessions.ts';
import { requireConversation } from './conversations.ts';

const tag = 'Sessions';
const read = { scope: 'read', family: 'sessions' } as const;
const write = { scope: 'write', family: 'sessions' } as const;
const params = z.strictObject({ sessionId: z.string() });
const metadata = z.record(z.string(), z.unknown());

/** Sessions of users; a key bound to a user sees those of this user. */
export function sessionRoutes(): Route[] {
  return [
    defineRoute({
      method: 'POST',
      path: '/v1/sessions',
      tag,
      summary: 'Creates a session.',
      description:
        'A key that is bound to a user creates sessions of this user, and leaves their ids to the server.',
      access: write,
      body: z.strictObject({
        userId: z.string().optional().describe('Left out by a key that is bound to a user.'),
        sessionId: z.string().optional().describe('A random one unless given.'),
        conversationId: z.string().optional(),
        metadata: metadata.optional(),
      }),
      response: sessionAnswer,
      status: 201,
      async handle({ lore, access, body: { userId, ...session }, reply }) {
        const user = named(access.userOf(userId), 'userId');
        refuseChosenId(access, session.sessionId, 'sessionId');
        await requireConversation(lore, access, session.conversationId);
        const created = await lore.sessions.create({ userId: user, ...session });
        reply.header('location', `/v1/sessions/${encodeURIComponent(created.sessionId)}`);
        return created;
      },
    }),
    defineRoute({
      method: 'GET',
      path: '/v1/sessions',
      tag,
      summary: 'The live sessions of a user, last used first.',
      access: read,
      query: z.strictObject({ userId: z.string().optional(), ...pageQuery(1_000) }),
      response: sessionList,
      handle: ({ lore, access, query: { userId, ...page } }) =>
        lore.sessions.listForUser(named(access.userOf(userId), 'userId'), page),
    }),
    defineRoute({
      method: 'GET',
      path: '/v1/sessions/:sessionId',
      tag,
      summary: 'A session. Looking at it does not renew it.',
      access: read,
      params,
      response: sessionAnswer,
      handle: ({ lore, access, params: { sessionId } }) => openSession(lore, access, sessionId),
    }),
    defineRoute({
      method: 'PATCH',
      path: '/v1/sessions/:sessionId',
      tag,
      summary: 'Changes what is given of a session, and renews it.',
      access: write,
      params,
      body: z.strictObject({
        conversationId: z.string().nullable().optional().describe('null takes it out of its conversation.'),
        metadata: metadata.optional().describe('Replaces all of it.'),
      }),
      response: sessionAnswer,
      async handle({ lore, access, params: { sessionId }, body }) {
        await openSession(lore, access, sessionId);
        await requireConversation(lore, access, body.conversationId ?? undefined);
        return lore.sessions.update(sessionId, body);
      },
    }),
    defineRoute({
      method: 'POST',
      path: '/v1/sessions/:sessionId/touch',
      tag,
      summary: 'Renews a session for another day.',
      access: write,
      params,
      response: sessionAnswer,
      async handle({ lore, access, params: { sessionId } }) {
        await openSession(lore, access, sessionId);
        return lore.sessions.touch(sessionId);
      },
    }),
    defineRoute({
      method: 'DELETE',
      path: '/v1/sessions/:sessionId',
      tag,
      summary: 'Ends a session.',
      access: write,
      params,
      async handle({ lore, access, params: { sessionId } }) {
        if (access.userId !== undefined) await openSession(lore, access, sessionId);
        if (!(await lore.sessions.end(sessionId))) throw hidden();
      },
    }),
  ];
}

/** A session that the caller's key opens. Throws `not_found`. */
async function openSession(lore: Stacklore, access: Access, sessionId: string): Promise<StoredSession> {
  try {
    const session = await lore.sessions.get(sessionId);
    if (access.userId !== undefined && session.userId !== access.userId) throw hidden();
    return session;
  } catch (error) {
    // Whose a broken session is cannot be told.
    if (error instanceof RecordError && access.userId !== undefined) throw hidden();
    throw error;
  }
}
