import { expect, test } from 'vitest';
import { scanMarkdown } from '../../../src/ingest/parse/scan-markdown.ts';
import { blocksOf, parseAll, parseOne } from '../../support/parse-text.ts';

test('front matter becomes title and metadata, and its reserved keys are renamed', async () => {
  const document = await parseOne(
    'a.md',
    '---\ntitle: The title\ndate: 2024-01-05\ntags: [a, b]\nsource: elsewhere\npage: 3\n---\n\n# Heading\n\nText.\n',
  );
  expect(document.title).toBe('The title');
  expect(document.metadata).toEqual({
    date: '2024-01-05',
    tags: ['a', 'b'],
    document_source: 'elsewhere',
    document_page: 3,
  });
  expect(document.text).toBe('# Heading\n\nText.\n');
});

test('a rule at the beginning is not front matter', async () => {
  const text = '---\n\nA paragraph between rules.\n\n---\n\nAnother.\n';
  expect((await parseOne('a.md', text)).text).toBe(text);
});

test('front matter that is not valid YAML is a problem that says so', async () => {
  const [problem] = await parseAll('a.md', '---\ntitle: [a\nother: b\n---\nText');
  expect(problem).toMatchObject({
    status: 'failed',
    code: 'parse_failed',
    reason: /front matter is not valid YAML/,
  });
});

test('an alias bomb in front matter is refused', async () => {
  const levels = 'bcdefghij'
    .split('')
    .map((name, index) => `${name}: &${name} [${`*${'abcdefghi'[index]}, `.repeat(9)}]`);
  const [problem] = await parseAll('a.md', `---\na: &a [x]\n${levels.join('\n')}\n---\nText`);
  expect(problem).toMatchObject({ status: 'failed', code: 'parse_failed' });
});

test('headings of both kinds give the path of what follows', async () => {
  const { blocks, title } = await parseOne(
    'a.md',
    'Before.\n\nTop\n===\n\n## Two `a<b>` [link](https://example.org) **bold** ##\n\nText\n\nNext\n----\n\nMore\n\n# Other\nEnd',
  );
  expect(blocks.map(({ kind, headings }) => [kind, ...headings])).toEqual([
    ['paragraph'],
    ['heading', 'Top'],
    ['heading', 'Top', 'Two a<b> link bold'],
    ['paragraph', 'Top', 'Two a<b> link bold'],
    ['heading', 'Top', 'Next'],
    ['paragraph', 'Top', 'Next'],
    ['heading', 'Other'],
    ['paragraph', 'Other'],
  ]);
  expect(title).toBe('Top');
});

test('code fences, tables, lists, quotes and HTML each give their own blocks', async () => {
  const document = await parseOne(
    'a.md',
    [
      '- one\n  goes on\n\n  with a second paragraph\n- two\n  1. nested\n  2. ```js\n     # no heading\n     ```\n',
      '```sh\n# no heading\n\nls\n```\n',
      '~~~\n```\n~~~\n',
      'Ahead of the table\n| a | b |\n|---|:-:|\n| 1 | `x\\|y` |\n| 2 | |\n',
      '> a quote\n> # of two lines\nlazily continued\n',
      '<!-- a comment\n\n# hidden\n-->\n<div>\n# html\n</div>\n',
      '    indented\n\n    code\n\n***\n\n[ref]: https://example.org "A title"\n\nEnd  \n',
    ].join('\n'),
  );
  expect(blocksOf(document)).toEqual([
    ['list-item', '- one\n  goes on\n\n  with a second paragraph'],
    ['list-item', '- two'],
    ['list-item', '1. nested'],
    ['code', '2. ```js\n     # no heading\n     ```'],
    ['code', '```sh\n# no heading\n\nls\n```'],
    ['code', '~~~\n```\n~~~'],
    ['paragraph', 'Ahead of the table'],
    ['table-row', '| a | b |\n|---|:-:|'],
    ['table-row', '| 1 | `x\\|y` |'],
    ['table-row', '| 2 | |'],
    ['quote', '> a quote\n> # of two lines\nlazily continued'],
    ['paragraph', '<div>\n# html\n</div>'],
    ['code', '    indented\n\n    code'],
    ['paragraph', 'End'],
  ]);
});

test('a title comes from the front matter, the first heading, a centred HTML heading or the file name', async () => {
  expect((await parseOne('notes.md', '## Only a second level\n')).title).toBe('notes');
  expect((await parseOne('a.md', '<h1 align="center"><b>Read</b> me</h1>\n\nText')).title).toBe('Read me');
  expect((await parseOne('a.md', '---\ntitle: 2024\n---\n# H')).title).toBe('2024');
});

test('line ends, byte order mark and combining characters are normalised before offsets are taken', async () => {
  const document = await parseOne('a.md', '\ufeff# Cafe\u0301\r\n\r\nOne\rTwo \0');
  expect(document.text).toBe('# Caf\u00e9\n\nOne\nTwo ');
  expect(blocksOf(document)).toEqual([
    ['heading', '# Caf\u00e9'],
    ['paragraph', 'One\nTwo'],
  ]);
});

test.each([
  ['quotes', '> '.repeat(10_000)],
  ['lists on one line', '- '.repeat(50_000)],
  ['lists on many lines', Array.from({ length: 1_000 }, (_, depth) => `${'  '.repeat(depth)}- x`).join('\n')],
  ['brackets', `# ${'['.repeat(50_000)}`],
  ['backticks', '`'.repeat(100_000)],
  ['table cells', `${'|'.repeat(50_000)}\n${'|-'.repeat(50_000)}`],
  ['front matter', `---\na: ${'['.repeat(20_000)}\n---\nx`],
])('deeply nested or endless %s end in a document or a problem', async (_, content) => {
  const given = await parseAll('a.md', `${content}x\n`);
  expect(given).toHaveLength(1);
});

test('the work grows with the length of the text only', () => {
  const section =
    '# Heading\n\nA paragraph of text.\n\n- item\n- item\n\n```\ncode\n```\n\n| a |\n|---|\n| 1 |\n\n';
  const { blocks } = scanMarkdown(section.repeat(50_000));
  expect(blocks).toHaveLength(7 * 50_000);
});
