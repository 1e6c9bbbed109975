import { z } from 'zod';
import { RecordError } from '../../errors.ts';
import type { Session } from '../../schema/main.ts';
import { type Command, defineCommand } from '../command.ts';
import { jsonObjectFlag, wholeNumber } from '../flag-values.ts';
import { counted, table } from '../format.ts';

const CONVERSATION_FLAG = { flags: '--conversation <id>', description: 'conversation it is linked to' };
const METADATA_FLAG = { flags: '--metadata <json>', description: 'a JSON object to keep with it' };

const list = defineCommand({
  summary: 'List the live sessions of a user, last used first.',
  arguments: '<userId>',
  flags: [
    { flags: '--offset <number>', description: 'skip this many' },
    { flags: '--limit <number>', description: 'list at most this many (100)' },
  ],
  schema: z.strictObject({
    offset: wholeNumber(0).default(0),
    limit: wholeNumber(1, 10_000).default(100),
  }),
  async run({ lore }, [userId = ''], page) {
    const sessions = await lore().sessions.listForUser(userId, page);
    const rows = sessions.items.map(({ sessionId, createdAt, lastActivity, conversationId }) => [
      ...[sessionId, createdAt.toISOString(), lastActivity.toISOString(), conversationId ?? ''],
    ]);
    return {
      data: sessions,
      lines: [
        ...table(['session id', 'created', 'last activity', 'conversation'], rows),
        ...sessions.unreadable.map(({ sessionId, problem }) => `${sessionId} cannot be read: ${problem}`),
        `${sessions.items.length} of ${counted(sessions.total, 'session')}`,
      ],
    };
  },
});

const create = defineCommand({
  summary: 'Create a session for a user.',
  arguments: '<userId>',
  flags: [
    { flags: '--id <id>', description: 'its id (default: a random one)' },
    CONVERSATION_FLAG,
    METADATA_FLAG,
  ],
  schema: z.strictObject({
    id: z.string().optional(),
    conversation: z.string().optional(),
    metadata: jsonObjectFlag().optional(),
  }),
  examples: [`stacklore sessions create user_001 --metadata '{"browser":"Chrome"}'`],
  async run({ lore }, [userId = ''], { id: sessionId, conversation: conversationId, metadata }) {
    return shown(await lore().sessions.create({ userId, sessionId, conversationId, metadata }));
  },
});

const show = defineCommand({
  summary: 'Show a session without renewing it.',
  arguments: '<sessionId>',
  flags: [],
  schema: z.strictObject({}),
  async run({ lore }, [sessionId = '']) {
    return shown(await lore().sessions.get(sessionId));
  },
});

const touch = defineCommand({
  summary: 'Renew a session for another 24 hours and show it.',
  arguments: '<sessionId>',
  flags: [],
  schema: z.strictObject({}),
  async run({ lore }, [sessionId = '']) {
    return shown(await lore().sessions.touch(sessionId));
  },
});

const update = defineCommand({
  summary: 'Change what is given of a session and renew it.',
  arguments: '<sessionId>',
  flags: [
    CONVERSATION_FLAG,
    { flags: '--unlink', description: 'take it out of its conversation' },
    METADATA_FLAG,
  ],
  schema: z
    .strictObject({
      conversation: z.string().optional(),
      unlink: z.boolean().default(false),
      metadata: jsonObjectFlag().optional(),
    })
    .refine(({ conversation, unlink }) => !(unlink && conversation !== undefined), {
      path: ['unlink'],
      error: 'cannot be given together with --conversation',
    })
    .refine((given) => given.unlink || given.conversation !== undefined || given.metadata !== undefined, {
      path: ['metadata'],
      error: 'give this, --conversation or --unlink; to renew a session only, use sessions touch',
    }),
  async run({ lore }, [sessionId = ''], { conversation, unlink, metadata }) {
    return shown(
      await lore().sessions.update(sessionId, { conversationId: unlink ? null : conversation, metadata }),
    );
  },
});

const link = defineCommand({
  summary: 'Link a session, and by it its user, to a conversation.',
  arguments: '<sessionId> <conversationId>',
  flags: [],
  schema: z.strictObject({}),
  async run({ lore }, [sessionId = '', conversationId = '']) {
    return shown(await lore().sessions.link(sessionId, conversationId));
  },
});

const end = defineCommand({
  summary: 'End sessions.',
  arguments: '<sessionIds...>',
  flags: [],
  schema: z.strictObject({}),
  async run({ lore }, args) {
    const { sessions } = lore();
    // All are looked for first: a misspelt id among many must not leave the work half done.
    await Promise.all(args.map((sessionId) => sessions.get(sessionId).catch(unlessInvalid)));
    const ended = [...new Set(args)];
    for (const sessionId of ended) await sessions.end(sessionId);
    return { data: { ended }, lines: ended.map((sessionId) => `Ended ${sessionId}`) };
  },
});

/** A session that cannot be read can be ended all the same; a key that holds something else is none. */
function unlessInvalid(error: unknown): void {
  if (!(error instanceof RecordError) || error.issues.some(({ field }) => field === 'key')) throw error;
}

function shown(session: Session & { readonly sessionId: string }) {
  const { sessionId, userId, createdAt, lastActivity, conversationId, metadata } = session;
  return {
    data: session,
    lines: [
      `Session ${sessionId} of user ${userId}`,
      `created ${createdAt.toISOString()}, last activity ${lastActivity.toISOString()}`,
      `conversation ${conversationId ?? 'none'}, metadata ${JSON.stringify(metadata)}`,
    ],
  };
}

export const commands: Record<string, Command> = { create, show, touch, update, link, list, end };
