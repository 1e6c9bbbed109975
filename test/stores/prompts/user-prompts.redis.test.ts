import { beforeAll, describe, expect, it } from 'vitest';
import type { Database } from '../../../src/redis/databases.ts';
import { asObject } from '../../../src/redis/hash.ts';
import type { Stacklore } from '../../../src/stacklore.ts';
import { UserPrompts } from '../../../src/stores/prompts/user-prompts.ts';
import { openTestLore } from '../../support/lore.ts';
import { usePrivateRedis } from '../../support/redis.ts';

const redis = usePrivateRedis();
let lore: Stacklore;
let database: Database;
let prompts: UserPrompts;
let now = Date.parse('2025-01-15T10:30:00Z');

beforeAll(() => {
  lore = openTestLore(redis);
  database = lore.databases.prompts;
  prompts = new UserPrompts(database, { now: () => now });
});

/** What a promise is rejected with. */
const refusal = (call: Promise<unknown>) =>
  call.then(
    () => undefined,
    (error: unknown) => error,
  );

describe('save', () => {
  it('stores the documented fields; a new prompt is private', async () => {
    expect(await prompts.save('ada', 'standup', { content: 'Write notes.' })).toMatchObject({
      ...{ userId: 'ada', promptName: 'standup', isPrivate: true, outcome: 'created' },
    });
    const flat = await database.send<string[]>(['HGETALL', 'prompt:user:ada:standup']);
    expect(asObject(flat)).toEqual({
      content: 'Write notes.',
      is_private: 'true',
      created_at: '2025-01-15T10:30:00Z',
    });
  });

  it('keeps the creation time and, when left out, whether it is private', async () => {
    await prompts.save('ada', 'open', { content: 'One', isPrivate: false });
    now += 1_000;
    const saved = await prompts.save('ada', 'open', { content: 'Two' });
    now -= 1_000;

    expect(saved).toMatchObject({ isPrivate: false, createdAt: new Date(now), outcome: 'updated' });
    expect(await prompts.save('ada', 'open', { content: 'Two' })).toMatchObject({ outcome: 'unchanged' });
  });

  it.each([
    [undefined, 'expected object'],
    [{ content: ' ' }, 'content'],
    [{ content: 'x', isPrivate: 'no' }, 'isPrivate'],
    [{ content: 'x', private: false }, 'private'],
    [{ content: 'x', createdAt: 'today' }, 'createdAt'],
  ])('refuses %o', async (input, names) => {
    // As a program without types may call it.
    await expect(prompts.save('ada', 'wrong', input as never)).rejects.toMatchObject({
      ...{ code: 'invalid_input', message: expect.stringContaining(names) },
    });
    expect(await prompts.find('ada', 'wrong')).toBeUndefined();
  });

  it('refuses a key of another type, leaving it alone', async () => {
    await database.send(['SET', 'prompt:user:ada:text', 'x']);

    await expect(prompts.save('ada', 'text', { content: 'x' })).rejects.toMatchObject({
      ...{ code: 'record_invalid', key: 'prompt:user:ada:text' },
    });
    expect(await database.send(['GET', 'prompt:user:ada:text'])).toBe('x');
    await database.send(['UNLINK', 'prompt:user:ada:text']);
  });
});

