import { expect, test } from 'vitest';
import { makePdf } from '../../support/make-pdf.ts';
import { blocksOf, parseAll, parseOne } from '../../support/parse-text.ts';

const PNG = Buffer.from('89504e470d0a1a0a0000000d494844520000000100000001', 'hex');

test('content decides before the extension does', async () => {
  const pdf = makePdf([['A page of text.']]);
  expect((await parseOne('notes.md', pdf)).contentType).toBe('pdf');
  expect(
    (await parseOne('notes.txt', '<!DOCTYPE html><html><body><p>Text</p></body></html>')).contentType,
  ).toBe('html');
  expect((await parseOne('page', '<p>x</p>', { mediaType: 'text/html' })).contentType).toBe('html');
  expect((await parseOne('README', '# A heading\n\nText')).contentType).toBe('markdown');
  expect((await parseOne('run', '#!/bin/sh\n# comment\nls\n')).contentType).toBe('code');
  expect((await parseOne('stdin', 'a,text\n1,x\n', { contentType: 'csv' })).contentType).toBe('csv');
});

test('a file that is not what its name says and cannot be recognised is a problem', async () => {
  expect(await parseAll('a.pdf', 'plain text')).toMatchObject([
    { status: 'failed', code: 'parse_failed', reason: /no PDF/ },
  ]);
  expect(await parseAll('a.docx', 'plain text')).toMatchObject([{ status: 'failed', code: 'parse_failed' }]);
  const oldWord = Buffer.concat([Buffer.from('d0cf11e0a1b11ae1', 'hex'), Buffer.alloc(600)]);
  expect(await parseAll('a.docx', oldWord)).toMatchObject([{ status: 'failed', reason: /password/ }]);
});

test('binaries, empty files and files without text are passed over with a reason', async () => {
  expect(await parseAll('a.png', PNG)).toMatchObject([
    { status: 'skipped', code: 'unsupported_type', reason: /image\/png/ },
  ]);
  expect(await parseAll('a.md', PNG)).toMatchObject([{ status: 'skipped', code: 'unsupported_type' }]);
  expect(await parseAll('a.bin', Buffer.from([1, 2, 0, 3]))).toMatchObject([
    { status: 'skipped', reason: /binary/ },
  ]);
  expect(await parseAll('a.txt', '{\\rtf1 x}')).toMatchObject([{ status: 'skipped', reason: /RTF/ }]);
  expect(await parseAll('a.txt', '')).toMatchObject([{ status: 'skipped', reason: /empty/ }]);
  for (const name of ['a.txt', 'a.md', 'a.html', 'a.csv', 'a.json', 'a.ts']) {
    expect(await parseAll(name, ' \n\t\n')).toMatchObject([{ status: 'skipped', code: 'invalid_input' }]);
  }
});

test('invalid UTF-8 is a problem that names the line, and another encoding can be given', async () => {
  const latin = Buffer.from('one\ncaf\u00e9 au lait', 'latin1');
  expect(await parseAll('a.txt', latin)).toMatchObject([
    { status: 'failed', code: 'parse_failed', reason: /line 2.*--encoding/ },
  ]);
  expect((await parseOne('a.txt', latin, { encoding: 'latin1' })).text).toBe('one\ncaf\u00e9 au lait');
  expect(await parseAll('a.txt', 'x', { encoding: 'nonsense' })).toMatchObject([{ code: 'invalid_input' }]);
  expect(await parseAll('a.png', PNG, { encoding: 'latin1' })).toMatchObject([{ code: 'unsupported_type' }]);
});

test('UTF-16 is read by its byte order mark', async () => {
  const text = Buffer.from('\ufeffcaf\u00e9\r\nau lait', 'utf16le');
  expect((await parseOne('a.txt', text)).text).toBe('caf\u00e9\nau lait');
  expect((await parseOne('a.txt', Buffer.from(text).swap16())).text).toBe('caf\u00e9\nau lait');
  const cut = text.subarray(0, text.length - 1);
  expect(await parseAll('a.txt', cut)).toMatchObject([{ status: 'failed', code: 'parse_failed' }]);
});

test('plain text gives a block for each paragraph, and source code one for each construct', async () => {
  const text = await parseOne('a.txt', '\n  One\ngoes on.  \n\n \nTwo\n');
  expect(blocksOf(text)).toEqual([
    ['paragraph', 'One\ngoes on.'],
    ['paragraph', 'Two'],
  ]);
  const code = await parseOne(
    'tool.py',
    'import os\n\nclass A:\n    def f(self):\n\n        return 1\n\ndef g():\n    pass\n',
  );
  expect(code).toMatchObject({ contentType: 'code', title: 'tool.py', metadata: { language: 'python' } });
  expect(blocksOf(code)).toEqual([
    ['code', 'import os'],
    ['code', 'class A:\n    def f(self):\n\n        return 1'],
    ['code', 'def g():\n    pass'],
  ]);
});

test('words are counted by white space, and characters of scripts without spaces one by one', async () => {
  expect((await parseOne('a.txt', "It's  two-part – 3 words & more")).wordCount).toBe(5);
  expect((await parseOne('a.txt', '東京は日本 の capital')).wordCount).toBe(7);
});

test('text that UTF-8 cannot carry is mended', async () => {
  const [document] = await parseAll('a.jsonl', '{"text":"a\\ud800b \\u0000c"}');
  expect(document).toMatchObject({ text: 'a\ufffdb c' });
});
