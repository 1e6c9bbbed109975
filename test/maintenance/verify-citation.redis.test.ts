import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import type { CitationInput, VerifyCitationOptions } from '../../src/maintenance/verify-citation.ts';
import type { Citation } from '../../src/search/context.ts';
import type { Stacklore } from '../../src/stacklore.ts';
import { openTestLore } from '../support/lore.ts';
import { usePrivateRedis } from '../support/redis.ts';
import { jsonOf, runCli } from '../support/run-cli.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const redis = usePrivateRedis();
let lore: Stacklore;
let file: string;
let citation: Citation;
/** One for each test: equal texts are stored once. */
let collection: string;
let tests = 0;

const TEXT = '# Sessions\n\nSessions expire after a day.\n\nA visit renews them.\n';

beforeAll(() => {
  lore = openTestLore(redis);
});

beforeEach(async () => {
  file = join(temporaryFolder(), 'sessions.md');
  tests += 1;
  collection = `test${tests}`;
  citation = await cite(TEXT);
});

/** Ingests the file with this text and cites it. */
async function cite(text: string): Promise<Citation> {
  await store(text);
  const { citations } = await lore.context({ query: 'sessions expire', collection });
  expect(citations).toHaveLength(1);
  return citations[0] as Citation;
}

async function store(text: string): Promise<void> {
  writeFileSync(file, text);
  expect((await lore.ingest({ sources: [file], collection })).counts.failed).toBe(0);
}

const statusOf = async (cited: CitationInput, options: VerifyCitationOptions = {}) =>
  (await lore.verifyCitation(cited, options)).status;

describe('a citation of a context', () => {
  it('holds the cited text and the content hash of its document', async () => {
    const document = await lore.documents.get(citation.docId);
    expect(citation.contentHash).toBe(document.hash);
    expect(citation.text).toBe(TEXT.slice(citation.start, citation.end));
  });

  it('is unchanged while its document is', async () => {
    expect(await lore.verifyCitation(citation)).toEqual({
      ...{ docId: citation.docId, status: 'unchanged', comparedWith: 'stored', documentChanged: false },
      ...{ start: citation.start, end: citation.end, contentHash: citation.contentHash },
      reason: 'The stored document holds the cited text.',
    });
    expect(await statusOf(citation, { source: true })).toBe('unchanged');
  });

  it('is unchanged where only what follows has changed, which is told', async () => {
    await store(`${TEXT}\nLogging out ends them.\n`);
    const check = await lore.verifyCitation(citation);
    expect(check).toMatchObject({ status: 'unchanged', documentChanged: true, start: citation.start });
    expect(check.contentHash).not.toBe(citation.contentHash);
  });

  it('has moved where its words stand elsewhere, with their new offsets', async () => {
    const changed = `Written on Monday.\n\n${TEXT.replaceAll('\n\n', '\n\n\n')}`;
    await store(changed);
    for (const source of [false, true]) {
      const check = await lore.verifyCitation(citation, { source });
      expect(check).toMatchObject({ status: 'moved', documentChanged: true });
      expect(changed.slice(check.start, check.end).replaceAll('\n\n\n', '\n\n')).toBe(citation.text.trim());
    }
  });

  it('has changed where its words are no more', async () => {
    await store(TEXT.replace('a day', 'an hour'));
    const check = await lore.verifyCitation(citation);
    expect(check).toMatchObject({ status: 'changed', comparedWith: 'stored', documentChanged: true });
    expect(check).not.toHaveProperty('start');
  });

  it('is gone with its document', async () => {
    await lore.documents.delete(citation.docId);
    expect(await lore.verifyCitation(citation)).toEqual({
      ...{ docId: citation.docId, status: 'gone', comparedWith: 'stored' },
      reason: 'The stored document is gone.',
    });
    // The file is still there, and the citation names it.
    expect(await statusOf(citation, { source: true })).toBe('unchanged');
  });

  it('is found in chunks of other writers, which have no offsets', async () => {
    const document = {
      ...{ docId: 'foreign', title: 'F', source: 'f.md', contentType: 'text', wordCount: 2, hash: 'f' },
    };
    const chunks = [{ text: 'Lakes are deep.' }, { text: 'Hills are high.' }];
    await lore.documents.replace(
      await lore.collections.get(collection),
      document,
      chunks,
      await lore.embedTexts(['a', 'b']),
    );
    const check = await lore.verifyCitation({ docId: 'foreign', text: 'deep. Hills' });
    expect(check).toMatchObject({ status: 'unchanged' });
    expect(check).not.toHaveProperty('start');
    expect(await statusOf({ docId: 'foreign', text: 'low' })).toBe('changed');
  });
});

