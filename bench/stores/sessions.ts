import type { Operations } from './operation.ts';

const DAY = 86_400;
const SESSIONS = 100;

/** Sessions against the MULTI that keeps a hash, its TTL and a sorted set of the user's sessions. */
export const sessionOperations: Operations = async (lore, client) => {
  const { sessions } = lore;
  const metadata = { browser: 'Chrome', ip: '192.168.1.1' };
  for (let n = 0; n < SESSIONS; n += 1) {
    await sessions.create({ userId: `user_${n % 10}`, sessionId: `session_${n}`, metadata });
  }
  const expiry = () => Date.now() + DAY * 1_000;
  return [
    {
      name: 'sessions.create',
      ours: (at) => sessions.create({ userId: 'ours', sessionId: `ours_${at}`, metadata }),
      bare: (at) => {
        const now = new Date().toISOString();
        const index = 'bare:user-sessions:bare';
        return client
          .multi()
          .hSet(`session:bare_${at}`, {
            ...{ user_id: 'bare', created_at: now, last_activity: now, metadata: JSON.stringify(metadata) },
          })
          .expire(`session:bare_${at}`, DAY)
          .zAdd(index, { score: expiry(), value: `bare_${at}` })
          .expire(index, DAY)
          .exec();
      },
    },
    {
      name: 'sessions.find',
      ours: (at) => sessions.find(`session_${at % SESSIONS}`),
      bare: (at) => client.hGetAll(`session:session_${at % SESSIONS}`),
    },
    {
      name: 'sessions.touch',
      ours: (at) => sessions.touch(`session_${at % SESSIONS}`),
      bare: (at) => {
        const key = `session:session_${at % SESSIONS}`;
        const index = `stacklore:user-sessions:user_${at % 10}`;
        return client
          .multi()
          .hSet(key, 'last_activity', new Date().toISOString())
          .expire(key, DAY)
          .zAdd(index, { score: expiry(), value: `session_${at % SESSIONS}` })
          .expire(index, DAY)
          .hGetAll(key)
          .exec();
      },
    },
    {
      name: 'sessions.listForUser (10)',
      ours: (at) => sessions.listForUser(`user_${at % 10}`),
      bare: async (at) => {
        const index = `stacklore:user-sessions:user_${at % 10}`;
        const [, , ids] = await client
          .multi()
          .zRemRangeByScore(index, '-inf', Date.now())
          .zCard(index)
          .zRange(index, 0, 99, { REV: true })
          .exec();
        return Promise.all((ids as unknown as string[]).map((id) => client.hGetAll(`session:${id}`)));
      },
    },
  ];
};
