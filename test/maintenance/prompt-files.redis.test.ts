import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import type { PromptFilesReport } from '../../src/maintenance/prompt-files.ts';
import { scanKeys } from '../../src/redis/scan.ts';
import type { Stacklore } from '../../src/stacklore.ts';
import { allKeys, openTestLore } from '../support/lore.ts';
import { usePrivateRedis } from '../support/redis.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const redis = usePrivateRedis();
let opened: Stacklore | undefined;
let lore: Stacklore;
let folder: string;

beforeEach(async () => {
  opened ??= openTestLore(redis);
  lore = opened;
  folder = temporaryFolder();
  await clear();
});

async function clear() {
  for await (const keys of scanKeys(lore.databases.prompts, '*'))
    if (keys.length > 0) await lore.databases.prompts.send(['UNLINK', ...keys]);
}

async function everything() {
  const keys = (await allKeys(lore.databases.prompts, 'prompt:*')).sort();
  const values = await Promise.all(
    keys.map((key) => lore.databases.prompts.send<string[]>(['HGETALL', key])),
  );
  return keys.map((key, at) => [key, pairs(values[at] ?? [])]);
}

function pairs(flat: readonly string[]) {
  return flat.flatMap((name, at) => (at % 2 === 0 ? [[name, flat[at + 1]]] : [])).sort();
}

function put(path: string, text: string | Buffer) {
  mkdirSync(join(folder, path, '..'), { recursive: true });
  writeFileSync(join(folder, path), text);
}

const outcomes = ({ files }: PromptFilesReport) => files.map(({ path, outcome }) => `${outcome} ${path}`);
const errorOf = ({ files }: PromptFilesReport, path: string) =>
  files.find((file) => file.path === path)?.error;

/** Texts that a careless reader of front matter would change. */
const TEXTS = [
  'No end of line',
  '\n\n  Spaces around \n\n',
  '---\nname: x\n---\nlooks like front matter',
  'Windows\r\nlines\r\n',
  '---',
  '\uFEFFbyte order mark, ünïcode 🎉, a\u2028separator',
];

async function fill() {
  for (const [n, content] of TEXTS.entries()) {
    await lore.systemPrompts.save(`text ${n}`, { content, version: `1.${n}.0`, description: content });
    await lore.templates.save(`text ${n}`, {
      template: content,
      category: 'yes',
      examples: [content, { n }, null],
    });
    await lore.userPrompts.save('ada', `text ${n}`, { content, isPrivate: n % 2 === 0 });
  }
  for (const name of [
    '../../etc/passwd',
    '..',
    '.',
    'a/b',
    'a\\b',
    'con:1',
    'true',
    '12',
    '*',
    'ä',
    'x'.repeat(400),
    `${'x'.repeat(399)}y`,
  ]) {
    await lore.systemPrompts.save(name, {
      content: `Hello {{user}} from ${name}`,
      description: '2025-01-15',
    });
    await lore.templates.save(name, { template: '{{ a }}{{ b | default(1) }}' });
    await lore.userPrompts.save(name, name, { content: name });
  }
}

