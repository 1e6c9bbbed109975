import { keysForScript } from '../../redis/candidates.ts';
import type { Database, RedisArgument } from '../../redis/databases.ts';
import { asObject } from '../../redis/hash.ts';
import { runScript, runScripts, type ScriptCall } from '../../redis/script.ts';
import { isWrongType } from '../../redis/wrong-type.ts';
import { isId } from '../../schema/key.ts';
import { sessionRecord, userSessionsRecord } from '../../schema/main.ts';
import { linkCalls } from './conversation-steps.ts';
import { CREATE_SESSION, CREATE_SESSION_ALONE } from './scripts/create-session.ts';
import { END_SESSION } from './scripts/end-session.ts';
import { FORGET_SESSION } from './scripts/forget-session.ts';
import { USE_SESSION, USE_SESSION_ALONE } from './scripts/use-session.ts';
import { ENTER } from './scripts/user-index.ts';

/*
 * What changes a session changes the indexes of its user too. On one server that is one script. On a cluster they lie in
 * different slots, so it is steps, in an order in which a crash leaves nothing wrong: an entry without its session is
 * cleaned away by the next list, and a link that is missing is made by the session's next use.
 */

/** A session to be written, as field and value in turn. */
export interface SessionFields {
  readonly sessionId: string;
  readonly userId: string;
  readonly conversationId: string | undefined;
  readonly fields: readonly RedisArgument[];
}

/** Creates a session with the entries in its user's indexes; `false` when its id is taken. */
export async function createSession(
  database: Database,
  { sessionId, userId, conversationId, fields }: SessionFields,
): Promise<boolean> {
  const keys = sessionRecord.key.candidates({ sessionId });
  const args = [sessionId, userId, conversationId ?? '', ...fields];
  if (!database.isCluster) {
    return (await runScript<number>(database, CREATE_SESSION, { keys, args, isConfirmed: true })) === 1;
  }
  // Before the session, as one that no index knows would never be listed; and after it, as a list in between cleans.
  await runScripts(database, ENTER, entryCalls(userId, sessionId));
  const places = await keysForScript(database, keys);
  if ((await runScript<number>(database, CREATE_SESSION_ALONE, { keys: places, args })) !== 1) {
    await forgetSessions(database, userId, [sessionId]);
    return false;
  }
  await remember(database, { sessionId, userId, conversationId });
  return true;
}

/** Which of its keys a session is at and its hash, field and value in turn, after it was changed; `null` when it is gone. */
export async function useSession(
  database: Database,
  keys: readonly string[],
  [sessionId, ...args]: readonly [sessionId: string, unlink: string, ...fields: RedisArgument[]],
): Promise<{ readonly key: string; readonly flat: readonly string[] } | null> {
  const places = await keysForScript(database, keys);
  const script = database.isCluster ? USE_SESSION_ALONE : USE_SESSION;
  const call = { keys: places, args: [sessionId, ...args] };
  const reply = await runScript<[number, string[]] | null>(database, script, call);
  if (reply === null) return null;
  const [at, flat] = reply;
  if (database.isCluster) {
    const { user_id: userId, conversation_id: conversationId } = asObject(flat);
    await remember(database, { sessionId, userId, conversationId });
  }
  return { key: places[at - 1] ?? '', flat };
}

/** Ends a session wherever it is; `false` when there was none. */
export async function endSession(database: Database, sessionId: string): Promise<boolean> {
  const keys = sessionRecord.key.candidates({ sessionId });
  if (!database.isCluster) {
    return (
      (await runScript<number>(database, END_SESSION, { keys, args: [sessionId], isConfirmed: true })) > 0
    );
  }
  const users = await database.pipeline<string | null>(keys.map((key) => ['HGET', key, 'user_id']));
  const ended = await database.send<number>(['UNLINK', ...keys]);
  const indexes = users.flatMap((user) =>
    isId(user) ? [userSessionsRecord.key.build({ userId: user })] : [],
  );
  await database.pipeline(indexes.map((index) => ['ZREM', index, sessionId]));
  return ended > 0;
}

/** Removes sessions from a user's index that are no longer that user's, looked at once more; gives how many. */
export async function forgetSessions(
  database: Database,
  userId: string,
  sessionIds: readonly string[],
): Promise<number> {
  const index = userSessionsRecord.key.build({ userId });
  const calls = sessionIds.map((sessionId) => ({
    keys: [index, ...sessionRecord.key.candidates({ sessionId })],
    args: [sessionId, userId],
  }));
  if (!database.isCluster) {
    const forgotten = await runScripts<number>(database, FORGET_SESSION, calls);
    return forgotten.reduce((sum, one) => sum + one, 0);
  }
  let forgotten = await database.send<number>(['ZREM', index, ...sessionIds]);
  for (const sessionId of sessionIds) {
    const places = sessionRecord.key.candidates({ sessionId });
    const users = await database
      .pipeline<string | null>(places.map((key) => ['HGET', key, 'user_id']))
      .catch((error: unknown): string[] => {
        // What is there is no session, and so not the user's.
        if (isWrongType(error)) return [];
        throw error;
      });
    if (!users.includes(userId)) continue;
    // Created since it was missed.
    await runScripts(database, ENTER, entryCalls(userId, sessionId));
    forgotten -= 1;
  }
  return forgotten;
}

async function remember(
  database: Database,
  session: { sessionId: string; userId: string | undefined; conversationId: string | undefined },
): Promise<void> {
  const { sessionId, userId, conversationId } = session;
  // What other writers put in place of an id and no key can carry is not indexed.
  if (!isId(userId)) return;
  const links = isId(conversationId) ? linkCalls(conversationId, userId) : [];
  await runScripts(database, ENTER, [...entryCalls(userId, sessionId), ...links]);
}

function entryCalls(userId: string, sessionId: string): ScriptCall[] {
  const ttl = String(userSessionsRecord.ttlSeconds);
  return [{ keys: [userSessionsRecord.key.build({ userId })], args: [sessionId, ttl] }];
}
