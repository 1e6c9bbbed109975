import { randomUUID } from 'node:crypto';
import { RecordError, StackloreError } from '../../errors.ts';
import type { Database } from '../../redis/databases.ts';
import { asObject, readHashes, type UnreadableRecord, unreadable } from '../../redis/hash.ts';
import { runScript } from '../../redis/script.ts';
import { isWrongType, namedWrongType } from '../../redis/wrong-type.ts';
import { checkId } from '../../schema/key.ts';
import {
  conversationUsersRecord,
  type Session,
  sessionRecord,
  userConversationsRecord,
  userSessionsRecord,
} from '../../schema/main.ts';
import type { Page } from '../knowledge/documents.ts';
import { checkObject, checkPage } from './check-input.ts';
import { LIST_LIVE } from './scripts/list-live.ts';
import { createSession, endSession, forgetSessions, useSession } from './session-steps.ts';

/** A session with its id. */
export interface StoredSession extends Session {
  readonly sessionId: string;
}

/** Sessions of a user, and those that cannot be read. */
export interface SessionPage extends Page<StoredSession> {
  /** Counted in the total; they can be ended. */
  readonly unreadable: readonly (UnreadableRecord & { readonly sessionId: string })[];
}

/** What a session is created from. */
export interface NewSession {
  readonly userId: string;
  /** By default a random one that cannot be guessed. */
  readonly sessionId?: string | undefined;
  readonly conversationId?: string | undefined;
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
}

/** What may change in a session; what is absent stays. */
export interface SessionChange {
  /** `null` takes the session out of its conversation. */
  readonly conversationId?: string | null | undefined;
  /** Replaces all of the metadata. */
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
}

/** The sessions of users. Each use renews a session for another 86,400 s; an expired one never comes back. */
export class Sessions {
  readonly #database: Database;
  readonly #now: () => number;
  readonly #newId: () => string;

  constructor(
    database: Database,
    { now = Date.now, newId = randomUUID }: { now?: () => number; newId?: () => string } = {},
  ) {
    this.#database = database;
    this.#now = now;
    this.#newId = newId;
  }

