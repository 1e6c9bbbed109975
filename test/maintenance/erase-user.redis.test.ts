import { beforeAll, describe, expect, it } from 'vitest';
import { queueTexts } from '../../src/jobs/queue-ingest.ts';
import type { Databases } from '../../src/redis/databases.ts';
import { usageRecord } from '../../src/schema/analytics.ts';
import { conversationRecord } from '../../src/schema/main.ts';
import { userPromptRecord } from '../../src/schema/prompts.ts';
import type { Stacklore } from '../../src/stacklore.ts';
import { allKeys, openTestLore } from '../support/lore.ts';
import { usePrivateRedis } from '../support/redis.ts';

const redis = usePrivateRedis();
let lore: Stacklore;
let databases: Databases;

beforeAll(() => {
  lore = openTestLore(redis);
  databases = lore.databases;
});

const prompt = ['content', 'x', 'is_private', 'true', 'created_at', '2025-01-15T10:30:00Z'];
const message = '{"role":"user","content":"x","timestamp":"2025-01-15T10:30:00Z"}';

/** Everything about one user, under keys of this program and raw keys of others. */
async function fill(userId: string): Promise<void> {
  const { main, prompts, analytics } = databases;
  const own = await lore.sessions.create({ userId, sessionId: `own of ${userId}` });
  await lore.conversations.append(`now of ${userId}`, { role: 'user', content: 'x' });
  await lore.sessions.link(own.sessionId, `now of ${userId}`);
  // A conversation of an earlier session, which has ended.
  await lore.sessions.create({
    userId,
    sessionId: `ended of ${userId}`,
    conversationId: `then of ${userId}`,
  });
  await lore.conversations.append(`then of ${userId}`, { role: 'user', content: 'x' });
  await lore.sessions.end(`ended of ${userId}`);
  // A session of another program, which no index knows.
  await main.send([
    ...['HSET', `session:theirs:${userId}`, 'user_id', userId, 'created_at', '2025-01-15T10:30:00Z'],
    ...['last_activity', '2025-01-15T10:30:00Z', 'metadata', '{}', 'conversation_id', `theirs:${userId}`],
  ]);
  // Its raw key, or where that means another id the escaped one.
  const [key = ''] = conversationRecord.key.candidates({ conversationId: `theirs:${userId}` });
  await main.send(['RPUSH', key, message]);
  await prompts.send(['HSET', userPromptRecord.key.build({ userId, promptName: 'own:one' }), ...prompt]);
  for (const date of ['2025-01-15', '2025-01-16']) {
    await analytics.send(['HSET', usageRecord.key.build({ date, userId }), 'requests', '1']);
  }
}

async function everything(): Promise<string[]> {
  const { main, prompts, analytics } = databases;
  const keys = await Promise.all([main, prompts, analytics].map((database) => allKeys(database, '*')));
  return keys.flat().sort();
}

const OF_ONE = {
  session: 2,
  conversation: 3,
  'user sessions': 1,
  'user conversations': 1,
  'user prompt': 1,
  usage: 2,
};

