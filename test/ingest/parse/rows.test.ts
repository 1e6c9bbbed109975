import { expect, test } from 'vitest';
import { blocksOf, parseAll, parseOne } from '../../support/parse-text.ts';

test('each row of a CSV file is a document with its own id, title, text and metadata', async () => {
  const [first, second, third] = await parseAll(
    'data.csv',
    '_ID,Title,TEXT,year,code,empty\nx1,"The ""first""","two\nlines, one cell",2020,007,\n,,only text,1.50,1.5,\nx3,T,t,,,\n',
  );
  expect(first).toMatchObject({
    docId: 'x1',
    source: '/data/data.csv#x1',
    title: 'The "first"',
    text: 'two\nlines, one cell',
    contentType: 'csv',
    metadata: { year: 2020, code: '007' },
  });
  expect(second).toMatchObject({
    source: '/data/data.csv#4',
    title: 'data',
    metadata: { year: '1.50', code: 1.5 },
  });
  expect(second).not.toHaveProperty('docId');
  expect(third).toMatchObject({ docId: 'x3', metadata: {} });
});

test.each([
  ['semicolons', 'id;text\n1;a, b\n'],
  ['tabs', 'id\ttext\n1\ta, b\n'],
  ['commas', '"id","text"\n"1","a, b"\n'],
  ['Windows line ends and a byte order mark', '\ufeffid,text\r\n1,"a, b"\r\n'],
])('a table with %s is understood', async (_, content) => {
  expect(await parseOne('data.csv', content)).toMatchObject({ docId: '1', text: 'a, b' });
});

test('a malformed row is a problem with its line and the others go on', async () => {
  const given = await parseAll(
    'data.csv',
    'id,text\n1,good\n2,"bad"x\n3,too,many\n4,\n5,it said "hi"\n6,"never closed\n7,end\n',
  );
  expect(given.map((item) => ('status' in item ? [item.source, item.status] : item.docId))).toEqual([
    '1',
    ['/data/data.csv#3', 'failed'],
    ['/data/data.csv#4', 'failed'],
    ['/data/data.csv#5', 'skipped'],
    '5',
    ['/data/data.csv#7', 'failed'],
    '7',
  ]);
  expect(given[1]).toMatchObject({ code: 'parse_failed', reason: /^Line 3 / });
});

test('the columns that hold text can be named, and one that is missing is an error', async () => {
  const content = 'question,answer,topic\nWhat?,That.,x\n';
  const document = await parseOne('faq.csv', content, { textColumns: ['question', 'Answer'] });
  expect(blocksOf(document)).toEqual([
    ['paragraph', 'question: What?'],
    ['paragraph', 'answer: That.'],
  ]);
  expect(document.metadata).toEqual({ topic: 'x' });
  expect((await parseAll('faq.csv', content))[0]).toMatchObject({
    code: 'parse_failed',
    reason: /--text-columns/,
  });
  const [unknown] = await parseAll('faq.csv', content, { textColumns: ['nope'] });
  expect(unknown).toMatchObject({
    status: 'failed',
    code: 'invalid_input',
    reason: /"question", "answer", "topic"/,
  });
});

test('a table with a header only is passed over', async () => {
  expect(await parseAll('data.csv', 'id,text\n')).toMatchObject([{ status: 'skipped' }]);
});

test('each line of JSON Lines is a document and a bad line is a problem with its number', async () => {
  const given = await parseAll(
    'data.jsonl',
    '{"_id":"a","title":"T","text":"hello","metadata":{"url":"u"},"source":"s","n":1}\n{bad\n\n{"text":" "}\n[1]\n{"id":7,"text":"end"}',
  );
  expect(given).toMatchObject([
    { docId: 'a', text: 'hello', metadata: { url: 'u', document_source: 's', n: 1 }, contentType: 'jsonl' },
    {
      source: '/data/data.jsonl#2',
      status: 'failed',
      code: 'parse_failed',
      reason: /^Line 2 is not valid JSON/,
    },
    { source: '/data/data.jsonl#4', status: 'skipped' },
    { source: '/data/data.jsonl#5', status: 'failed' },
    { docId: '7', text: 'end' },
  ]);
});

test('an array of objects with text gives rows, whatever the file is called', async () => {
  const content = '[\n {"id": 1, "text": "one"},\n {"id": 2, "body": "none"}\n]';
  for (const name of ['data.json', 'data.jsonl']) {
    expect(await parseAll(name, content)).toMatchObject([
      { docId: '1', contentType: 'json' },
      { status: 'skipped' },
    ]);
  }
  const lines = await parseAll('data.json', '{"text":"one"}\n{"text":"two"}\n');
  expect(lines).toMatchObject([{ contentType: 'jsonl' }, { contentType: 'jsonl' }]);
});

test('other JSON is one document, written out, with a block for each key', async () => {
  const document = await parseOne(
    'settings.json',
    '{"title":"Settings","limits":{"size":[1,2]},"name":"cafe\u0301"}',
  );
  expect(document.title).toBe('Settings');
  expect(JSON.parse(document.text)).toEqual({
    title: 'Settings',
    limits: { size: [1, 2] },
    name: 'caf\u00e9',
  });
  expect(document.blocks.map(({ headings }) => headings)).toEqual([['title'], ['limits'], ['name']]);
  expect(blocksOf(document)[2]).toEqual(['code', '"name": "caf\u00e9"']);
});

test('broken JSON is a problem and so is JSON nested without end', async () => {
  expect(await parseAll('a.json', '{"a":')).toMatchObject([{ status: 'failed', code: 'parse_failed' }]);
  const deep = '['.repeat(10_000) + ']'.repeat(10_000);
  expect(await parseAll('a.json', deep)).toMatchObject([{ status: 'failed', code: 'parse_failed' }]);
  const given = await parseAll('a.jsonl', `{"text":"a","deep":${deep}}\n{"text":"b"}`);
  expect(given).toMatchObject([{ status: 'failed', code: 'parse_failed' }, { text: 'b' }]);
});