  /** Creates a session. Throws `already_exists` when its id is taken. */
  async create(session: NewSession): Promise<StoredSession> {
    checkObject(session, 'session', ['userId', 'sessionId', 'conversationId', 'metadata']);
    const { userId, sessionId = this.#newId(), conversationId, metadata = {} } = session;
    checkId('userId', userId);
    if (conversationId !== undefined) checkId('conversationId', conversationId);
    checkObject(metadata, 'metadata');
    const createdAt = new Date(this.#now());
    const value: Session = {
      userId,
      createdAt,
      lastActivity: createdAt,
      ...(conversationId !== undefined && { conversationId }),
      metadata: { ...metadata },
    };
    const fields = encodeFields(() => sessionRecord.encode(value));
    const created = await createSession(this.#database, { sessionId, userId, conversationId, fields }).catch(
      async (error: unknown) => {
        throw await this.#explain(error, sessionId, value);
      },
    );
    if (created) return { sessionId, ...value };
    throw new StackloreError('already_exists', {
      message: `Session "${sessionId}" exists already. Give another id, or end it first: stacklore sessions end.`,
    });
  }

  /** A session, or `undefined`. Looking at a session is no use of it: see `touch`. */
  async find(sessionId: string): Promise<StoredSession | undefined> {
    const [key = '', ...others] = sessionRecord.key.candidates({ sessionId });
    if (others.length > 0) {
      const [found] = await this.#read([sessionId]);
      if (found && 'error' in found) throw found.error;
      return found?.session;
    }
    try {
      const reply = await this.#database.send<string[]>(['HGETALL', key]);
      return reply.length === 0 ? undefined : { sessionId, ...sessionRecord.decode(asObject(reply), key) };
    } catch (error) {
      throw await namedWrongType(this.#database, error, new Map([[key, 'hash']]));
    }
  }

  /** A session. Looking at it is no use of it. Throws `not_found`. */
  async get(sessionId: string): Promise<StoredSession> {
    const session = await this.find(sessionId);
    if (session) return session;
    throw noSession(sessionId);
  }

  /** Renews a session for another 86,400 s and gives it; its last activity is now. Throws `not_found`. */
  async touch(sessionId: string): Promise<StoredSession> {
    return this.#use(sessionId, '', []);
  }

  /** Changes what is given of a session and renews it. Throws `not_found`. */
  async update(sessionId: string, change: SessionChange): Promise<StoredSession> {
    checkObject(change, 'change of a session', ['conversationId', 'metadata']);
    const { conversationId, metadata } = change;
    const fields: (string | Buffer)[] = [];
    if (conversationId !== undefined && conversationId !== null) {
      fields.push('conversation_id', checkId('conversationId', conversationId));
    }
    if (metadata !== undefined) {
      checkObject(metadata, 'metadata');
      fields.push('metadata', ...encodeFields(() => [sessionRecord.fields.metadata.encode({ ...metadata })]));
    }
    return this.#use(sessionId, conversationId === null ? 'unlink' : '', fields);
  }

  /** Links a session, and by it its user, to a conversation, and renews it. Throws `not_found`. */
  async link(sessionId: string, conversationId: string): Promise<StoredSession> {
    return this.update(sessionId, { conversationId: checkId('conversationId', conversationId) });
  }

  /** Ends a session; gives `false` when there was none (any more). */
  async end(sessionId: string): Promise<boolean> {
    try {
      return await endSession(this.#database, sessionId);
    } catch (error) {
      throw await this.#explain(error, sessionId);
    }
  }

  /**
   * The live sessions of a user, last used first, without a scan. Sessions that other programs wrote are among them
   * once they were touched here. One that cannot be read does not hide the others.
   */
  async listForUser(
    userId: string,
    { offset = 0, limit = 100 }: { offset?: number; limit?: number } = {},
  ): Promise<SessionPage> {
    checkPage({ offset, limit });
    const index = userSessionsRecord.key.build({ userId });
    const args = [String(offset), String(offset + limit - 1)];
    const [total, sessionIds] = await runScript<[number, string[]]>(this.#database, LIST_LIVE, {
      keys: [index],
      args,
    }).catch(async (error: unknown) => {
      throw await namedWrongType(this.#database, error, new Map([[index, 'zset']]));
    });
    const items: StoredSession[] = [];
    const broken: SessionPage['unreadable'][number][] = [];
    const found = new Set<string>();
    for (const one of await this.#read(sessionIds)) {
      if (one.userId !== undefined && one.userId !== userId) continue;
      found.add(one.sessionId);
      if ('error' in one) broken.push({ sessionId: one.sessionId, ...unreadable(one.error) });
      else items.push(one.session);
    }
    const gone = sessionIds.filter((sessionId) => !found.has(sessionId));
    if (gone.length === 0) return { items, total, unreadable: broken };
    // Ended by another program, or taken over by another user.
    const forgotten = await forgetSessions(this.#database, userId, gone);
    return { items, total: total - forgotten, unreadable: broken };
  }

  async #use(
    sessionId: string,
    unlink: 'unlink' | '',
    fields: readonly (string | Buffer)[],
  ): Promise<StoredSession> {
    const keys = sessionRecord.key.candidates({ sessionId });
    const lastActivity = sessionRecord.fields.lastActivity.encode(new Date(this.#now()));
    const args = [sessionId, unlink, 'last_activity', lastActivity, ...fields] as const;
    const used = await useSession(this.#database, keys, args).catch(async (error: unknown) => {
      throw await this.#explain(error, sessionId);
    });
    if (used === null) throw noSession(sessionId);
    return { sessionId, ...sessionRecord.decode(asObject(used.flat), used.key) };
  }

  /** What there is of these sessions: each as it is, or what keeps it from being read. */
  async #read(sessionIds: readonly string[]): Promise<ReadSession[]> {
    const places = sessionIds.flatMap((sessionId) =>
      sessionRecord.key.candidates({ sessionId }).map((key) => ({ sessionId, key })),
    );
    const replies = await readHashes(
      this.#database,
      places.map(({ key }) => key),
    );
    const found = new Map<string, ReadSession>();
    for (const [at, { sessionId, key }] of places.entries()) {
      const reply = replies[at] ?? [];
      if (found.has(sessionId)) continue;
      if (reply instanceof RecordError) found.set(sessionId, { sessionId, userId: undefined, error: reply });
      else if (reply.length > 0) found.set(sessionId, readSession(sessionId, asObject(reply), key));
    }
    return [...found.values()];
  }

  /** Which key of the many that a script touches has the wrong type. */
  async #explain(
    error: unknown,
    sessionId: string,
    session?: Pick<Session, 'userId' | 'conversationId'>,
  ): Promise<unknown> {
    if (!isWrongType(error)) return error;
    const keys = sessionRecord.key.candidates({ sessionId });
    const expected = new Map<string, 'hash' | 'zset'>(keys.map((key) => [key, 'hash']));
    const wrong = await namedWrongType(this.#database, error, expected);
    if (wrong instanceof RecordError) return wrong;
    const { userId, conversationId } = session ?? (await this.get(sessionId));
    return namedWrongType(
      this.#database,
      error,
      new Map([
        [userSessionsRecord.key.build({ userId }), 'zset'],
        [userConversationsRecord.key.build({ userId }), 'zset'],
        ...(conversationId
          ? ([[conversationUsersRecord.key.build({ conversationId }), 'zset']] as const)
          : []),
      ]),
    );
  }
}

type ReadSession = { readonly sessionId: string; readonly userId: string | undefined } & (
  | { readonly session: StoredSession }
  | { readonly error: RecordError }
);

function readSession(sessionId: string, reply: Record<string, string>, key: string): ReadSession {
  try {
    const session = { sessionId, ...sessionRecord.decode(reply, key) };
    return { sessionId, userId: session.userId, session };
  } catch (error) {
    if (!(error instanceof RecordError)) throw error;
    return { sessionId, userId: reply.user_id, error };
  }
}

function noSession(sessionId: string): StackloreError {
  return new StackloreError('not_found', {
    message: `There is no session "${sessionId}": it ended, expired or never was. Create one: stacklore sessions create.`,
  });
}

/** What a caller gave, encoded; what cannot be is the caller's mistake and not a stored record's. */
function encodeFields<T>(encode: () => T): T {
  try {
    return encode();
  } catch (cause) {
    const reason =
      cause instanceof RecordError ? cause.issues.map(({ message }) => message).join('; ') : String(cause);
    throw new StackloreError('invalid_input', {
      message: `The session cannot be stored: ${reason}. Give metadata that JSON can hold.`,
      cause,
    });
  }
}
