import { beforeAll, describe, expect, it } from 'vitest';
import { StackloreError } from '../../../src/errors.ts';
import type { Database } from '../../../src/redis/databases.ts';
import type { Stacklore } from '../../../src/stacklore.ts';
import { Conversations } from '../../../src/stores/main/conversations.ts';
import { Sessions } from '../../../src/stores/main/sessions.ts';
import { openTestLore } from '../../support/lore.ts';
import { passThrough } from '../../support/pass-through.ts';
import { usePrivateRedis } from '../../support/redis.ts';

const redis = usePrivateRedis();
let lore: Stacklore;
let main: Database;

beforeAll(() => {
  lore = openTestLore(redis);
  main = lore.databases.main;
});

/** A database that carries out so many calls and no more, as if its program was killed then. */
function dying(calls: number): Database {
  let left = calls;
  const mayGoOn = () => {
    left -= 1;
    if (left < 0) throw new StackloreError('database_unreachable', { message: 'The program was killed.' });
  };
  return passThrough(main, {
    async send(command, options) {
      mayGoOn();
      return main.send(command, options);
    },
    async pipeline(commands, options) {
      mayGoOn();
      return main.pipeline(commands, options);
    },
  });
}

const CALLS = [0, 1, 2, 3, 4, 5, 6];
const ignored = () => undefined;

describe('a program that is killed', () => {
  it.each(CALLS)(
    'while it creates a session, after call %i, leaves one that is listed or none',
    async (calls) => {
      const session = {
        userId: `user-${calls}`,
        sessionId: `session-${calls}`,
        conversationId: `c-${calls}`,
      };
      await new Sessions(dying(calls)).create(session).catch(ignored);
      const listed = await lore.sessions.listForUser(session.userId);
      const found = await lore.sessions.find(session.sessionId);
      expect(listed).toMatchObject({ total: found ? 1 : 0, items: found ? [found] : [] });
      if (found) await lore.sessions.touch(session.sessionId);
      else await lore.sessions.create(session);
      expect(await lore.sessions.listForUser(session.userId)).toMatchObject({ total: 1 });
      expect(await lore.conversationUsers.includes(session.conversationId, session.userId)).toBe(true);
    },
  );

  it.each(CALLS)('while it uses a session, after call %i, leaves it listed', async (calls) => {
    const sessionId = `used-${calls}`;
    await lore.sessions.create({ userId: sessionId, sessionId });
    await new Sessions(dying(calls)).link(sessionId, `talk-${calls}`).catch(ignored);
    expect(await lore.sessions.listForUser(sessionId)).toMatchObject({ total: 1 });
    const { conversationId } = await lore.sessions.touch(sessionId);
    const isLinked = await lore.conversationUsers.includes(`talk-${calls}`, sessionId);
    expect(isLinked).toBe(conversationId !== undefined);
  });

  it.each(CALLS)('while it deletes a conversation, after call %i, can be repeated', async (calls) => {
    const conversationId = `gone-${calls}`;
    await lore.conversationUsers.link(conversationId, 'ada');
    await lore.conversations.append(conversationId, { role: 'user', content: 'Hello' });
    await new Conversations(dying(calls)).delete(conversationId).catch(ignored);
    await lore.conversations.delete(conversationId).catch((error: unknown) => {
      expect(error).toMatchObject({ code: 'not_found' });
    });
    expect(await lore.conversations.find(conversationId)).toBeUndefined();
    expect(await lore.conversationUsers.includes(conversationId, 'ada')).toBe(false);
  });
});

it('a conversation that is deleted while its owner appends does not begin anew', async () => {
  for (const calls of CALLS) {
    const conversationId = `race-${calls}`;
    await lore.conversationUsers.link(conversationId, 'ada');
    await lore.conversations.append(conversationId, { role: 'user', content: 'Hello' });
    let left = calls;
    const meddled = passThrough(main, {
      async send(command, options) {
        if (left-- === 0) await lore.conversations.delete(conversationId);
        return main.send(command, options);
      },
    });
    const late = { role: 'user', content: 'Late' } as const;
    await new Conversations(meddled)
      .append(conversationId, late, { ownedBy: 'ada' })
      .catch((error: unknown) => {
        expect(error).toMatchObject({ code: 'not_found' });
      });
    if (left >= 0) continue;
    expect(await lore.conversations.find(conversationId)).toBeUndefined();
    expect(await lore.conversationUsers.includes(conversationId, 'ada')).toBe(false);
  }
});
