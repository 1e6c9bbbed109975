import { expect, test } from 'vitest';
import { makeDocx } from '../../support/make-docx.ts';
import { makePdf } from '../../support/make-pdf.ts';
import { makeZip } from '../../support/make-zip.ts';
import { blocksOf, parseAll, parseOne } from '../../support/parse-text.ts';

test('a PDF gives paragraphs with their pages, broken words joined and headings by their size', async () => {
  const document = await parseOne(
    'guide.pdf',
    makePdf([
      [
        '# The guide',
        '',
        'A paragraph that goes',
        'over two lines with a hy-',
        'phen in it.',
        '',
        'Another one.',
      ],
      ['## On page two', 'Its text (with brackets).'],
    ]),
  );
  expect(document.contentType).toBe('pdf');
  expect(document.title).toBe('The guide');
  expect(document.metadata).toEqual({ page_count: 2 });
  expect(document.blocks.map(({ page }) => page)).toEqual([1, 1, 1, 2, 2]);
  expect(document.blocks.at(-1)?.headings).toEqual(['The guide', 'On page two']);
  expect(blocksOf(document)).toEqual([
    ['heading', 'The guide'],
    ['paragraph', 'A paragraph that goes over two lines with a hyphen in it.'],
    ['paragraph', 'Another one.'],
    ['heading', 'On page two'],
    ['paragraph', 'Its text (with brackets).'],
  ]);
});

test("a PDF's own title counts unless it is a file name or a placeholder", async () => {
  const pages = [['Text of the page.']];
  expect((await parseOne('a.pdf', makePdf(pages, { title: 'Annual report' }))).title).toBe('Annual report');
  expect((await parseOne('a.pdf', makePdf(pages, { title: 'Microsoft Word - x.doc' }))).title).toBe('a');
  expect((await parseOne('a.pdf', makePdf(pages, { title: 'untitled' }))).title).toBe('a');
});

test('headers, footers and page numbers that repeat are left out of a PDF', async () => {
  const pages = [1, 2, 3, 4, 5].map((page) => [
    'The running header',
    '',
    `What page ${page} says.`,
    '',
    `Page ${page}`,
  ]);
  const { text } = await parseOne('a.pdf', makePdf(pages));
  expect(text).not.toContain('running header');
  expect(text).not.toMatch(/^Page \d$/m);
  expect(text).toContain('What page 3 says.');
});

test('a PDF without text is passed over and a damaged or encrypted one is a problem', async () => {
  const [scan] = await parseAll('scan.pdf', makePdf([[], []]));
  expect(scan).toMatchObject({ status: 'skipped', reason: /scan/ });
  const whole = makePdf([['Text']]);
  const [damaged] = await parseAll('a.pdf', '%PDF-1.7\nnothing that a PDF holds');
  expect(damaged).toMatchObject({ status: 'failed', code: 'parse_failed', reason: /damaged/ });
  const encrypted = whole
    .toString('latin1')
    .replace(
      '/Info 4 0 R',
      `/Info 4 0 R /ID [<${'00'.repeat(16)}> <${'00'.repeat(16)}>] /Encrypt << /Filter /Standard /V 1 /R 2 /P -4 /O <${'11'.repeat(32)}> /U <${'22'.repeat(32)}> >>`,
    );
  const [locked] = await parseAll('a.pdf', Buffer.from(encrypted, 'latin1'));
  expect(locked).toMatchObject({ status: 'failed', code: 'parse_failed', reason: /password/ });
});

test('a Word document keeps headings, lists and tables', async () => {
  const document = await parseOne(
    'a.docx',
    makeDocx([
      { heading: 'Title & more' },
      'A paragraph.',
      { list: ['one', 'two'] },
      { heading: 'Part', level: 2 },
      {
        table: [
          ['key', 'value'],
          ['a', '1'],
        ],
      },
    ]),
  );
  expect(document).toMatchObject({ contentType: 'docx', title: 'Title & more' });
  expect(document.blocks.at(-1)?.headings).toEqual(['Title & more', 'Part']);
  expect(blocksOf(document)).toEqual([
    ['heading', '# Title & more'],
    ['paragraph', 'A paragraph.'],
    ['list-item', '- one'],
    ['list-item', '- two'],
    ['heading', '## Part'],
    ['table-row', '| key | value |'],
    ['table-row', '| a | 1 |'],
  ]);
});

test('a damaged Word document, or a zip of that name, is a problem; another zip is passed over', async () => {
  const whole = makeDocx(['Text']);
  const broken = makeZip({ 'word/document.xml': '<w:document><w:body><w:p>' });
  expect((await parseAll('a.docx', broken))[0]).toMatchObject({ status: 'failed', code: 'parse_failed' });
  expect((await parseAll('a.docx', whole.subarray(0, whole.length / 2)))[0]).toMatchObject({
    status: 'failed',
  });
  const zip = makeZip({ 'a.txt': 'text' });
  expect((await parseAll('a.docx', zip))[0]).toMatchObject({ status: 'failed', code: 'parse_failed' });
  expect((await parseAll('a.zip', zip))[0]).toMatchObject({ status: 'skipped', code: 'unsupported_type' });
});

test('a Word document that unpacks to far more than it weighs is refused', async () => {
  const bomb = makeZip({ 'word/document.xml': Buffer.alloc(100 * 2 ** 20, 0x20) }, { deflate: true });
  expect(bomb.length).toBeLessThan(2 ** 20);
  expect((await parseAll('a.docx', bomb))[0]).toMatchObject({ status: 'failed', code: 'too_large' });
});