describe('eraseUser', () => {
  it.each([
    ['user_1', ['user_10', 'user_', 'xuser_1', 'user_1*', 'user_1:x', '1']],
    ['a*', ['ab', 'a', 'a%2A', 'abc', 'a**']],
    ['*', ['x', '**', '%2A']],
    ['[ab]', ['a', 'b', '[ab', '\\[ab]']],
    ['a:b', ['a', 'b', 'a:b:c', 'a%3Ab', 'x:a:b']],
    ['?', ['!', '??']],
    ['Zoë 🔑', ['Zoe 🔑', 'Zoë']],
    ['%2A', ['*']],
  ])(
    'of "%s" deletes all that is held of it and nothing of users that look alike',
    async (userId, others) => {
      for (const other of others) await fill(other);
      const before = await everything();
      await fill(userId);
      const full = await everything();

      const planned = await lore.maintenance.eraseUser(userId, { dryRun: true });
      expect(planned).toMatchObject({ userId, dryRun: true, families: OF_ONE, total: 10 });
      expect(await everything()).toEqual(full);

      expect(await lore.maintenance.eraseUser(userId)).toEqual({ ...planned, dryRun: false });
      expect(await everything()).toEqual(before);
      for (const other of others) {
        expect(await lore.maintenance.eraseUser(other)).toMatchObject({ families: OF_ONE });
      }
      expect(await everything()).toEqual([]);
    },
  );

  it('finds the raw keys of other writers beside the escaped ones', async () => {
    const { prompts, analytics } = databases;
    await prompts.send(['HSET', 'prompt:user:a*:raw', ...prompt]);
    await prompts.send(['HSET', 'prompt:user:a%2A:escaped', ...prompt]);
    await prompts.send(['HSET', 'prompt:user:ab:other', ...prompt]);
    await analytics.send(['HSET', 'usage:2025-01-15:a*', 'requests', '1']);
    await analytics.send(['HSET', 'usage:2025-01-16:a%2A', 'requests', '1']);
    await analytics.send(['HSET', 'usage:2025-01-16:x:a*', 'requests', '1']);
    expect(await lore.maintenance.eraseUser('a*')).toMatchObject({
      families: { 'user prompt': 2, usage: 2 },
      total: 4,
    });
    expect(await everything()).toEqual(['prompt:user:ab:other', 'usage:2025-01-16:x:a*']);
    await prompts.send(['UNLINK', 'prompt:user:ab:other']);
    await analytics.send(['UNLINK', 'usage:2025-01-16:x:a*']);
  });

  it('deletes a conversation that another user is linked to as well, and its entry there', async () => {
    await lore.sessions.create({ userId: 'anonymous', conversationId: 'shared' });
    await lore.sessions.create({ userId: 'ada', conversationId: 'shared', sessionId: 'of ada' });
    await lore.conversations.append('shared', { role: 'user', content: 'x' });
    expect(await lore.maintenance.eraseUser('anonymous')).toMatchObject({
      families: { session: 1, conversation: 1 },
    });
    expect(await everything()).toEqual(['session:of ada', 'stacklore:user-sessions:ada']);
    await lore.maintenance.eraseUser('ada');
  });

  it('copes with what is not as it should be', async () => {
    const { main } = databases;
    await main.send(['SET', 'session:text', 'x']);
    await main.send(['HSET', 'session:odd', 'user_id', 'odd', 'conversation_id', '']);
    await main.send(['HSET', 'session:bad', 'user_id', 'odd', 'conversation_id', 'x'.repeat(600)]);
    expect(await lore.maintenance.eraseUser('odd')).toMatchObject({
      families: { session: 2, conversation: 0 },
      total: 2,
    });
    expect(await everything()).toEqual(['session:text']);
    await main.send(['SET', 'stacklore:user-conversations:odd', 'x']);
    await expect(lore.maintenance.eraseUser('odd')).rejects.toMatchObject({
      key: 'stacklore:user-conversations:odd',
    });
    await main.send(['UNLINK', 'session:text', 'stacklore:user-conversations:odd']);
  });

  it('deletes ingest jobs that count for the user, with what was uploaded for them', async () => {
    const texts = Array.from({ length: 20 }, (_, n) => ({ source: `${n}.md`, text: `Of ada, ${n}.` }));
    const ofAda = await queueTexts(lore, texts, { userId: 'ada' });
    await lore.ingestJobs.parts.report(ofAda.jobId, 1, { done: 1, failed: 0, chunks: 1 });
    const ofBob = await queueTexts(lore, texts.slice(0, 1), { userId: 'bob' });
    const report = await lore.maintenance.eraseUser('ada');
    const inputs = ofAda.inputs.length;
    expect(report).toMatchObject({
      families: { 'ingest job': 1, 'job input': inputs, 'job parts': 1 },
      total: inputs + 2,
    });
    const jobs = (await everything()).filter((key) => /^stacklore:job[-:]/.test(key));
    expect(jobs).toEqual([`stacklore:job-input:${ofBob.jobId}:0`, `stacklore:job:${ofBob.jobId}`]);
    // Nothing is left of its tasks but a number that leads nowhere.
    const { unreadable, items } = await lore.ingestJobs.list('open');
    expect([unreadable, items.map(({ jobId }) => jobId)]).toEqual([[], [ofBob.jobId]]);
    await databases.main.send(['FLUSHDB']);
  });

  it('deletes nothing when its options are misspelt', async () => {
    await fill('spared');
    const full = await everything();
    // Callers without types get this far.
    for (const options of [{ dryrun: true }, { dryRun: 'yes' }, null]) {
      await expect(lore.maintenance.eraseUser('spared', options as never)).rejects.toMatchObject({
        code: 'invalid_input',
      });
    }
    expect(await everything()).toEqual(full);
    await lore.maintenance.eraseUser('spared');
  });

  it('is nothing for an unknown user, and refuses an id that is none', async () => {
    expect(await lore.maintenance.eraseUser('nobody')).toMatchObject({ total: 0 });
    await expect(lore.maintenance.eraseUser('')).rejects.toMatchObject({ code: 'invalid_input' });
  });
});
