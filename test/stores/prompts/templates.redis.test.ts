import { beforeAll, describe, expect, it } from 'vitest';
import type { Database } from '../../../src/redis/databases.ts';
import { asObject } from '../../../src/redis/hash.ts';
import type { Stacklore } from '../../../src/stacklore.ts';
import { openTestLore } from '../../support/lore.ts';
import { usePrivateRedis } from '../../support/redis.ts';

const redis = usePrivateRedis();
let lore: Stacklore;
let database: Database;

beforeAll(() => {
  lore = openTestLore(redis);
  database = lore.databases.prompts;
});

const storeRaw = (key: string, fields: Record<string, string> = {}) => {
  const all = { template: 'Hi {{ name }}', category: 'chat', examples: '[]', required_variables: '["name"]' };
  return database.send(['HSET', key, ...Object.entries({ ...all, ...fields }).flat()]);
};

describe('templates', () => {
  it('are stored with the documented fields, the variables found in them', async () => {
    const saved = await lore.templates.save('summary', {
      template: '{% for part in parts %}{{ part }}{{ mark | default(".") }}{% endfor %}',
      category: 'summaries',
      examples: [{ input: { parts: ['a'] }, output: 'a.' }],
    });

    expect(saved).toMatchObject({ outcome: 'created', requiredVariables: ['parts'] });
    const flat = await database.send<string[]>(['HGETALL', 'prompt:template:summary']);
    expect(asObject(flat)).toEqual({
      template: '{% for part in parts %}{{ part }}{{ mark | default(".") }}{% endfor %}',
      category: 'summaries',
      examples: '[{"input":{"parts":["a"]},"output":"a."}]',
      required_variables: '["parts"]',
    });
    expect(await lore.templates.render('summary', { parts: ['a', 'b'] })).toBe('a.b.');
  });

  it('may declare a variable that has a default, but none they do not use', async () => {
    const template = '{{ a }}{{ b | default("") }}';
    expect(await lore.templates.save('declared', { template, requiredVariables: ['a', 'b'] })).toMatchObject({
      requiredVariables: ['a', 'b'],
    });
    await expect(lore.templates.render('declared', { a: 1 })).rejects.toThrow(/missing: b/);

    const unfit = lore.templates.save('declared', { template, requiredVariables: ['c'] });
    await expect(unfit).rejects.toThrow(/used but not declared: a; declared but not used: c/);
    await expect(unfit).rejects.toMatchObject({ code: 'invalid_input' });
  });

  it('keep category and examples when a save leaves them out, and tell an equal one', async () => {
    await lore.templates.save('kept', { template: 'One', category: 'chat', examples: ['x'] });

    expect(await lore.templates.save('kept', { template: 'Two' })).toMatchObject({
      ...{ outcome: 'updated', category: 'chat', examples: ['x'] },
    });
    expect(await lore.templates.save('kept', { template: 'Two' })).toMatchObject({ outcome: 'unchanged' });
  });

  it('are saved with a word about examples that do not fit them', async () => {
    const template = '{% for part in parts %}{{ part }}.{% endfor %}';
    const { warnings } = await lore.templates.save('exemplary', {
      template,
      examples: [
        ...[{ parts: ['a'] }, { input: { parts: ['a'] }, output: 'a.' }, { variables: { parts: [] } }],
        ...['for people', { input: 'as text', output: 'x' }, 7],
        ...[{ input: { parts: ['a'] }, output: 'a' }, { input: { part: 'a' } }, { other: 1 }],
      ],
    });

    expect(warnings).toEqual([
      'Example 7 does not give its output, but "a.".',
      expect.stringMatching(/^Example 8 cannot be rendered: The variable is missing: parts/),
      expect.stringMatching(/^Example 9 cannot be rendered: The variable is missing: parts/),
    ]);
    expect((await lore.templates.get('exemplary')).examples).toHaveLength(9);
    expect(await lore.templates.save('exemplary', { template, examples: [] })).toMatchObject({
      warnings: [],
    });
  });

  it('are not rendered again when the first example asks for too much', async () => {
    const { warnings } = await lore.templates.save('greedy', {
      template: '{% for i in range(n) %}x{% endfor %}',
      examples: Array.from({ length: 20 }, () => ({ n: 10 ** 9 })),
    });
    expect(warnings).toEqual([expect.stringContaining('Example 1 cannot be rendered')]);
  });

  it.each([
    [undefined, 'expected object'],
    [{ template: 'x', examples: 'none' }, 'examples: must be a list'],
    [{ template: 'x', category: 4 }, 'category'],
    [{ template: '{{ a }}', requiredVariables: 'a' }, 'requiredVariables'],
    [{ template: 'x', exampels: [] }, 'exampels'],
  ])('refuse %o', async (input, names) => {
    // As a program without types may call it.
    await expect(lore.templates.save('wrong', input as never)).rejects.toMatchObject({
      ...{ code: 'invalid_input', message: expect.stringContaining(names) },
    });
  });

  it('are refused with examples that lie too deeply in each other', async () => {
    const deep = JSON.parse('['.repeat(20_000) + ']'.repeat(20_000));
    await expect(lore.templates.save('deep', { template: 'x', examples: [deep] })).rejects.toMatchObject({
      code: 'too_large',
    });
  });

  it('of bad syntax are refused and nothing is stored', async () => {
    await expect(lore.templates.save('bad', { template: '{% if %}' })).rejects.toMatchObject({
      code: 'parse_failed',
    });
    expect(await lore.templates.find('bad')).toBeUndefined();
  });

  it('are whole when many save at once', async () => {
    await Promise.all(
      Array.from({ length: 64 }, (_, n) =>
        lore.templates.save('raced', { template: `{{ v${n} }}`, category: `c${n}` }),
      ),
    );
    const { template, category, requiredVariables } = await lore.templates.get('raced');
    const n = category.slice(1);
    expect({ template, requiredVariables }).toEqual({
      template: `{{ v${n} }}`,
      requiredVariables: [`v${n}`],
    });
  });

  it('are listed by category and deleted', async () => {
    await lore.templates.save('listed', { template: 'x', category: 'only here' });

    expect(await lore.templates.list({ category: 'only here' })).toMatchObject({
      items: [{ templateName: 'listed' }],
      total: 1,
    });
    await lore.templates.delete('listed');
    await expect(lore.templates.delete('listed')).rejects.toMatchObject({ code: 'not_found' });
    await expect(lore.templates.render('listed')).rejects.toMatchObject({ code: 'not_found' });
  });
});

