import { beforeAll, describe, expect, it } from 'vitest';
import type { Stacklore } from '../../src/stacklore.ts';
import { openTestLore } from '../support/lore.ts';
import { usePrivateRedis } from '../support/redis.ts';
import { cliOn, runCli } from '../support/run-cli.ts';

const redis = usePrivateRedis();
let lore: Stacklore;

beforeAll(() => {
  lore = openTestLore(redis);
});

const { run, json } = cliOn(redis);

describe('sessions', () => {
  it('are created, used, changed, listed and ended', async () => {
    const created = await json(
      'sessions',
      'create',
      'ada',
      '--id',
      's1',
      '--metadata',
      '{"browser":"Chrome"}',
    );
    expect(created).toMatchObject({ sessionId: 's1', userId: 'ada', metadata: { browser: 'Chrome' } });
    expect(await json('sessions', 'link', 's1', 'c1')).toMatchObject({ conversationId: 'c1' });
    expect(await json('sessions', 'touch', 's1')).toMatchObject({ conversationId: 'c1' });
    expect(await json('sessions', 'update', 's1', '--unlink')).not.toHaveProperty('conversationId');
    expect(await json('sessions', 'update', 's1', '--conversation', 'c2')).toMatchObject({
      ...{ conversationId: 'c2', metadata: { browser: 'Chrome' } },
    });
    await json('sessions', 'create', 'ada', '--id', 's2');
    expect(await json('sessions', 'list', 'ada', '--limit', '1')).toMatchObject({
      ...{ items: [{ sessionId: expect.any(String) }], total: 2 },
    });
    expect((await run('sessions', 'list', 'ada')).stdout).toMatch(
      /session id +created.*\n[\s\S]*2 of 2 sessions/,
    );
    expect(await json('sessions', 'end', 's1', 's2')).toEqual({ ended: ['s1', 's2'] });
    expect((await run('sessions', 'show', 's1')).stderr).toMatch(/There is no session "s1"/);
  });

  it('that cannot be read are listed as such and can be ended', async () => {
    await json('sessions', 'create', 'eve', '--id', 'broken');
    await lore.databases.main.send(['HDEL', 'session:broken', 'created_at']);
    expect((await run('sessions', 'list', 'eve')).stdout).toMatch(
      /broken cannot be read: .*created_at: missing.*\n0 of 1 session\n/,
    );
    expect(await json('sessions', 'end', 'broken')).toEqual({ ended: ['broken'] });
    expect(await lore.databases.main.send(['EXISTS', 'session:broken'])).toBe(0);
  });

  it('are not ended where a key holds something else', async () => {
    await json('sessions', 'create', 'eve', '--id', 'beside');
    await lore.databases.main.send(['SET', 'session:other', 'text']);
    const { exitCode, stderr } = await run('sessions', 'end', 'beside', 'other');
    expect({ exitCode, stderr }).toEqual({ exitCode: 1, stderr: expect.stringContaining('holds a string') });
    expect(await json('sessions', 'show', 'beside')).toMatchObject({ sessionId: 'beside' });
  });

  it('all stay when one of those to end is unknown', async () => {
    await json('sessions', 'create', 'ada', '--id', 'stays');
    expect((await run('sessions', 'end', 'stays', 'unknown')).exitCode).toBe(1);
    expect(await json('sessions', 'show', 'stays')).toMatchObject({ sessionId: 'stays' });
  });

  it.each([
    ['create ada --metadata []', '--metadata: must be a JSON object'],
    ['create ada --metadata {', '--metadata: must be a JSON object'],
    ['update stays --unlink --conversation c', 'cannot be given together with --conversation'],
    ['update stays', '--metadata: give this, --conversation or --unlink'],
    ['list ada --limit 0', '--limit: must be a whole number from 1 to 10000'],
  ])('refuse "%s"', async (line, message) => {
    const { exitCode, stderr } = await run('sessions', ...line.split(' '));
    expect({ exitCode, stderr }).toEqual({ exitCode: 2, stderr: expect.stringContaining(message) });
  });
});

