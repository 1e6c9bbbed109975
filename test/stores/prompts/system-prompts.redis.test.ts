import { beforeAll, describe, expect, it } from 'vitest';
import type { Database } from '../../../src/redis/databases.ts';
import { asObject } from '../../../src/redis/hash.ts';
import type { Stacklore } from '../../../src/stacklore.ts';
import { SystemPrompts } from '../../../src/stores/prompts/system-prompts.ts';
import { openTestLore } from '../../support/lore.ts';
import { isOnCluster, usePrivateRedis } from '../../support/redis.ts';

const redis = usePrivateRedis();
let lore: Stacklore;
const historyOf = (name: string) =>
  `stacklore:prompt-history:${isOnCluster() ? `{prompt:system:${name}}` : name}`;
let database: Database;
let prompts: SystemPrompts;
let now = Date.parse('2025-01-15T10:30:00Z');

beforeAll(() => {
  lore = openTestLore(redis);
  database = lore.databases.prompts;
  prompts = new SystemPrompts(database, { now: () => now });
});

const fieldsOf = async (key: string) => asObject(await database.send<string[]>(['HGETALL', key]));

/** A prompt as another program may have left it. */
const storeRaw = (key: string, fields: Record<string, string> = {}) => {
  const times = { created_at: '2025-01-15', updated_at: '2025-01-15' };
  const all = { content: 'Hi', version: '1.0.0', description: '', variables: '[]', ...times, ...fields };
  return database.send(['HSET', key, ...Object.entries(all).flat()]);
};

describe('save', () => {
  it('stores the documented fields, finding the variables in the text', async () => {
    const saved = await prompts.save('whole', {
      content: 'Date: {{date}}. User: {{ user_name }}. Again {{date}}.',
      description: 'Default',
    });

    expect(saved).toMatchObject({ outcome: 'created', version: '1.0.0', variables: ['date', 'user_name'] });
    expect(await fieldsOf('prompt:system:whole')).toEqual({
      content: 'Date: {{date}}. User: {{ user_name }}. Again {{date}}.',
      version: '1.0.0',
      description: 'Default',
      variables: '["date","user_name"]',
      created_at: '2025-01-15T10:30:00Z',
      updated_at: '2025-01-15T10:30:00Z',
    });
  });

  it('takes the next patch for a change, keeps the creation time and what was left out', async () => {
    await prompts.save('bumped', { content: 'One', description: 'Kept' });
    now += 60_000;
    const saved = await prompts.save('bumped', { content: 'Two' });
    now -= 60_000;

    expect(saved).toMatchObject({ outcome: 'updated', version: '1.0.1', description: 'Kept' });
    expect(saved.updatedAt.getTime() - saved.createdAt.getTime()).toBe(60_000);
  });

  it('leaves an equal prompt as it is', async () => {
    await prompts.save('same', { content: 'One {{a}}' });

    expect(await prompts.save('same', { content: 'One {{a}}', variables: ['a'] })).toMatchObject({
      outcome: 'unchanged',
      version: '1.0.0',
    });
    expect((await prompts.history('same')).versions).toHaveLength(1);
  });

  it('takes a larger version and refuses one that does not follow', async () => {
    await prompts.save('versions', { content: 'One', version: '1.9.0' });

    expect(await prompts.save('versions', { content: 'Two', version: '1.10.0' })).toMatchObject({
      version: '1.10.0',
    });
    await expect(prompts.save('versions', { content: 'Three', version: '1.9.5' })).rejects.toMatchObject({
      code: 'invalid_input',
      message: expect.stringContaining('does not follow 1.10.0'),
    });
    await expect(prompts.save('versions', { content: 'Three', version: '1.10' })).rejects.toThrow(
      /not a semantic version/,
    );
    expect(await prompts.get('versions')).toMatchObject({ content: 'Two', version: '1.10.0' });
  });

  it('refuses variables that do not fit the text, naming them', async () => {
    const save = prompts.save('unfit', { content: 'Hello {{name}}', variables: ['date'] });

    await expect(save).rejects.toMatchObject({ code: 'invalid_input' });
    await expect(save).rejects.toThrow(/used but not declared: name; declared but not used: date/);
    expect(await prompts.find('unfit')).toBeUndefined();
  });

  it('warns of what looks like a placeholder, and keeps JSON braces without a word', async () => {
    const saved = await prompts.save('warned', { content: 'Hi {{ user.name }}. Answer {"a": {{"b": 1}}}' });

    expect(saved.variables).toEqual([]);
    expect(saved.warnings).toEqual([expect.stringContaining('{{ user.name }}')]);
  });

  it('writes nothing in a dry run', async () => {
    expect(await prompts.save('dry', { content: 'One' }, { dryRun: true })).toMatchObject({
      outcome: 'created',
    });
    expect(await prompts.find('dry')).toBeUndefined();
  });

  it('refuses empty and immense texts, and ids no key can carry', async () => {
    await expect(prompts.save('a', { content: ' ' })).rejects.toMatchObject({ code: 'invalid_input' });
    await expect(prompts.save('a', { content: 'x'.repeat(1_000_001) })).rejects.toMatchObject({
      code: 'too_large',
    });
    await expect(prompts.save('', { content: 'x' })).rejects.toMatchObject({ code: 'invalid_input' });
    await expect(prompts.save('x'.repeat(600), { content: 'x' })).rejects.toMatchObject({
      code: 'invalid_input',
    });
  });
});