describe('a private prompt', () => {
  it('is not shown to a viewer whom the program does not know', async () => {
    await prompts.save('ann', 'diary', { content: 'Mine' });
    // As a program without types may call it.
    const nobody = { viewer: undefined } as never;

    for (const call of [
      () => prompts.find('ann', 'diary', nobody),
      () => prompts.get('ann', 'diary', nobody),
      () => prompts.list('ann', nobody),
    ]) {
      await expect(call()).rejects.toMatchObject({ code: 'invalid_input' });
    }
    expect(await prompts.find('ann', 'diary', { viewer: '' })).toBeUndefined();
  });

  it('is to a stranger the same as none', async () => {
    await prompts.save('bob', 'secret', { content: 'Mine' });

    const privateOne = await refusal(prompts.get('bob', 'secret', { viewer: 'eve' }));
    const absentOne = await refusal(prompts.get('bob', 'absent', { viewer: 'eve' }));
    expect(privateOne).toMatchObject({ code: 'not_found' });
    expect((privateOne as Error).message.replace('secret', 'absent')).toBe((absentOne as Error).message);
    expect(await prompts.find('bob', 'secret', { viewer: 'eve' })).toBeUndefined();
    expect(await prompts.get('bob', 'secret', { viewer: 'bob' })).toMatchObject({ content: 'Mine' });
  });

  it('is in the list of its owner only; a public one in both', async () => {
    await prompts.save('bob', 'shared', { content: 'Ours', isPrivate: false });

    expect((await prompts.list('bob')).items.map(({ promptName }) => promptName)).toEqual([
      'secret',
      'shared',
    ]);
    expect(await prompts.list('bob', { viewer: 'eve' })).toMatchObject({
      items: [{ promptName: 'shared' }],
      total: 1,
    });
  });

  it('that cannot be read is not saved over, unless what cannot be read is given', async () => {
    const key = 'prompt:user:bob:torn';
    await database.send(['HSET', key, 'content', 'x', 'is_private', 'perhaps']);
    const expected = { code: 'record_invalid', key };
    expect(await refusal(prompts.save('bob', 'torn', { content: 'new' }))).toMatchObject(expected);
    expect(await database.send(['HGETALL', key])).toEqual(['content', 'x', 'is_private', 'perhaps']);
    expect(await prompts.save('bob', 'torn', { content: 'new', isPrivate: false })).toMatchObject({
      ...{ content: 'new', isPrivate: false, outcome: 'updated' },
    });
    await database.send(['HSET', key, 'created_at', 'long ago']);
    expect(await refusal(prompts.save('bob', 'torn', { content: 'newer' }))).toMatchObject(expected);
    expect(await database.send(['HGET', key, 'content'])).toBe('new');
    await prompts.delete('bob', 'torn');
  });

  it('that is saved by many at once is created once', async () => {
    const saves = Array.from({ length: 64 }, (_, n) => prompts.save('bob', 'many', { content: `${n}` }));
    const outcomes = (await Promise.all(saves)).map(({ outcome }) => outcome);
    expect(outcomes.filter((outcome) => outcome === 'created')).toHaveLength(1);
    expect(outcomes.filter((outcome) => outcome === 'updated')).toHaveLength(63);
    await prompts.delete('bob', 'many');
  });

  it('that cannot be read is named to its owner only', async () => {
    await database.send(['HSET', 'prompt:user:bob:broken', 'content', 'x', 'is_private', 'perhaps']);

    expect(await refusal(prompts.get('bob', 'broken'))).toMatchObject({ code: 'record_invalid' });
    expect(await prompts.find('bob', 'broken', { viewer: 'eve' })).toBeUndefined();
    expect((await prompts.list('bob')).unreadable.map(({ key }) => key)).toEqual(['prompt:user:bob:broken']);
    expect((await prompts.list('bob', { viewer: 'eve' })).unreadable).toEqual([]);
    await prompts.delete('bob', 'broken');
  });
});

describe('ids', () => {
  it('never reach the prompts of another user', async () => {
    await prompts.save('team', '7:plan', { content: 'of team' });
    await prompts.save('team:7', 'plan', { content: 'of team:7' });
    await prompts.save('te*', 'plan', { content: 'of te*' });
    await prompts.save('te?m', 'plan', { content: 'of te?m' });

    expect(await prompts.get('team', '7:plan')).toMatchObject({ content: 'of team' });
    expect(await prompts.get('team:7', 'plan')).toMatchObject({ content: 'of team:7' });
    for (const userId of ['team', 'team:7', 'te*', 'te?m'])
      expect((await prompts.list(userId)).items.map(({ content }) => content)).toEqual([`of ${userId}`]);
    expect((await prompts.list('te')).items).toEqual([]);
  });

  it('of other writers are found raw and written back where they were', async () => {
    const times = ['created_at', '2025-01-15T10:30:00'];
    await database.send(['HSET', 'prompt:user:a[b]c:x', 'content', 'raw', 'is_private', 'False', ...times]);

    expect(await prompts.get('a[b]c', 'x', { viewer: 'eve' })).toMatchObject({ content: 'raw' });
    expect((await prompts.list('a[b]c')).items).toMatchObject([{ promptName: 'x' }]);
    await prompts.save('a[b]c', 'x', { content: 'new' });
    expect(await database.send(['HGET', 'prompt:user:a[b]c:x', 'content'])).toBe('new');
  });

  it('that no key can carry are refused', async () => {
    for (const [userId, name] of [
      ['', 'x'],
      ['x', ''],
      ['x'.repeat(513), 'x'],
      ['a\nb', 'x'],
    ] as const)
      await expect(prompts.save(userId, name, { content: 'x' })).rejects.toMatchObject({
        code: 'invalid_input',
      });
  });
});

it('keeps every prompt when 64 are saved at once', async () => {
  const saves = Array.from({ length: 64 }, (_, n) => prompts.save('many', `p${n}`, { content: `${n}` }));
  await Promise.all(saves);

  expect((await prompts.list('many', { limit: 10 })).items).toHaveLength(10);
  expect((await prompts.list('many', { offset: 60 })).items).toHaveLength(4);
  expect((await prompts.list('many')).total).toBe(64);
});