describe('templates of other writers', () => {
  it('are rendered under the limits, whatever their required_variables say', async () => {
    await storeRaw('prompt:template:loop', {
      template: '{% for i in range(10**9) %}{{ i }}{% endfor %}{{ name }}',
    });
    await storeRaw('prompt:template:stale', { template: '{{ other }}' });
    await storeRaw('prompt:template:syntax', { template: '{% endfor %}' });

    await expect(lore.templates.render('loop', { name: 1 })).rejects.toMatchObject({ code: 'too_large' });
    await expect(lore.templates.render('stale')).rejects.toThrow(/missing: name, other/);
    await expect(lore.templates.render('syntax', { name: 1 })).rejects.toMatchObject({
      code: 'parse_failed',
    });
  });

  it('that cannot be read name their key and hide no others', async () => {
    await storeRaw('prompt:template:broken', { required_variables: 'name' });
    await database.send(['LPUSH', 'prompt:template:list', 'x']);

    await expect(lore.templates.get('broken')).rejects.toMatchObject({ key: 'prompt:template:broken' });
    await expect(lore.templates.save('list', { template: 'x' })).rejects.toMatchObject({
      ...{ code: 'record_invalid', key: 'prompt:template:list' },
    });
    const { items, unreadable } = await lore.templates.list();
    expect(unreadable.map(({ key }) => key)).toEqual(['prompt:template:broken', 'prompt:template:list']);
    expect(items.length).toBeGreaterThan(3);
  });
});