describe('wrong input', () => {
  it.each([
    [undefined, 'expected object'],
    [{ content: 5 }, 'content'],
    [{ content: 'half \ud800' }, 'content: holds half of a surrogate pair'],
    [{ content: 'x', description: 5 }, 'description'],
    [{ content: 'x', variables: 'name' }, 'variables: must be a list'],
    [{ content: 'x', variables: [1] }, 'variables.0'],
    [{ content: 'x', version: 5 }, 'version'],
    [{ content: 'x', version: `1.0.0-${'a'.repeat(300)}` }, 'version'],
    [{ content: 'x', createdAt: new Date(Number.NaN) }, 'createdAt'],
    [{ content: 'x', versoin: '1.0.0' }, 'versoin'],
  ])('is refused: %o', async (input, names) => {
    // As a program without types may call it.
    await expect(prompts.save('wrong', input as never)).rejects.toMatchObject({
      ...{ code: 'invalid_input', message: expect.stringContaining(names) },
    });
    expect(await prompts.find('wrong')).toBeUndefined();
  });

  it('of a page is refused', async () => {
    for (const page of [{ offset: -1 }, { limit: Number.NaN }, { limit: 1.5 }])
      await expect(prompts.list(page)).rejects.toMatchObject({ code: 'invalid_input' });
  });

  it('names the first of very many mistakes only', async () => {
    const { warnings } = await prompts.save('mistakes', { content: '{{a.b}}'.repeat(1_000) });
    expect(warnings).toHaveLength(20);
  });
});

describe('savers at the same time', () => {
  it('lose no version: each of 64 is current or in the history', async () => {
    const texts = Array.from({ length: 64 }, (_, n) => `Text ${n}`);
    const saved = await Promise.all(texts.map((content) => prompts.save('raced', { content })));

    const { versions } = await prompts.history('raced');
    expect(new Set(versions.map(({ content }) => content))).toEqual(new Set(texts));
    expect(versions.map(({ version }) => version)).toEqual(
      Array.from({ length: 64 }, (_, n) => `1.0.${63 - n}`),
    );
    expect(new Set(saved.map(({ version }) => version)).size).toBe(64);
  });

  it('that expect the same version: one wins, the others are told', async () => {
    await prompts.save('expected', { content: 'One' });
    const saves = Array.from({ length: 16 }, (_, n) =>
      prompts.save('expected', { content: `Two ${n}` }, { expectedVersion: '1.0.0' }),
    );

    const results = await Promise.allSettled(saves);
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const result of results) {
      if (result.status === 'rejected')
        expect(result.reason).toMatchObject({
          code: 'already_exists',
          message: expect.stringContaining('version 1.0.1 is stored'),
        });
    }
  });
});

describe('history', () => {
  it('keeps the last 100 versions', async () => {
    for (let n = 0; n <= 105; n += 1) await prompts.save('long', { content: `Text ${n}` });

    const { versions } = await prompts.history('long');
    expect(versions).toHaveLength(101);
    expect(versions[0]).toMatchObject({ version: '1.0.105', content: 'Text 105' });
    expect(versions.at(-1)).toMatchObject({ version: '1.0.5', content: 'Text 5' });
  });

  it('is rolled back by a new version that says what an earlier one said', async () => {
    await prompts.save('rolled', { content: 'One {{a}}' });
    await prompts.save('rolled', { content: 'Two', version: '2.0.0' });

    expect(await prompts.rollback('rolled', '1.0.0')).toMatchObject({
      version: '2.0.1',
      content: 'One {{a}}',
      variables: ['a'],
    });
    expect((await prompts.history('rolled')).versions.map(({ version }) => version)).toEqual([
      '2.0.1',
      '2.0.0',
      '1.0.0',
    ]);
    await expect(prompts.rollback('rolled', '9.9.9')).rejects.toMatchObject({
      code: 'not_found',
      message: expect.stringContaining('It has 2.0.1, 2.0.0, 1.0.0'),
    });
  });

  it('holds what another program had stored', async () => {
    await storeRaw('prompt:system:foreign', {
      content: 'Old',
      version: '3',
      created_at: '2025-01-15T10:30:00.000001+00:00',
    });
    await expect(prompts.save('foreign', { content: 'New' })).rejects.toThrow(/"3".*not a semantic one/);

    await prompts.save('foreign', { content: 'New', version: '4.0.0' });
    expect((await prompts.history('foreign')).versions.map(({ version }) => version)).toEqual(['4.0.0', '3']);
  });

  it('names what cannot be read in it and gives the others, which can be gone back to', async () => {
    await prompts.save('torn', { content: 'One' });
    await prompts.save('torn', { content: 'Two' });
    await database.send(['LPUSH', historyOf('torn'), 'no JSON']);

    const { versions, unreadable } = await prompts.history('torn');
    expect(versions.map(({ content }) => content)).toEqual(['Two', 'One']);
    expect(unreadable).toEqual([
      { key: historyOf('torn'), message: expect.stringContaining('element 0: "no JSON"') },
    ]);
    expect(await prompts.rollback('torn', '1.0.0')).toMatchObject({ content: 'One', version: '1.0.2' });
  });

  it('goes with its prompt', async () => {
    await prompts.save('gone', { content: 'One' });
    await prompts.save('gone', { content: 'Two' });
    await prompts.delete('gone');

    expect(await database.send(['EXISTS', 'prompt:system:gone', historyOf('gone')])).toBe(0);
    await expect(prompts.delete('gone')).rejects.toMatchObject({ code: 'not_found' });
    await expect(prompts.history('gone')).rejects.toMatchObject({ code: 'not_found' });
  });
});