describe('conversations', () => {
  it('are appended to, read, counted, trimmed and deleted', async () => {
    expect(await json('conversations', 'append', 'talk', 'Hello?')).toEqual({
      ...{ conversationId: 'talk', messageCount: 1 },
    });
    await json('conversations', 'append', 'talk', 'Hi!', '--role', 'assistant', '--tokens', '5');
    expect(await json('conversations', 'show', 'talk', '--from-end', '--limit', '1')).toMatchObject({
      ...{ conversationId: 'talk', messageCount: 2, total: 2, ttlSeconds: expect.any(Number) },
      items: [{ role: 'assistant', content: 'Hi!', tokens: 5 }],
    });
    expect(await json('conversations', 'tokens', 'talk')).toMatchObject({ messageCount: 2, tokens: 7 });
    expect(await json('conversations', 'last', 'talk', '--max-tokens', '6')).toMatchObject({
      ...{ messages: [{ content: 'Hi!' }], tokens: 5, isWhole: false },
    });
    expect((await run('conversations', 'show', 'talk')).stdout).toMatch(
      /--- user, .*\nHello\?\n\n--- assistant/,
    );
    expect(await json('conversations', 'trim', 'talk', '--keep-last', '1')).toMatchObject({ removed: 1 });
    expect(await json('conversations', 'delete', 'talk')).toEqual({
      ...{ deleted: [{ conversationId: 'talk', messages: 1 }] },
    });
    for (const words of [['show'], ['tokens'], ['last'], ['trim', '--keep-last', '1'], ['delete']]) {
      const { exitCode, stderr } = await run('conversations', words[0] ?? '', 'talk', ...words.slice(1));
      expect({ exitCode, stderr }).toEqual({
        ...{ exitCode: 1, stderr: expect.stringContaining('There is no conversation "talk"') },
      });
    }
  });

  it('tell that no message fits the budget, and that one of another program never expires', async () => {
    await json('conversations', 'append', 'long', 'x', '--tokens', '50');
    expect((await run('conversations', 'last', 'long', '--max-tokens', '10')).stdout).toBe(
      'No message fits: the last one alone has more than 10 tokens. Raise --max-tokens.\n',
    );
    expect((await run('conversations', 'last', 'long')).stdout).toMatch(
      /1 message with 50 tokens, the whole conversation/,
    );
    expect((await run('conversations', 'show', 'long')).stdout).toMatch(/1 of 1 message, expires in \d+ s\n/);
    await lore.databases.main.send(['PERSIST', 'conversation:long:messages']);
    expect((await run('conversations', 'show', 'long')).stdout).toMatch(/1 of 1 message, never expires\n/);
  });

  it('take a message from standard input, and no empty one', async () => {
    const piped = await runCli(['conversations', 'append', 'piped', '-'], {
      env: { STACKLORE_HOME: `${redis.dir}/home`, REDIS_URL: redis.url },
      input: 'From a pipe.\n',
    });
    expect(piped).toMatchObject({ exitCode: 0, stdout: 'Conversation piped has 1 message.\n' });
    expect((await lore.conversations.list('piped')).items).toMatchObject([{ content: 'From a pipe.' }]);
    for (const empty of ['', ' ', '-'])
      expect((await run('conversations', 'append', 'piped', empty)).stderr).toContain('The message is empty');
  });

  it('name a message that cannot be read, and show the others', async () => {
    await lore.conversations.append('odd', { role: 'user', content: 'Readable.' });
    await lore.databases.main.send(['RPUSH', 'conversation:odd:messages', 'not JSON']);
    for (const verb of ['show', 'last']) {
      const { exitCode, stdout, stderr } = await run('conversations', verb, 'odd');
      expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: expect.stringContaining('Readable.') });
      expect(stderr).toMatch(/^Note: .*message 1/);
    }
  });

  it('say which flag is required', async () => {
    const { exitCode, stderr } = await run('conversations', 'trim', 'long');
    expect({ exitCode, stderr }).toEqual({
      ...{ exitCode: 2, stderr: expect.stringContaining('--keep-last: is required') },
    });
  });

  it('take the three roles only', async () => {
    const { exitCode, stderr } = await run('conversations', 'append', 'talk', 'x', '--role', 'tool');
    expect({ exitCode, stderr }).toEqual({
      ...{ exitCode: 2, stderr: expect.stringContaining('--role: must be user, assistant or system') },
    });
  });
});

describe('erase-user', () => {
  it('deletes only with --yes, and tells by family what goes', async () => {
    await lore.sessions.create({ userId: 'bob', conversationId: 'of bob' });
    await lore.conversations.append('of bob', { role: 'user', content: 'x' });
    const refused = await run('erase-user', 'bob');
    expect(refused.exitCode).toBe(2);
    expect(refused.stderr).toMatch(/Nothing was deleted\. Erasing user "bob" deletes 4 keys.*--yes/);
    const planned = await json('erase-user', 'bob', '--dry-run', '--yes');
    expect(planned).toMatchObject({ dryRun: true, families: { session: 1, conversation: 1 }, total: 4 });
    expect(await lore.conversations.find('of bob')).toBeDefined();
    expect((await run('erase-user', 'bob', '--yes')).stdout).toMatch(
      /session +1\n[\s\S]*Deleted 4 keys of user bob\./,
    );
    expect(await json('erase-user', 'bob', '--dry-run')).toMatchObject({ total: 0 });
  });
});
