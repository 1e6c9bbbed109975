import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openTestLore } from '../support/lore.ts';
import { usePrivateRedis } from '../support/redis.ts';
import { type CliOptions, jsonOf, runCli } from '../support/run-cli.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const redis = usePrivateRedis();

const run = (args: string[], options: CliOptions = {}) =>
  runCli(args, { env: { STACKLORE_HOME: `${redis.dir}/home`, REDIS_URL: redis.url }, ...options });
const json = async (args: string[], options: CliOptions = {}) => {
  const result = await run([...args, '--json'], options);
  expect(result).toMatchObject({ exitCode: 0, stderr: '' });
  return jsonOf(result);
};

describe('prompts', () => {
  it('of the system are saved, rendered, listed, rolled back and deleted', async () => {
    const content = ['--content', 'You help {{user}}.'];
    expect(await json(['prompts', 'save', 'chat', ...content, '--description', 'Default'])).toMatchObject({
      ...{ promptName: 'chat', outcome: 'created', version: '1.0.0', variables: ['user'] },
    });
    await json(['prompts', 'save', 'chat', '--content', 'Hi', '--set-version', '2.0.0']);
    expect(await json(['prompts', 'rollback', 'chat', '1.0.0'])).toMatchObject({ version: '2.0.1' });

    expect((await run(['prompts', 'render', 'chat', '--var', 'user=Ada=x'])).stdout).toBe(
      'You help Ada=x.\n',
    );
    expect(await json(['prompts', 'render', 'chat', '--vars', '{"user":7}'])).toEqual({
      name: 'chat',
      text: 'You help 7.',
    });
    expect(await json(['prompts', 'list'])).toMatchObject({ total: 1, items: [{ promptName: 'chat' }] });
    expect((await run(['prompts', 'history', 'chat'])).stdout).toMatch(/2\.0\.1.*2\.0\.0.*1\.0\.0/s);
    const first = await run(['prompts', 'show', 'chat', '--version', '1.0.0']);
    expect(first).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/^version: 1\.0\.0\n/) });
    const none = await run(['prompts', 'show', 'chat', '--version', '9.9.9']);
    expect(none).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('no version "9.9.9"') });
    expect(await run(['prompts', 'show', 'x', '--kind', 'template', '--version', '1.0.0'])).toMatchObject({
      exitCode: 2,
    });
    expect((await run(['prompts', 'show', 'chat'])).stdout).toMatch(/version: 2\.0\.1.*You help/s);
    expect(await json(['prompts', 'delete', 'chat'])).toEqual({ kind: 'system', deleted: ['chat'] });
    expect(await run(['prompts', 'show', 'chat'])).toMatchObject({ exitCode: 1 });
  });

  it('that are templates are saved from standard input or a file, and rendered', async () => {
    const kind = ['--kind', 'template'];
    const rest = ['--category', 'lists', '--examples', '[{"xs":["a"]}]', '--variables', 'xs'];
    const input = '{% for x in xs %}- {{ x }}\n{% endfor %}';
    expect(
      await json(['prompts', 'save', 'list', ...kind, '--file', '-', ...rest], {
        input,
        env: { STACKLORE_HOME: `${redis.dir}/home`, REDIS_URL: redis.url },
      }),
    ).toMatchObject({
      ...{ outcome: 'created', category: 'lists', examples: [{ xs: ['a'] }], requiredVariables: ['xs'] },
    });
    const rendered = await run(['prompts', 'render', 'list', ...kind, '--vars', '{"xs":["a","b"]}']);
    expect(rendered.stdout).toBe('- a\n- b\n\n');
    expect((await run(['prompts', 'list', ...kind, '--category', 'lists'])).stdout).toMatch(
      /list +lists +xs/,
    );

    const file = join(temporaryFolder(), 'endless.jinja');
    writeFileSync(file, '{% for i in range(10**9) %}x{% endfor %}');
    await json(['prompts', 'save', 'endless', ...kind, '--file', file]);
    const endless = await run(['prompts', 'render', 'endless', ...kind, '--json']);
    expect(endless.exitCode).toBe(2);
    expect(jsonOf(endless)).toMatchObject({ error: { code: 'too_large' } });
  });

  it('of users are private unless saved with --public', async () => {
    const of = ['--kind', 'user', '--user', 'ada'];
    await json(['prompts', 'save', 'secret', ...of, '--content', 'Mine']);
    await json(['prompts', 'save', 'open', ...of, '--content', 'Ours', '--public']);

    expect(await json(['prompts', 'list', ...of, '--as', 'eve'])).toMatchObject({ total: 1 });
    expect(await json(['prompts', 'show', 'open', ...of, '--as', 'eve'])).toMatchObject({ content: 'Ours' });
    const refused = await run(['prompts', 'show', 'secret', ...of, '--as', 'eve', '--json']);
    expect(jsonOf(refused)).toMatchObject({ error: { code: 'not_found' } });
    await json(['prompts', 'delete', 'open', 'secret', ...of]);
  });

  it('are deleted all or none, broken ones too', async () => {
    for (const name of ['first', 'second']) await json(['prompts', 'save', name, '--content', name]);
    const database = openTestLore(redis).databases.prompts;
    await database.send(['HSET', 'prompt:system:second', 'variables', 'broken']);

    expect((await run(['prompts', 'delete', 'first', 'nowhere'])).exitCode).toBe(1);
    expect(await json(['prompts', 'delete', 'first', 'second'])).toMatchObject({
      deleted: ['first', 'second'],
    });
  });

  it('of templates are saved with a note about examples that do not fit', async () => {
    const saved = await run([
      ...[
        'prompts',
        'save',
        'noted',
        '--kind',
        'template',
        '--content',
        '{{ a }}',
        '--examples',
        '[{"b":1}]',
      ],
    ]);
    expect(saved).toMatchObject({ exitCode: 0, stderr: expect.stringContaining('Note: Example 1 cannot') });
  });

  it('are exported and imported, a bad file giving exit code 1', async () => {
    const folder = temporaryFolder();
    await json(['prompts', 'save', 'moved', '--content', 'Hi {{a}}']);
    expect(await json(['prompts', 'export', folder, '--kind', 'system'])).toMatchObject({ created: 1 });
    expect(readFileSync(join(folder, 'system/moved.md'), 'utf8')).toMatch(
      /^---\nname: moved\n.*---\nHi \{\{a\}\}$/s,
    );
    await json(['prompts', 'delete', 'moved']);

    const dry = await run(['prompts', 'import', folder, '--dry-run']);
    expect(dry.stdout).toMatch(/created system\/moved\.md\nWould be: 1 created/);
    expect(await json(['prompts', 'import', folder])).toMatchObject({ created: 1, dryRun: false });
    writeFileSync(join(folder, 'system/bad.md'), '---\nversion: one\n---\nHi');
    const imported = await run(['prompts', 'import', folder]);
    expect(imported.exitCode).toBe(1);
    expect(imported.stdout).toMatch(/failed system\/bad\.md: "one" is not a semantic version/);
  });

  it.each([
    ['save x', 'either --content or --file'],
    ['save x --content a --file b', 'either --content or --file'],
    ['save x --file /nowhere/x', 'cannot be read'],
    ['save x --content {{a}} --variables b', 'used but not declared: a'],
    ['save x --kind template --content x --examples {}', 'must be a JSON array'],
    ['save x --content a --category b', '--category is not for prompts of kind system'],
    ['save x --kind template --content a --expected-version 1.0.0', '--expected-version is not for'],
    ['save x --kind user --user u --content a --public --private', 'exclude each other'],
    ['delete moved --user u', '--user is not for prompts of kind system'],
    ['list --as u', '--as is not for prompts of kind system'],
    ['show x --kind user', 'Give one with --user'],
    ['list --kind nothing', '--kind'],
    ['render moved', 'missing: a'],
    ['render moved --var a', 'Write --var name=value'],
    ['render x --kind user', '--kind'],
    ['rollback moved 9.0.0', 'has no version "9.0.0"'],
    ['import /nowhere', 'cannot be read'],
  ])('say what is wrong with: %s', async (line, message) => {
    const { exitCode, stderr, stdout } = await run(['prompts', ...line.split(' ')]);
    expect(exitCode).not.toBe(0);
    expect(stderr).toContain(message);
    expect(stdout).toBe('');
  });
});
