import type { Operations } from './operation.ts';

const WEEK = 604_800;
const CONTENT = 'The library opens at nine on Saturdays and closes at five; the reading room closes at four.';

/** Conversations against RPUSH with EXPIRE, and LRANGE with JSON.parse. */
export const conversationOperations: Operations = async (lore, client) => {
  const { conversations } = lore;
  const message = { role: 'user', content: CONTENT, tokens: 20 } as const;
  await conversations.append(
    'long',
    Array.from({ length: 1_000 }, () => message),
  );
  const stored = () => JSON.stringify({ ...message, timestamp: new Date().toISOString() });
  const range = async (first: number, last: number) => {
    const key = 'conversation:long:messages';
    const [, elements] = await client.multi().lLen(key).lRange(key, first, last).exec();
    return (elements as unknown as string[]).map((element) => JSON.parse(element) as typeof message);
  };
  return [
    {
      name: 'conversations.append (1)',
      ours: (at) => conversations.append(`ours_${at % 100}`, message),
      bare: (at) => {
        const key = `conversation:bare_${at % 100}:messages`;
        return client.multi().rPush(key, stored()).expire(key, WEEK).exec();
      },
    },
    {
      name: 'conversations.append (20)',
      ours: (at) =>
        conversations.append(
          `ours_${at % 100}`,
          Array.from({ length: 20 }, () => message),
        ),
      bare: (at) => {
        const key = `conversation:bare_${at % 100}:messages`;
        return client
          .multi()
          .rPush(key, Array.from({ length: 20 }, stored))
          .expire(key, WEEK)
          .exec();
      },
    },
    {
      name: 'conversations.list (50, from the end)',
      ours: () => conversations.list('long', { limit: 50, from: 'end' }),
      bare: () => range(-50, -1),
    },
    {
      name: 'conversations.lastMessages (1000 tokens)',
      ours: () => conversations.lastMessages('long', { maxTokens: 1_000 }),
      bare: async () => {
        const messages = await range(-64, -1);
        let tokens = 0;
        let at = messages.length;
        while (at > 0 && tokens + (messages[at - 1]?.tokens ?? 0) <= 1_000) {
          at -= 1;
          tokens += messages[at]?.tokens ?? 0;
        }
        return messages.slice(at);
      },
    },
  ];
};