describe('a source that has changed since it was ingested', () => {
  it('is compared only when asked for', async () => {
    writeFileSync(file, TEXT.replace('a day', 'an hour'));
    expect(await statusOf(citation)).toBe('unchanged');
    expect(await statusOf(citation, { source: true })).toBe('changed');
    rmSync(file);
    expect(await statusOf(citation)).toBe('unchanged');
    expect(await statusOf(citation, { source: true })).toBe('gone');
  });

  it('is compared by offsets alone through the text that is stored', async () => {
    const { docId, start, end } = citation;
    expect(await statusOf({ docId, start: start as number, end: end as number }, { source: true })).toBe(
      'unchanged',
    );
    writeFileSync(file, `Before.\n\n${TEXT}`);
    expect(await lore.verifyCitation({ docId, start: 12, end: 40 }, { source: true })).toMatchObject({
      status: 'moved',
      start: 21,
      end: 49,
    });
  });

  it('is told by the content hash alone, without the text', async () => {
    const { docId, contentHash = '' } = citation;
    expect(await statusOf({ docId, contentHash })).toBe('unchanged');
    await store(`Before.\n\n${TEXT}`);
    expect(await statusOf({ docId, contentHash })).toBe('changed');
    expect(await statusOf({ docId, contentHash, start: 12, end: 40 }, { source: true })).toBe('changed');
  });

  it('is a row by its own id or its place', async () => {
    const rows = join(temporaryFolder(), 'rows.jsonl');
    const write = (...lines: object[]) =>
      writeFileSync(rows, lines.map((line) => JSON.stringify(line)).join('\n'));
    const [lamp, pier] = [
      { _id: 'lamp', text: 'The lamp is lit at dusk.' },
      { _id: 'pier', text: 'The pier is wet.' },
    ];
    write(lamp, pier);
    await lore.ingest({ sources: [rows], collection });
    const cited = { docId: 'pier', text: 'The pier is wet.', start: 0, end: 16 };
    write(pier, lamp);
    expect(await statusOf(cited, { source: true })).toBe('unchanged');
    write(lamp);
    expect(await statusOf(cited, { source: true })).toBe('gone');
  });

  it('is a page, gone when the server says so', async () => {
    let answer: { status: number; body: string } = {
      status: 200,
      body: `<h1>Lakes</h1><p>Lakes are deep.</p>`,
    };
    const server = createServer((_, response) => {
      response.writeHead(answer.status, { 'content-type': 'text/html' }).end(answer.body);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/lakes`;
    const read = { allowPrivate: true };
    await lore.ingest({ sources: [url], read, collection: 'pages' });
    const { items } = await lore.documents.list('pages');
    const cited = { docId: items[0]?.docId ?? '', text: 'Lakes are deep.' };
    expect(await statusOf(cited, { source: true, read })).toBe('unchanged');
    answer = { status: 503, body: '' };
    expect(await statusOf(cited, { source: true, read })).toBe('unreadable');
    answer = { status: 404, body: '' };
    expect(await statusOf(cited, { source: true, read })).toBe('gone');
    expect(await statusOf(cited, { source: true })).toBe('unreadable');
  });

  it('cannot be asked for a text that a program gave', async () => {
    await lore.ingestTexts([{ text: TEXT, source: 'given.md', docId: 'given' }], { collection });
    const check = await lore.verifyCitation({ docId: 'given', text: 'A visit' }, { source: true });
    expect(check).toMatchObject({ status: 'unreadable', source: 'given.md' });
    expect(check.reason).toContain('came from a program');
  });

  it('is unreadable where it is no file or cannot be parsed', async () => {
    writeFileSync(file, '---\ntitle: [\n---\nWords.\n');
    const check = await lore.verifyCitation(citation, { source: true });
    expect(check).toMatchObject({ status: 'unreadable', comparedWith: 'source', source: file });
    expect(check.reason).toContain(`${file} cannot be read: `);
    rmSync(file);
    mkdirSync(file);
    expect(await statusOf(citation, { source: true })).toBe('unreadable');
  });

  it.each([
    ['empty', ''],
    ['binary', '\u0000\u0001\u0002\u0000'],
  ])('is gone where it is %s, which is told', async (kind, content) => {
    writeFileSync(file, content);
    const { status, reason } = await lore.verifyCitation(citation, { source: true });
    expect(status).toBe('gone');
    expect(reason).toMatch(new RegExp(`^The source holds no document any more\\. .*${kind}`));
  });

  it('is unreadable as a row of what cannot be parsed, not gone', async () => {
    const rows = join(temporaryFolder(), 'rows.csv');
    writeFileSync(rows, 'text\nThe lamp is lit.\nThe pier is wet.\n');
    await lore.ingest({ sources: [rows], collection });
    const { citations } = await lore.context({ query: 'pier', collection });
    const row = citations.find(({ source }) => source.startsWith(rows)) as Citation;
    writeFileSync(rows, Buffer.from([0x74, 0xff, 0xfe, 0xe4, 0x0a]));
    expect(await statusOf(row, { source: true })).toBe('unreadable');
  });
});

describe('what cannot be checked', () => {
  it.each<[string, unknown, VerifyCitationOptions, RegExp]>([
    ['no document', { text: 'x' }, {}, /docId: must be the id of a document/],
    ['nothing to compare', { docId: 'd', start: 1, end: 2 }, {}, /nothing to compare.*contentHash/],
    ['half a range', { docId: 'd', start: 1, text: 'x' }, {}, /give both/],
    ['a range backwards', { docId: 'd', start: 3, end: 2, text: 'x' }, {}, /start first/],
    ['a negative offset', { docId: 'd', start: -1, end: 2, text: 'x' }, {}, /start: must be at least 0/],
    ['a blank text', { docId: 'd', text: ' \n' }, {}, /text: must hold words/],
    ['no object', 'd', {}, /cannot be checked/],
    ['an unknown option', { docId: 'd', text: 'x' }, { anew: true } as never, /anew/],
  ])('is refused: %s', async (_, cited, options, message) => {
    await expect(lore.verifyCitation(cited as CitationInput, options)).rejects.toMatchObject({
      code: 'invalid_input',
      message: expect.stringMatching(message),
    });
  });

  it('is refused: offsets behind the end', async () => {
    const { docId, contentHash = '' } = citation;
    await expect(statusOf({ docId, contentHash, start: 0, end: 9_999 })).rejects.toMatchObject({
      code: 'invalid_input',
      message: expect.stringMatching(/the document ends at \d+, 9999 lies behind it/),
    });
  });
});

describe('stacklore verify-citation', () => {
  const run = (args: string[], input = '') =>
    runCli(['verify-citation', ...args], {
      env: { STACKLORE_HOME: `${redis.dir}/home`, REDIS_URL: redis.url },
      input,
    });

  it('takes a document id with offsets', async () => {
    const args = [citation.docId, '--start', '12', '--end', '40', '--source'];
    const kept = await run(args);
    expect(kept).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/^unchanged {2}/) });
    writeFileSync(file, 'All new.');
    const lost = await run([...args, '--json']);
    expect(lost.exitCode).toBe(1);
    expect(jsonOf(lost)).toMatchObject({ checks: [{ docId: citation.docId, status: 'changed' }] });
  });

  it('goes on with the other citations where a source is unreadable', async () => {
    writeFileSync(file, '---\ntitle: [\n---\n');
    const gone = { docId: 'nobody', source: `${file}.none`, text: 'x' };
    const result = await run(['-', '--source', '--json'], JSON.stringify([citation, gone]));
    expect(result.exitCode).toBe(1);
    expect(jsonOf(result)).toMatchObject({
      checks: [{ status: 'unreadable', source: file }, { status: 'gone' }],
    });
    expect(await run(['-', '--source'], JSON.stringify([citation]))).toMatchObject({ exitCode: 1 });
  });

  it('names those of a list that cannot be checked, and checks the others', async () => {
    const { docId, contentHash } = citation;
    await lore.databases.knowledge.send(['SET', 'doc:spoilt:metadata', 'text']);
    const list = [{ docId }, 7, { contentHash }, { docId: 'spoilt', contentHash }, citation];
    const json = await run(['-', '--json'], JSON.stringify(list));
    expect(json.exitCode).toBe(1);
    expect(jsonOf(json)).toMatchObject({
      checks: [
        { status: 'invalid', docId, reason: expect.stringContaining('nothing to compare') },
        { status: 'invalid' },
        { status: 'invalid', reason: expect.stringContaining('docId: must be the id') },
        { status: 'invalid', docId: 'spoilt' },
        { status: 'unchanged', docId },
      ],
    });
    const { stdout } = await run(['-'], JSON.stringify(list));
    expect(stdout.trim().split('\n')).toHaveLength(list.length);
    expect(stdout).toMatch(/^invalid {5}\? {2}The citation cannot be checked\..*^unchanged {2}/ms);
  });

  it('takes citations and whole contexts from standard input', async () => {
    for (const input of [citation, [citation], { citations: [citation], text: '…' }]) {
      const result = await run(['-', '--json'], JSON.stringify(input));
      expect(result.exitCode).toBe(0);
      expect(jsonOf(result)).toMatchObject({ checks: [{ status: 'unchanged' }] });
    }
  });

  it.each([
    ['what is no JSON', ['-'], 'citation'],
    ['an empty list', ['-'], '[]'],
    ['a list of numbers', ['-'], '[1]'],
    ['offsets beside standard input', ['-', '--start', '1'], '{}'],
    ['offsets that are none', ['d', '--start', 'x'], ''],
  ])('refuses %s', async (_, args, input) => {
    expect((await run(args, input)).exitCode).toBe(2);
  });
});
