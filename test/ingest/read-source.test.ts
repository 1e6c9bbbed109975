import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { parseSource } from '../../src/ingest/parse/parse-source.ts';
import { listSources, type ReadOptions, readSource, type SourceRef } from '../../src/ingest/read-source.ts';
import type { SourceProblem } from '../../src/ingest/source.ts';
import { startLoopbackServer } from '../support/loopback-server.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

function folderWith(files: Readonly<Record<string, string | Buffer>>): string {
  const folder = temporaryFolder();
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
  return folder;
}

async function list(
  inputs: readonly string[],
  options: ReadOptions = {},
): Promise<(SourceRef | SourceProblem)[]> {
  const listed: (SourceRef | SourceProblem)[] = [];
  for await (const item of listSources(inputs, options)) listed.push(item);
  return listed;
}

/** The listed files relative to a folder; problems as they are. */
async function names(
  folder: string,
  inputs: readonly string[] = ['.'],
  options: ReadOptions = {},
): Promise<unknown[]> {
  const listed = await list(inputs, { cwd: folder, ...options });
  return listed.map((item) => ('kind' in item ? item.location.replace(`${folder}/`, '') : item));
}

test('a folder is listed with everything below it, in the order of names, without hidden files', async () => {
  const folder = folderWith({
    'b.md': 'b',
    'a/z.txt': 'z',
    'a/b/c.md': 'c',
    '.hidden/x.md': 'x',
    '.env': 'SECRET=1',
    'node_modules/p/readme.md': 'p',
    'a/node_modules/q/readme.md': 'q',
  });
  expect(await names(folder)).toEqual(['a/b/c.md', 'a/z.txt', 'b.md']);
  expect(await names(folder, ['node_modules/p', 'b.md', './b.md', 'b/../a/'])).toEqual([
    'node_modules/p/readme.md',
    'b.md',
    'a/b/c.md',
    'a/z.txt',
  ]);
});

test('.gitignore is followed on every level and above within a repository, but not for a named file', async () => {
  const folder = folderWith({
    '.git/HEAD': '',
    '.gitignore': '*.log\n/build/\n',
    'docs/.gitignore': 'draft*\n!keep.log\n',
    'docs/a.md': 'a',
    'docs/draft.md': 'd',
    'docs/keep.log': 'k',
    'docs/x.log': 'x',
    'build/out.md': 'o',
    'draft.md': 'd',
  });
  expect(await names(folder)).toEqual(['docs/a.md', 'docs/keep.log', 'draft.md']);
  expect(await names(folder, ['docs'])).toEqual(['docs/a.md', 'docs/keep.log']);
  expect(await names(folder, ['docs/draft.md', 'build'])).toEqual(['docs/draft.md', 'build/out.md']);
  expect(await names(folder, ['docs'], { gitignore: false })).toEqual([
    'docs/a.md',
    'docs/draft.md',
    'docs/keep.log',
    'docs/x.log',
  ]);
  expect(await names(folder, ['**/*.{md,log}'])).toEqual(['docs/a.md', 'docs/keep.log', 'draft.md']);
});

test('a glob gives the files that it matches, and one without match is a problem', async () => {
  const folder = folderWith({ 'a.md': 'a', 'b/c.md': 'c', 'b/d.txt': 'd', 'b/.e.md': 'e', 'odd[1].md': 'o' });
  expect(await names(folder, ['**/*.md'])).toEqual(['a.md', 'b/c.md', 'odd[1].md']);
  expect(await names(folder, ['b/*'])).toEqual(['b/c.md', 'b/d.txt']);
  expect(await names(folder, ['odd[1].md'])).toEqual(['odd[1].md']);
  expect(await names(folder, ['*.pdf'])).toMatchObject([
    { status: 'failed', code: 'source_unreadable', source: '*.pdf', reason: /matches no file/ },
  ]);
});

