import { StackloreError } from '../../errors.ts';
import type { Database, RedisArgument } from '../../redis/databases.ts';
import { isWrongType, namedWrongType } from '../../redis/wrong-type.ts';
import { checkId } from '../../schema/key.ts';
import {
  conversationRecord,
  conversationUsersRecord,
  type Message,
  userConversationsRecord,
} from '../../schema/main.ts';
import type { Page } from '../knowledge/documents.ts';
import { checkPage, checkWhole } from './check-input.ts';
import { appendMessages, deleteConversation } from './conversation-steps.ts';
import { type CountTokens, estimateTokens, tokensOf } from './estimate-tokens.ts';
import {
  encodeMessage,
  type NewMessage,
  readMessage,
  sortMessages,
  timeOf,
  type UnreadableMessage,
} from './message.ts';

/** What is known of a conversation without reading its messages. */
export interface ConversationInfo {
  readonly conversationId: string;
  readonly messageCount: number;
  /** Seconds until it expires; absent when another program has set no TTL. */
  readonly ttlSeconds?: number;
}

/** One page of messages; those that cannot be read are named instead of failing the page. */
export interface MessagePage extends Page<Message> {
  readonly unreadable: UnreadableMessage[];
}

/** The end of a conversation that fits a token budget. */
export interface RecentMessages {
  /** Oldest first. */
  readonly messages: Message[];
  readonly tokens: number;
  /** True when these are all messages of the conversation. */
  readonly isWhole: boolean;
  /** Messages in between that cannot be read; they count no tokens. */
  readonly unreadable: UnreadableMessage[];
}

const FIRST_READ = 64;
const READ = 1_000;
const MOST_APPENDED = 10_000;

/** Conversations, message by message. Each append renews a conversation for 604,800 s. */
export class Conversations {
  readonly #database: Database;
  readonly #now: () => number;
  readonly #countTokens: CountTokens;

  /** `countTokens` counts the messages that do not say how many tokens they have; by default an estimate. */
  constructor(
    database: Database,
    { now = Date.now, countTokens = estimateTokens }: { now?: () => number; countTokens?: CountTokens } = {},
  ) {
    this.#database = database;
    this.#now = now;
    this.#countTokens = countTokens;
  }

  /**
   * Appends one or up to 10,000 messages, all or none and with nothing of others in between; gives how many the
   * conversation has then. The first message begins it. Throws `not_found` unless it is one of `ownedBy`'s, if given.
   */
  async append(
    conversationId: string,
    messages: NewMessage | readonly NewMessage[],
    { ownedBy }: { ownedBy?: string | undefined } = {},
  ): Promise<number> {
    const all = isList(messages) ? messages : [messages];
    checkWhole(all.length, 'The number of messages to append', { least: 1, most: MOST_APPENDED });
    const now = timeOf(new Date(this.#now()));
    const elements = all.map((message) => encodeMessage(message, now));
    const owner = ownedBy === undefined ? '' : checkId('ownedBy', ownedBy);
    const length = await appendMessages(this.#database, conversationId, { owner, elements }).catch(
      async (error: unknown) => {
        throw await this.#explain(error, conversationId);
      },
    );
    if (length === null) throw noConversation(conversationId);
    return length;
  }

  /** How many messages a conversation has and when it expires, or `undefined` when there is none. */
  async find(conversationId: string): Promise<ConversationInfo | undefined> {
    const key = await this.#keyOf(conversationId);
    const [messageCount, ttl] = await this.#transaction<[number, number]>(key, [
      ['LLEN', key],
      ['TTL', key],
    ]);
    if (messageCount === 0) return undefined;
    return { conversationId, messageCount, ...(ttl >= 0 && { ttlSeconds: ttl }) };
  }

  /** How many messages a conversation has and when it expires. Throws `not_found`. */
  async get(conversationId: string): Promise<ConversationInfo> {
    const conversation = await this.find(conversationId);
    if (conversation) return conversation;
    throw noConversation(conversationId);
  }