describe('export and import', () => {
  it('give back every prompt as it was, times and versions too', async () => {
    await fill();
    const before = await everything();
    const exported = await lore.maintenance.exportPrompts(folder);
    expect(exported).toMatchObject({ created: before.length, failed: 0 });
    await clear();

    const imported = await lore.maintenance.importPrompts(folder);
    expect(imported).toMatchObject({ created: before.length, updated: 0, unchanged: 0, failed: 0 });
    expect(await everything()).toEqual(before);
  });

  it('say what looks like a mistake in a file', async () => {
    mkdirSync(join(folder, 'templates'), { recursive: true });
    mkdirSync(join(folder, 'system'), { recursive: true });
    writeFileSync(join(folder, 'system/odd.md'), 'Hi {{ user.name }}');
    writeFileSync(join(folder, 'templates/odd.jinja'), '---\nexamples: [{ b: 1 }]\n---\n{{ a }}');
    const { files } = await lore.maintenance.importPrompts(folder);

    expect(files).toEqual([
      expect.objectContaining({ outcome: 'created', warnings: [expect.stringContaining('user.name')] }),
      expect.objectContaining({ outcome: 'created', warnings: [expect.stringContaining('Example 1')] }),
    ]);
  });

  it('keep the files of users from other accounts', async () => {
    await lore.userPrompts.save('ada', 'secret', { content: 'Mine' });
    await lore.maintenance.exportPrompts(folder);

    expect(statSync(join(folder, 'users/ada/secret.md')).mode & 0o077).toBe(0);
  });

  it('change nothing the second time', async () => {
    await fill();
    const { created } = await lore.maintenance.exportPrompts(folder);

    expect(await lore.maintenance.exportPrompts(folder)).toMatchObject({
      created: 0,
      updated: 0,
      unchanged: created,
    });
    expect(await lore.maintenance.importPrompts(folder)).toMatchObject({
      created: 0,
      updated: 0,
      unchanged: created,
    });
  });

  it('do nothing in a dry run but tell', async () => {
    await lore.systemPrompts.save('one', { content: 'One' });
    await lore.userPrompts.save('ada', 'one', { content: 'One' });
    expect(await lore.maintenance.exportPrompts(folder, { dryRun: true })).toMatchObject({
      dryRun: true,
      created: 2,
    });
    expect(readdirSync(folder)).toEqual([]);

    await lore.maintenance.exportPrompts(folder);
    await lore.userPrompts.save('ada', 'one', { content: 'Two' });
    await lore.systemPrompts.delete('one');
    const told = await lore.maintenance.importPrompts(folder, { dryRun: true });
    expect(outcomes(told)).toEqual(['created system/one.md', 'updated users/ada/one.md']);
    expect(await lore.systemPrompts.find('one')).toBeUndefined();
    expect(await lore.userPrompts.get('ada', 'one')).toMatchObject({ content: 'Two' });
  });

  it('never leave the folder, whatever the names are', async () => {
    await fill();
    const inner = join(folder, 'inner');
    const { files } = await lore.maintenance.exportPrompts(inner);

    expect(readdirSync(folder)).toEqual(['inner']);
    expect(readdirSync(inner).sort()).toEqual(['system', 'templates', 'users']);
    for (const { path } of files) expect(path).not.toMatch(/(^|\/)\.\.?(\/|$)/);
  });
});