test('links are followed once, loops end, and broken links are problems', async () => {
  const outside = folderWith({ 'far/x.md': 'x' });
  const folder = folderWith({ 'a/real.md': 'r', 'z.md': 'z' });
  symlinkSync(folder, join(folder, 'a/loop'));
  symlinkSync(join(folder, 'z.md'), join(folder, 'a/again.md'));
  symlinkSync(join(outside, 'far'), join(folder, 'far'));
  symlinkSync(join(folder, 'nowhere'), join(folder, 'broken.md'));
  symlinkSync('self.md', join(folder, 'self.md'));
  expect(await names(folder)).toMatchObject([
    'a/real.md',
    'z.md',
    { source: join(folder, 'broken.md'), status: 'failed', code: 'source_unreadable' },
    'far/x.md',
    { source: join(folder, 'self.md'), status: 'failed', code: 'source_unreadable' },
  ]);
  expect(await names(folder, ['a/again.md', 'broken.md'])).toMatchObject([
    'a/again.md',
    { status: 'failed', reason: /symbolic link to something that does not exist/ },
  ]);
});

test('what does not exist or cannot be reached is a problem that says what to do', async () => {
  const folder = folderWith({ 'a.md': 'a' });
  const problems = await list(['missing.md', 'a.md/b.md', '', `bad\0name`, 'x'.repeat(5_000)], {
    cwd: folder,
  });
  expect(problems).toMatchObject([
    {
      source: join(folder, 'missing.md'),
      status: 'failed',
      code: 'source_unreadable',
      reason: /does not exist/,
    },
    { status: 'failed', code: 'source_unreadable', reason: /a part of the path is a file/ },
    { status: 'failed', code: 'invalid_input' },
    { status: 'failed', code: 'source_unreadable' },
    { status: 'failed', code: 'source_unreadable' },
  ]);
});

test('pipes are passed over and never opened', async () => {
  const folder = folderWith({ 'a.md': 'a' });
  execFileSync('mkfifo', [join(folder, 'pipe.md')]);
  expect(await names(folder)).toMatchObject(['a.md', { status: 'skipped', code: 'unsupported_type' }]);
  expect(await names(folder, ['pipe.md'])).toMatchObject([{ status: 'skipped' }]);
  // A pipe that took a file's place after the listing does not hang the run either.
  const ref = { kind: 'file', source: 'x', location: join(folder, 'pipe.md'), name: 'pipe.md' } as const;
  await expect(readSource(ref)).rejects.toMatchObject({ code: 'source_unreadable' });
});

test('a source is named by its absolute path, or relative to a base above it', async () => {
  const folder = folderWith({ 'docs/a.md': 'a' });
  const [absolute] = await list(['docs'], { cwd: folder });
  expect(absolute).toMatchObject({ source: join(folder, 'docs/a.md'), name: 'a.md' });
  expect(await list(['docs'], { cwd: folder, base: '.' })).toMatchObject([{ source: 'docs/a.md' }]);
  expect(await list(['docs'], { cwd: folder, base: 'other' })).toMatchObject([
    { source: join(folder, 'docs/a.md') },
  ]);
});

test('a file is read with its time, and one that vanished or became a folder is unreadable', async () => {
  const folder = folderWith({ 'a.md': 'text', 'b.md': 'text' });
  const [a, b] = (await list(['a.md', 'b.md'], { cwd: folder })) as SourceRef[];
  if (!a || !b) throw new Error('nothing listed');
  const source = await readSource(a);
  expect(source).toMatchObject({ source: a.source, name: 'a.md', bytes: Buffer.from('text') });
  expect(source.modifiedAt).toBeInstanceOf(Date);
  rmSync(a.location);
  await expect(readSource(a)).rejects.toMatchObject({
    code: 'source_unreadable',
    message: expect.stringMatching(/does not exist/),
  });
  rmSync(b.location);
  mkdirSync(b.location);
  await expect(readSource(b)).rejects.toMatchObject({ code: 'source_unreadable' });
});

test('a file above the limit is refused with the flag that raises it', async () => {
  const folder = folderWith({ 'a.md': 'x'.repeat(1_001) });
  const [ref] = (await list(['a.md'], { cwd: folder })) as SourceRef[];
  if (!ref) throw new Error('nothing listed');
  await expect(readSource(ref, { maxBytes: 1_000 })).rejects.toMatchObject({
    code: 'too_large',
    message: expect.stringMatching(/--max-bytes/),
  });
  expect((await readSource(ref, { maxBytes: 1_001 })).bytes).toHaveLength(1_001);
});