  /**
   * A page of messages, oldest first. `offset` counts from the start, or with `from: 'end'` from the end: offset 0 is
   * then the page of the last messages. Empty when there is no such conversation.
   */
  async list(
    conversationId: string,
    {
      offset = 0,
      limit = 100,
      from = 'start',
    }: { offset?: number; limit?: number; from?: 'start' | 'end' } = {},
  ): Promise<MessagePage> {
    checkPage({ offset, limit });
    if (from !== 'start' && from !== 'end') {
      throw new StackloreError('invalid_input', { message: 'A page is read from "start" or from "end".' });
    }
    const key = await this.#keyOf(conversationId);
    const [first, last] = from === 'start' ? [offset, offset + limit - 1] : [-offset - limit, -offset - 1];
    const [total, elements] = await this.#transaction<[number, string[]]>(key, [
      ['LLEN', key],
      ['LRANGE', key, String(first), String(last)],
    ]);
    const position = from === 'start' ? offset : Math.max(0, total - offset - limit);
    const read = elements.map((element, at) => readMessage(element, key, position + at));
    return { ...sortMessages(read), total };
  }

  /**
   * The last messages that fit a token budget together, read page by page from the end. A message counts as many
   * tokens as it says, else as `countTokens` says of its content. None, when already the last one is too long.
   */
  async lastMessages(
    conversationId: string,
    { maxTokens, countTokens = this.#countTokens }: { maxTokens: number; countTokens?: CountTokens },
  ): Promise<RecentMessages> {
    checkWhole(maxTokens, 'maxTokens', { least: 1 });
    const read: (Message | UnreadableMessage)[] = [];
    let tokens = 0;
    const recent = (isWhole: boolean): RecentMessages => {
      const { items: messages, unreadable } = sortMessages(read.reverse());
      return { messages, tokens, isWhole, unreadable };
    };
    for await (const page of this.#fromTheEnd(conversationId, FIRST_READ)) {
      for (const message of page) {
        const more = 'problem' in message ? 0 : tokensOf(message, countTokens);
        if (tokens + more > maxTokens) return recent(false);
        read.push(message);
        tokens += more;
      }
    }
    return recent(true);
  }

  /** How many tokens all messages have together; reads them page by page, and leaves out what is appended meanwhile. */
  async countTokens(
    conversationId: string,
    { countTokens = this.#countTokens }: { countTokens?: CountTokens } = {},
  ): Promise<number> {
    let tokens = 0;
    for await (const page of this.#fromTheEnd(conversationId, READ)) {
      for (const message of page) tokens += 'problem' in message ? 0 : tokensOf(message, countTokens);
    }
    return tokens;
  }

  /** Removes all but the last messages; gives how many were removed. Throws `not_found`. */
  async trim(conversationId: string, { keepLast }: { keepLast: number }): Promise<number> {
    checkWhole(keepLast, 'keepLast', { least: 1 });
    const key = await this.#keyOf(conversationId);
    const [total] = await this.#transaction<[number, string]>(key, [
      ['LLEN', key],
      ['LTRIM', key, String(-keepLast), '-1'],
    ]);
    if (total === 0) throw noConversation(conversationId);
    return Math.max(0, total - keepLast);
  }

  /** Deletes a conversation; gives how many messages it had. Throws `not_found`. */
  async delete(conversationId: string): Promise<number> {
    const messages = await deleteConversation(this.#database, conversationId).catch(
      async (error: unknown) => {
        throw await this.#explain(error, conversationId);
      },
    );
    if (messages === 0) throw noConversation(conversationId);
    return messages;
  }

  /** Every message, last first, in pages that are decoded as they are walked. Leaves out what is appended meanwhile. */
  async *#fromTheEnd(
    conversationId: string,
    firstRead: number,
  ): AsyncGenerator<Iterable<Message | UnreadableMessage>> {
    const key = await this.#keyOf(conversationId);
    let [start, elements] = await this.#transaction<[number, string[]]>(key, [
      ['LLEN', key],
      ['LRANGE', key, String(-firstRead), '-1'],
    ]);
    start -= elements.length;
    for (;;) {
      yield lastFirst(elements, key, start);
      const oldest = elements[0];
      if (start === 0 || oldest === undefined) return;
      [start, elements] = await this.#readBefore(key, start, oldest);
    }
  }

  /** The page before a message, which is looked for where it lay: a trim of the beginning moves all that follows. */
  async #readBefore(key: string, position: number, message: string): Promise<[number, string[]]> {
    const first = Math.max(0, position - READ);
    const page = await this.#send<string[]>(key, ['LRANGE', key, String(first), String(position)]);
    if (page.length === position - first + 1 && page.at(-1) === message) return [first, page.slice(0, -1)];
    const found = await this.#send<number | null>(key, ['LPOS', key, message, 'RANK', '-1']);
    // Gone, and with it everything before it.
    if (found === null || found === 0) return [0, []];
    return this.#readBefore(key, found, message);
  }

  /** Where a conversation is: under the raw key if another program has begun it, else under the escaped one. */
  async #keyOf(conversationId: string): Promise<string> {
    const [first = '', own] = conversationRecord.key.candidates({ conversationId });
    if (own === undefined) return first;
    return (await this.#database.send<number>(['EXISTS', first])) === 1 ? first : own;
  }

  async #send<T>(key: string, command: readonly RedisArgument[]): Promise<T> {
    try {
      return await this.#database.send<T>(command);
    } catch (error) {
      throw await namedWrongType(this.#database, error, new Map([[key, 'list']]));
    }
  }

  async #transaction<T extends unknown[]>(
    key: string,
    commands: readonly (readonly RedisArgument[])[],
  ): Promise<T> {
    try {
      // One reply for each command, whose types are the caller's to know.
      return (await this.#database.transaction(commands)) as T;
    } catch (error) {
      throw await namedWrongType(this.#database, error, new Map([[key, 'list']]));
    }
  }

  /** Which key of the many that a script touches has the wrong type. */
  async #explain(error: unknown, conversationId: string): Promise<unknown> {
    if (!isWrongType(error)) return error;
    const users = conversationUsersRecord.key.build({ conversationId });
    const lists = conversationRecord.key.candidates({ conversationId });
    const wrong = await namedWrongType(
      this.#database,
      error,
      new Map([...lists.map((key) => [key, 'list'] as const), [users, 'zset'] as const]),
    );
    if (wrong !== error) return wrong;
    const linked = await this.#database.send<string[]>(['ZRANGE', users, '0', '-1']);
    const indexes = linked.map((userId) => [userConversationsRecord.key.build({ userId }), 'zset'] as const);
    return namedWrongType(this.#database, error, new Map(indexes));
  }
}

function isList(messages: NewMessage | readonly NewMessage[]): messages is readonly NewMessage[] {
  return Array.isArray(messages);
}

function* lastFirst(
  elements: readonly string[],
  key: string,
  start: number,
): Generator<Message | UnreadableMessage> {
  for (let at = elements.length - 1; at >= 0; at -= 1) {
    yield readMessage(elements[at] ?? '', key, start + at);
  }
}

function noConversation(conversationId: string): StackloreError {
  return new StackloreError('not_found', {
    message: `There is no conversation "${conversationId}": it was deleted, expired or never begun. Append a message to begin it.`,
  });
}
