import { keysForScript } from '../../redis/candidates.ts';
import type { Database } from '../../redis/databases.ts';
import { runScript, runScripts, type ScriptCall } from '../../redis/script.ts';
import type { Wire } from '../../schema/fields.ts';
import { conversationRecord, conversationUsersRecord, userConversationsRecord } from '../../schema/main.ts';
import { APPEND_ALONE, APPEND_MESSAGES, LINKED_USERS } from './scripts/append-messages.ts';
import { DELETE_CONVERSATION } from './scripts/delete-conversation.ts';
import { LINK_CONVERSATION } from './scripts/link-conversation.ts';
import { ENTER } from './scripts/user-index.ts';

/*
 * What changes a conversation changes the sets that link it to its users too. On one server that is one script. On a
 * cluster they lie in different slots, so it is steps, in an order in which a crash leaves nothing wrong: who a
 * conversation belongs to is decided by its own set of users alone, and an entry that names what is gone runs out.
 */

/** Makes a conversation one of a user's. */
export async function linkConversation(
  database: Database,
  conversationId: string,
  userId: string,
): Promise<void> {
  const [ofUser, ofConversation] = linkCalls(conversationId, userId);
  if (!database.isCluster) {
    const keys = [...ofConversation.keys, ...ofUser.keys];
    await runScript(database, LINK_CONVERSATION, { keys, args: [conversationId, userId] });
    return;
  }
  // By the user's own an erasure finds it, so that there is none without.
  await runScript(database, ENTER, ofUser);
  await runScript(database, ENTER, ofConversation);
}

/** The two entries that link a conversation and a user, for `ENTER`; the user's own first. */
export function linkCalls(
  conversationId: string,
  userId: string,
): [ofUser: ScriptCall, ofConversation: ScriptCall] {
  const { key, ttlSeconds } = userConversationsRecord;
  return [
    { keys: [key.build({ userId })], args: [conversationId, String(ttlSeconds)] },
    {
      keys: [conversationUsersRecord.key.build({ conversationId })],
      args: [userId, String(conversationUsersRecord.ttlSeconds)],
    },
  ];
}

/** Appends messages and gives how many there are then; `null` unless the conversation is the owner's, if one is given. */
export async function appendMessages(
  database: Database,
  conversationId: string,
  { owner, elements }: { readonly owner: string; readonly elements: readonly Wire[] },
): Promise<number | null> {
  const lists = conversationRecord.key.candidates({ conversationId });
  const users = conversationUsersRecord.key.build({ conversationId });
  if (!database.isCluster) {
    const args = [conversationId, owner, ...elements];
    return runScript<number | null>(database, APPEND_MESSAGES, { keys: [...lists, users], args });
  }
  for (;;) {
    const [key = ''] = await keysForScript(database, lists);
    const isThere = await database.send<number>(['LLEN', key]);
    const linked = await runScript<string[] | null>(database, LINKED_USERS, { keys: [users], args: [owner] });
    if (linked === null) return null;
    // Deleted since it was seen to be the owner's, it must not begin anew: asked again, it is nobody's.
    const mustExist = owner !== '' && isThere > 0 ? '1' : '';
    const args = ['', mustExist, ...elements];
    const length = await runScript<number | null>(database, APPEND_ALONE, { keys: [key], args });
    if (length === null) continue;
    await runScripts(
      database,
      ENTER,
      linked.flatMap((userId) => linkCalls(conversationId, userId)),
    );
    return length;
  }
}

/** Deletes a conversation wherever it is, and what links it to its users; gives how many messages it had. */
export async function deleteConversation(database: Database, conversationId: string): Promise<number> {
  const lists = conversationRecord.key.candidates({ conversationId });
  const users = conversationUsersRecord.key.build({ conversationId });
  if (!database.isCluster) {
    return runScript(database, DELETE_CONVERSATION, { keys: [...lists, users], args: [conversationId] });
  }
  const lengths = await database.pipeline<number>(lists.map((key) => ['LLEN', key]));
  const linked = await database.send<string[]>(['ZRANGE', users, '0', '-1']);
  // First whose it is, so that no owner appends to it any more; last the entries by which an erasure finds it.
  await database.send(['UNLINK', users]);
  await database.send(['UNLINK', ...lists]);
  await database.pipeline(
    linked.map((userId) => ['ZREM', userConversationsRecord.key.build({ userId }), conversationId]),
  );
  return lengths.reduce((sum, length) => sum + length, 0);
}
