import { mkdirSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { IngestRequest } from '../../src/ingest/ingest.ts';
import type { IngestReport } from '../../src/ingest/tally.ts';
import type { Stacklore } from '../../src/stacklore.ts';
import { FakeEmbedder } from '../support/fake-embedder.ts';
import { startLoopbackServer } from '../support/loopback-server.ts';
import { openTestLore } from '../support/lore.ts';
import { makeDocx } from '../support/make-docx.ts';
import { makePdf } from '../support/make-pdf.ts';
import { usePrivateRedis } from '../support/redis.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const redis = usePrivateRedis();
let lore: Stacklore;
let folder: string;
let collection: string;
let number = 0;

beforeAll(() => {
  lore = openTestLore(redis);
});
beforeEach(() => {
  folder = temporaryFolder();
  number += 1;
  collection = `wrong${number}`;
  write('good.md', '# Good\n\nThe good file is searchable.\n');
});

const write = (name: string, content: string | Buffer): string => {
  mkdirSync(join(folder, name, '..'), { recursive: true });
  writeFileSync(join(folder, name), content);
  return join(folder, name);
};
const ingest = (more: Partial<IngestRequest> = {}) => lore.ingest({ sources: [folder], collection, ...more });
/** What became of a source, once it is sure that the good file was stored in spite of it. */
const problemOf = async (source: string, report: IngestReport) => {
  expect(report.counts.created).toBe(1);
  expect(report.interrupted).toBe(false);
  const { hits } = await lore.search({ query: 'good file', collection });
  expect(hits.map(({ title }) => title)).toEqual(['Good']);
  expect(report.problems.map((problem) => problem.source)).toEqual([source]);
  return report.problems[0];
};

const PNG = Buffer.from('89504e470d0a1a0a0000000d4948445200000001000000010804000000b51c0c02', 'hex');
const PDF = makePdf([['A page of text.']]);
const DOCX = makeDocx(['A page of text.']);

describe('a file that cannot be read for what it is', () => {
  it.each([
    ['empty.md', '', 'skipped', 'invalid_input', /is empty/],
    ['blank.txt', ' \n\t\n', 'skipped', 'invalid_input', /has no text/],
    ['header.csv', 'title,text\n', 'skipped', 'invalid_input', /no rows/],
    ['picture.txt', PNG, 'skipped', 'unsupported_type', /image\/png/],
    ['binary.md', Buffer.from([0, 1, 2, 3]), 'skipped', 'unsupported_type', /binary/],
    ['text.pdf', 'This is no PDF.', 'failed', 'parse_failed', /no PDF, in spite of its name/],
    ['text.docx', 'This is no DOCX.', 'failed', 'parse_failed', /no Word document/],
    ['cut.pdf', PDF.subarray(0, 200), 'failed', 'parse_failed', /./],
    ['cut.docx', DOCX.subarray(0, DOCX.length / 2), 'failed', 'parse_failed', /./],
    ['broken.json', '{"text": "no end', 'failed', 'parse_failed', /not valid JSON/],
    ['latin1.md', Buffer.from('Ein schöner Tag', 'latin1'), 'failed', 'parse_failed', /--encoding/],
  ] as const)('%s is named with the reason', async (name, content, status, code, reason) => {
    const path = write(name, content);
    const problem = await problemOf(path, await ingest());
    expect(problem).toMatchObject({ status, code, reason: expect.stringMatching(reason) });
  });

  it('is read by its content where only its name is wrong', async () => {
    write('paper.md', PDF);
    expect((await ingest()).counts).toMatchObject({ created: 2, failed: 0 });
    const { hits } = await lore.search({ query: 'a page of text', collection, topK: 1 });
    expect(hits[0]).toMatchObject({ page: 1, text: 'A page of text.' });
  });

  it('may be one line of many, and only that line is left out', async () => {
    const rows = [
      '{"_id":"one","text":"first row"}',
      '{"_id":"two","text":',
      '{"_id":"three","text":"third row"}',
    ];
    write('rows.jsonl', rows.join('\n'));
    const report = await ingest();
    expect(report.counts).toMatchObject({ created: 3, failed: 1 });
    expect(report.problems).toMatchObject([
      { status: 'failed', code: 'parse_failed', source: expect.stringMatching(/rows\.jsonl#2$/) },
    ]);
  });
});

describe('a value that a declared field cannot take', () => {
  it('fails its document alone', async () => {
    const text = 'A row of words.';
    const rows = [
      { _id: `${collection}-decimal`, text: `${text} 1`, year: '2024' },
      { _id: `${collection}-hex`, text: `${text} 2`, year: '0x10' },
      { _id: `${collection}-blank`, text: `${text} 3`, year: ' ' },
      { _id: `${collection}-nul`, text: `${text} 4`, lang: 'en\u0000' },
      { _id: `${collection}-long`, text: `${text} 5`, lang: 'x'.repeat(4_096) },
    ];
    write('rows.jsonl', rows.map((row) => JSON.stringify(row)).join('\n'));
    const fields = [
      { name: 'year', type: 'number' as const },
      { name: 'lang', type: 'tag' as const },
    ];
    const report = await ingest({ settings: { fields } });
    // A cell that is blank says nothing, so its row lacks the field.
    expect(report.counts).toMatchObject({ created: 3, failed: 3 });
    expect(report.problems.map(({ code }) => code)).toEqual(Array(3).fill('invalid_input'));
    const { hits } = await lore.search({ query: text, collection, filter: { year: 2024 } });
    expect(hits.map(({ docId }) => docId)).toEqual([`${collection}-decimal`]);
  });
});

describe('a source that is not there', () => {
  it('is named with what to check', async () => {
    const missing = join(folder, 'missing.md');
    const problem = await problemOf(missing, await ingest({ sources: [missing, folder] }));
    expect(problem).toMatchObject({
      code: 'source_unreadable',
      reason: expect.stringContaining('does not exist'),
    });
  });

  it('because it vanished after it was listed, fails alone', async () => {
    const path = write('a-vanishing.md', '# Vanishing\n');
    const report = await ingest({ onEvent: ({ kind }) => kind === 'listed' && rmSync(path) });
    const problem = await problemOf(path, report);
    expect(problem).toMatchObject({ status: 'failed', code: 'source_unreadable' });
  });

  it('because something unreadable took its place, fails alone', async () => {
    const path = write('a-changing.md', '# Changing\n');
    const onEvent: IngestRequest['onEvent'] = ({ kind }) => {
      if (kind !== 'listed') return;
      rmSync(path);
      mkdirSync(path);
    };
    const problem = await problemOf(path, await ingest({ onEvent }));
    expect(problem).toMatchObject({ status: 'failed', code: 'source_unreadable' });
  });

  it('is no reason to forget what was stored of it', async () => {
    const path = write('a.md', '# Kept\n\nKept text.\n');
    await ingest();
    await ingest({ onEvent: ({ kind }) => kind === 'listed' && rmSync(path, { force: true }) });
    expect(await lore.documents.count(collection)).toBe(2);
  });
});

describe('links', () => {
  it('that lead back to themselves end, and the rest is read', async () => {
    symlinkSync('self.md', join(folder, 'self.md'));
    symlinkSync(folder, join(folder, 'round'));
    const problem = await problemOf(join(folder, 'self.md'), await ingest());
    expect(problem).toMatchObject({
      code: 'source_unreadable',
      reason: expect.stringContaining('leads back to itself'),
    });
  });
});

describe('a text of 100 MB', () => {
  it('is refused without being read, naming the flag', async () => {
    const path = write('huge.txt', 'The beginning of a text. ');
    truncateSync(path, 100_000_000);
    const problem = await problemOf(path, await ingest());
    expect(problem).toMatchObject({
      status: 'failed',
      code: 'too_large',
      reason: expect.stringContaining('--max-bytes'),
    });
  });
});

describe('a URL', () => {
  it('that hangs is left at its deadline', async () => {
    const url = await startLoopbackServer(() => undefined);
    const read = { allowPrivate: true, fetchTimeoutMs: 100 };
    const problem = await problemOf(`${url}/`, await ingest({ sources: [url, folder], read }));
    expect(problem).toMatchObject({
      code: 'fetch_failed',
      reason: expect.stringContaining('longer than 100 ms'),
    });
  });

  it('that redirects for ever is left after a few', async () => {
    const url = await startLoopbackServer((request, response) => {
      response.writeHead(302, { location: `${request.url}x` }).end();
    });
    const read = { allowPrivate: true };
    const problem = await problemOf(`${url}/x`, await ingest({ sources: [`${url}/x`, folder], read }));
    expect(problem).toMatchObject({ code: 'fetch_failed', reason: expect.stringContaining('redirects') });
  });

  it.each([
    'http://127.0.0.1:9/',
    'http://[::1]:9/',
    'http://10.0.0.1/',
    'http://169.254.169.254/latest',
    'http://localhost:9/',
  ])('at a private address is refused, naming the flag: %s', async (url) => {
    const problem = await problemOf(url, await ingest({ sources: [url, folder] }));
    expect(problem).toMatchObject({
      code: 'url_refused',
      reason: expect.stringContaining('--allow-private'),
    });
  });

  it('of another scheme, or with a password, is refused and not repeated', async () => {
    const sources = ['ftp://example.com/a.md', 'http://user:s3cret@example.com/', folder];
    const report = await ingest({ sources });
    expect(report.counts).toMatchObject({ created: 1, failed: 2 });
    expect(JSON.stringify(report)).not.toContain('s3cret');
  });
});

describe('an embedder that does not fit', () => {
  const other = (options: ConstructorParameters<typeof FakeEmbedder>[0]) =>
    openTestLore(redis, {}, { embedder: new FakeEmbedder(options) });

  it('by its dimensions is refused before anything is embedded', async () => {
    await ingest();
    const { weightsSha256 } = new FakeEmbedder().model;
    const embedder = new FakeEmbedder({ dimensions: 32, model: { weightsSha256 } });
    const narrow = openTestLore(redis, {}, { embedder });
    await expect(narrow.ingest({ sources: [folder], collection })).rejects.toMatchObject({
      code: 'dimension_mismatch',
      message: expect.stringMatching(/64-dimension.*32/),
    });
    expect(embedder.embedded).toEqual([]);
    await expect(narrow.search({ query: 'good', collection })).rejects.toMatchObject({
      code: 'manifest_mismatch',
    });
  });

  it('by its model is refused for ingest and for search', async () => {
    await ingest();
    const stranger = other({ model: { name: 'fake/other', weightsSha256: 'f'.repeat(64) } });
    for (const attempt of [
      () => stranger.ingest({ sources: [folder], collection }),
      () => stranger.search({ query: 'good', collection }),
    ]) {
      await expect(attempt()).rejects.toMatchObject({
        code: 'manifest_mismatch',
        message: expect.stringContaining('fake/bag-of-words'),
      });
    }
  });
});