test('of a large binary only the beginning is read, which is enough to pass it over', async () => {
  const image = Buffer.concat([
    Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex'),
    Buffer.alloc(1_000_000),
  ]);
  const folder = folderWith({ 'a.png': image });
  const [ref] = (await list(['a.png'], { cwd: folder })) as SourceRef[];
  if (!ref) throw new Error('nothing listed');
  const source = await readSource(ref);
  expect(source.bytes.length).toBeLessThan(100_000);
  expect((await parseSource(source).next()).value).toMatchObject({
    status: 'skipped',
    code: 'unsupported_type',
  });
});

test('standard input is read from the given stream, under the given name and limit', async () => {
  const stdin = (): Readable => Readable.from([Buffer.from('# From '), 'a pipe']);
  const [ref] = (await list(['-'], { stdin: stdin(), stdinName: 'notes.md' })) as SourceRef[];
  expect(ref).toMatchObject({ kind: 'stdin', source: 'notes.md', name: 'notes.md' });
  if (!ref) throw new Error('nothing listed');
  expect((await readSource(ref, { stdin: stdin() })).bytes.toString()).toBe('# From a pipe');
  await expect(readSource(ref, { stdin: stdin(), maxBytes: 5 })).rejects.toMatchObject({ code: 'too_large' });
  await expect(readSource(ref)).rejects.toMatchObject({ code: 'invalid_input' });
});

test('URLs are normalised, and those with a password or another scheme are refused', async () => {
  const listed = await list([
    'HTTPS://Example.ORG:443/Guide/Page.html?b=1#part',
    'https://example.org/Guide/Page.html?b=1',
    'https://example.org',
    'https://user:hunter2@example.org/x',
    'ftp://example.org/x',
    'https://',
  ]);
  expect(listed).toMatchObject([
    { kind: 'url', source: 'https://example.org/Guide/Page.html?b=1', name: 'Page.html' },
    { kind: 'url', source: 'https://example.org/', name: 'example.org' },
    { status: 'failed', code: 'url_refused' },
    { status: 'failed', code: 'url_refused' },
    { status: 'failed', code: 'url_refused' },
  ]);
  expect(JSON.stringify(listed)).not.toContain('hunter2');
});

test('a sitemap gives its pages, those of the sitemaps it names too, and none of other hosts', async () => {
  const url = await startLoopbackServer((request, response) => {
    const loc = (path: string): string => `<url><loc>\n ${url}${path} </loc></url>`;
    const bodies: Record<string, string> = {
      '/sitemap.xml': `<sitemapindex><sitemap><loc>${url}/sitemap-a.xml</loc></sitemap><sitemap><loc>${url}/gone-sitemap.xml</loc></sitemap><sitemap><loc>${url}/sitemap.xml</loc></sitemap></sitemapindex>`,
      '/sitemap-a.xml': `<urlset>${loc('/one?a=1&amp;b=2')}${loc('/two')}${loc('/one?a=1&amp;b=2')}<url><loc>https://example.org/</loc></url>${loc('/three')}</urlset>`,
    };
    const body = bodies[request.url ?? ''];
    response.writeHead(body === undefined ? 404 : 200).end(body);
  });
  expect(await list([`${url}/sitemap.xml`], { allowPrivate: true })).toMatchObject([
    { source: `${url}/one?a=1&b=2` },
    { source: `${url}/two` },
    { source: 'https://example.org/', status: 'skipped', code: 'url_refused' },
    { source: `${url}/three` },
    { source: `${url}/gone-sitemap.xml`, status: 'failed', code: 'fetch_failed' },
  ]);
  expect(await list([`${url}/sitemap-a.xml`], { allowPrivate: true, maxPages: 1 })).toMatchObject([
    { source: `${url}/one?a=1&b=2` },
    { status: 'failed', code: 'too_large', reason: /--max-pages/ },
  ]);
  expect(await list([`${url}/sitemap.xml`])).toMatchObject([{ status: 'failed', code: 'url_refused' }]);
});