describe('import', () => {
  it('takes files written by hand, with names of the file or of the front matter', async () => {
    put('system/greeting.md', 'Hello {{name}}');
    put('system/other%2Fname.md', '---\ndescription: Windows\r\n---\r\nHello');
    put('templates/list.j2', '---\nname: A list\ncategory: lists\n---\n{% for x in xs %}{{ x }}{% endfor %}');
    put('users/ada/notes.md', '---\nis_private: false\n---\nNotes');
    put('README.md', 'Not a prompt');
    put('system/notes.txt', 'Not a prompt');

    const report = await lore.maintenance.importPrompts(folder);
    expect(report).toMatchObject({ created: 4, failed: 0 });
    expect(await lore.systemPrompts.get('greeting')).toMatchObject({ version: '1.0.0', variables: ['name'] });
    expect(await lore.systemPrompts.get('other/name')).toMatchObject({ content: 'Hello' });
    expect(await lore.templates.get('A list')).toMatchObject({
      category: 'lists',
      requiredVariables: ['xs'],
    });
    expect(await lore.userPrompts.get('ada', 'notes')).toMatchObject({ isPrivate: false });
  });

  it('reports each bad file and goes on', async () => {
    put('system/a-version.md', '---\nversion: two\n---\nHi');
    put('system/b-yaml.md', '---\nname: [\n---\nHi');
    put('system/c-number.md', '---\nname: 12\n---\nHi');
    put('system/d-empty.md', '');
    put('system/e-bytes.md', Buffer.from([0xff, 0xfe, 0x41]));
    put('system/f%zz.md', 'Hi');
    put('system/g-variables.md', '---\nvariables: [b]\n---\n{{a}}');
    put('system/h-time.md', '---\ncreated_at: yesterday\n---\nHi');
    put('system/i-large.md', 'x'.repeat(1_000_001));
    put('system/j-twin.md', '---\nname: z-good\n---\nHi');
    put('system/k-list.md', '---\n- a\n---\nHi');
    put('system/z-good.md', 'Hi');
    put('templates/syntax.jinja', '{% if %}');
    put('templates/endless.jinja', `{{ ${'('.repeat(40_000)} }}`);
    put('users/ada/private.md', '---\nis_private: perhaps\n---\nHi');
    put('users/ada/good.md', 'Hi');

    const report = await lore.maintenance.importPrompts(folder);
    expect(report).toMatchObject({ created: 2, failed: 14 });
    expect(errorOf(report, 'system/a-version.md')).toMatch(/"two" is not a semantic version/);
    expect(errorOf(report, 'system/b-yaml.md')).toMatch(/front matter cannot be used/);
    expect(errorOf(report, 'system/c-number.md')).toMatch(/"name" is not text: put it in quotes/);
    expect(errorOf(report, 'system/e-bytes.md')).toMatch(/not UTF-8/);
    expect(errorOf(report, 'system/f%zz.md')).toMatch(/percent-encoded/);
    expect(errorOf(report, 'system/h-time.md')).toMatch(/"created_at"/);
    expect(errorOf(report, 'system/z-good.md')).toMatch(/names the same prompt as system\/j-twin\.md/);
    expect(errorOf(report, 'templates/endless.jinja')).toMatch(/more than a template may have/);
    expect(errorOf(report, 'users/ada/private.md')).toMatch(/"is_private" is neither true nor false/);
  });

  it('refuses what does not follow the stored version, and takes what does', async () => {
    await lore.systemPrompts.save('one', { content: 'One', version: '2.0.0' });
    put('system/one.md', '---\nversion: 1.9.0\n---\nOlder');
    expect(errorOf(await lore.maintenance.importPrompts(folder), 'system/one.md')).toMatch(
      /does not follow 2\.0\.0/,
    );

    put('system/one.md', '---\nversion: 2.1.0\n---\nNewer');
    expect(outcomes(await lore.maintenance.importPrompts(folder))).toEqual(['updated system/one.md']);
    expect((await lore.systemPrompts.history('one')).versions.map(({ version }) => version)).toEqual([
      '2.1.0',
      '2.0.0',
    ]);
  });

  it('follows no link and waits for no pipe', async () => {
    put('secret.md', 'Secret');
    mkdirSync(join(folder, 'system'));
    symlinkSync(join(folder, 'secret.md'), join(folder, 'system/link.md'));
    execFileSync('mkfifo', [join(folder, 'system/pipe.md')]);
    symlinkSync('/etc', join(folder, 'users'));

    const report = await lore.maintenance.importPrompts(folder);
    expect(outcomes(report)).toEqual(['failed system/link.md', 'failed system/pipe.md']);
    expect(errorOf(report, 'system/link.md')).toMatch(/a link, which is not followed/);
    expect(await lore.systemPrompts.list()).toMatchObject({ total: 0 });
  });

  it('takes only the kinds asked for', async () => {
    put('system/one.md', 'One');
    put('users/ada/one.md', 'One');

    expect(outcomes(await lore.maintenance.importPrompts(folder, { kinds: ['user'] }))).toEqual([
      'created users/ada/one.md',
    ]);
  });

  it('from a folder that is none is refused', async () => {
    await expect(lore.maintenance.importPrompts(join(folder, 'absent'))).rejects.toMatchObject({
      code: 'source_unreadable',
    });
  });
});

describe('export', () => {
  it('names what cannot be read and writes the rest', async () => {
    await lore.systemPrompts.save('good', { content: 'Hi' });
    await lore.databases.prompts.send(['HSET', 'prompt:system:broken', 'content', 'x']);

    expect(outcomes(await lore.maintenance.exportPrompts(folder))).toEqual([
      'created system/good.md',
      'failed prompt:system:broken',
    ]);
  });

  it('writes through no link', async () => {
    await lore.systemPrompts.save('one', { content: 'One' });
    await lore.templates.save('one', { template: 'One' });
    put('outside/kept.md', 'Kept');
    mkdirSync(join(folder, 'out/system'), { recursive: true });
    symlinkSync(join(folder, 'outside/kept.md'), join(folder, 'out/system/one.md'));
    symlinkSync(join(folder, 'outside'), join(folder, 'out/templates'));

    const report = await lore.maintenance.exportPrompts(join(folder, 'out'));
    expect(outcomes(report)).toEqual(['created system/one.md', 'failed templates/one.jinja']);
    expect(readFileSync(join(folder, 'outside/kept.md'), 'utf8')).toBe('Kept');
    expect(readdirSync(join(folder, 'outside'))).toEqual(['kept.md']);
  });
});