describe('render', () => {
  it('fills placeholders and looks at no value again', async () => {
    await prompts.save('filled', { content: '{{a}} and {{b}}, {{a}}' });

    expect(await prompts.render('filled', { a: '{{b}} $& ', b: 2, unused: 'x' })).toBe(
      '{{b}} $&  and 2, {{b}} $& ',
    );
  });

  it('names all missing variables', async () => {
    await prompts.save('lacking', { content: '{{a}} {{b}} {{constructor}}' });

    await expect(prompts.render('lacking', { a: '1' })).rejects.toMatchObject({
      code: 'invalid_input',
      message: expect.stringContaining('missing: b, constructor'),
    });
    await expect(prompts.render('lacking', { a: [], b: '', constructor: '' })).rejects.toThrow(
      /variable a is/,
    );
  });
});

describe('a render', () => {
  it('makes no text that no memory holds', async () => {
    await prompts.save('multiplied', { content: '{{a}}'.repeat(1_000) });

    expect(await prompts.render('multiplied', { a: 'x'.repeat(10_000) })).toHaveLength(10_000_000);
    await expect(prompts.render('multiplied', { a: 'x'.repeat(10_001) })).rejects.toMatchObject({
      code: 'too_large',
    });
  });

  it('takes an object of variables only', async () => {
    for (const variables of [null, 'a'])
      await expect(prompts.render('multiplied', variables as never)).rejects.toMatchObject({
        code: 'invalid_input',
      });
  });
});

describe('what others wrote', () => {
  it('is read under ids that we escape, and written back where it was', async () => {
    await storeRaw('prompt:system:a*b');

    expect(await prompts.get('a*b')).toMatchObject({ content: 'Hi' });
    const saving = prompts.save('a*b', { content: 'Ho' });
    if (isOnCluster()) await expect(saving).rejects.toThrow(/no history can lie on a cluster/);
    else await saving;
    const stored = await database.send(['HGET', 'prompt:system:a*b', 'content']);
    expect(stored).toBe(isOnCluster() ? 'Hi' : 'Ho');
    expect(await prompts.get('a:b').catch((error: unknown) => error)).toMatchObject({ code: 'not_found' });
  });

  it('names the key of what cannot be read, and lists the others', async () => {
    await storeRaw('prompt:system:broken', { version: '1', variables: 'date' });
    await database.send(['SET', 'prompt:system:text', 'Hi']);

    await expect(prompts.get('broken')).rejects.toMatchObject({
      code: 'record_invalid',
      message: expect.stringMatching(/prompt:system:broken.*variables/),
    });
    for (const call of [prompts.get('text'), prompts.save('text', { content: 'x' })])
      await expect(call).rejects.toMatchObject({ code: 'record_invalid', key: 'prompt:system:text' });
    const page = await prompts.list({ limit: 1_000 });
    expect(page.unreadable.map(({ key }) => key)).toEqual(['prompt:system:broken', 'prompt:system:text']);
    expect(page.items.map(({ promptName }) => promptName)).toContain('whole');
    expect(page.total).toBe(page.items.length + 2);
    await prompts.delete('broken');
    await prompts.delete('text');
  });

  it('in bytes that are no UTF-8 is not replaced, and the error says why', async () => {
    await storeRaw('prompt:system:latin');
    await database.send(['HSET', 'prompt:system:latin', 'content', Buffer.from([0x61, 0xff])]);

    await expect(prompts.save('latin', { content: 'New' })).rejects.toMatchObject({
      ...{ code: 'record_invalid', message: expect.stringContaining('it is not UTF-8 text') },
    });
  });

  it('is refused when the history is of another type, and the prompt stays as it is', async () => {
    await prompts.save('odd', { content: 'One' });
    await database.send(['SET', historyOf('odd'), 'x']);

    await expect(prompts.save('odd', { content: 'Two' })).rejects.toMatchObject({
      code: 'record_invalid',
      key: historyOf('odd'),
    });
    await expect(prompts.history('odd')).rejects.toMatchObject({ code: 'record_invalid' });
    expect(await prompts.get('odd')).toMatchObject({ content: 'One' });
  });
});
