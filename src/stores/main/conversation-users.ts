import type { Database } from '../../redis/databases.ts';
import { runScript } from '../../redis/script.ts';
import { namedWrongType } from '../../redis/wrong-type.ts';
import { checkId } from '../../schema/key.ts';
import { conversationRecord, conversationUsersRecord, userConversationsRecord } from '../../schema/main.ts';
import type { Page } from '../knowledge/documents.ts';
import { checkPage } from './check-input.ts';
import { linkConversation } from './conversation-steps.ts';
import type { ConversationInfo } from './conversations.ts';
import { LIST_LIVE } from './scripts/list-live.ts';

/** Whose each conversation is: of the users who were linked to it, by themselves or by a session of theirs. */
export class ConversationUsers {
  readonly #database: Database;
  readonly #now: () => number;

  constructor(database: Database, { now = Date.now }: { now?: () => number } = {}) {
    this.#database = database;
    this.#now = now;
  }

  /** Makes a conversation, begun or not, one of this user's for 604,800 s, which each append renews. */
  async link(conversationId: string, userId: string): Promise<void> {
    checkId('userId', userId);
    const keys = this.#keys(conversationId, userId);
    await this.#named(keys, () => linkConversation(this.#database, conversationId, userId));
  }

  /** Whether a conversation is one of this user's. */
  async includes(conversationId: string, userId: string): Promise<boolean> {
    const [users = ''] = this.#keys(conversationId, userId);
    const expiry = await this.#named([users], () =>
      this.#database.send<string | null>(['ZSCORE', users, userId]),
    );
    return Number(expiry) > this.#now();
  }

  /** The conversations of a user, those appended to last first; one that is not begun has no messages. */
  async conversationsOf(
    userId: string,
    { offset = 0, limit = 100 }: { offset?: number; limit?: number } = {},
  ): Promise<Page<ConversationInfo>> {
    checkPage({ offset, limit });
    const index = userConversationsRecord.key.build({ userId });
    const [total, ids] = await this.#named([index], () =>
      runScript<[number, string[]]>(this.#database, LIST_LIVE, {
        keys: [index],
        args: [String(offset), String(offset + limit - 1)],
      }),
    );
    const places = ids.flatMap((conversationId) =>
      conversationRecord.key.candidates({ conversationId }).map((key) => ({ conversationId, key })),
    );
    const replies = await this.#database.pipeline<number>(
      places.flatMap(({ key }) => [
        ['LLEN', key],
        ['TTL', key],
      ]),
    );
    const items = ids.map((id): ConversationInfo => {
      const at = places.findIndex((place, n) => place.conversationId === id && Number(replies[2 * n]) > 0);
      const [messageCount = 0, ttl = -1] = at < 0 ? [] : replies.slice(2 * at, 2 * at + 2);
      return { conversationId: id, messageCount, ...(ttl >= 0 && { ttlSeconds: ttl }) };
    });
    return { items, total };
  }

  #keys(conversationId: string, userId: string): string[] {
    return [
      conversationUsersRecord.key.build({ conversationId }),
      userConversationsRecord.key.build({ userId }),
    ];
  }

  async #named<T>(keys: readonly string[], work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw await namedWrongType(this.#database, error, new Map(keys.map((key) => [key, 'zset'] as const)));
    }
  }
}
