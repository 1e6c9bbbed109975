import { once } from 'node:events';
import { request } from 'node:http';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { jobAnswer, jobList } from '../../src/http/schemas/jobs.ts';
import { serve } from '../../src/http/serve.ts';
import type { Stacklore } from '../../src/stacklore.ts';
import { expectFits } from '../support/fits.ts';
import { startLoopbackServer } from '../support/loopback-server.ts';
import { allKeys, openTestLore } from '../support/lore.ts';
import { type FormPart, multipart } from '../support/multipart.ts';
import { usePrivateRedis } from '../support/redis.ts';
import { useApi } from '../support/serve.ts';

const redis = usePrivateRedis();
let lore: Stacklore;
beforeAll(() => {
  lore = openTestLore(redis);
});
const { ask } = useApi(() => lore, { uploadLimit: 3_000_000 });

interface Job {
  readonly jobId: string;
  readonly state: string;
  readonly progress: { readonly failed: number };
  readonly report: { readonly counts: Record<string, number>; readonly problems: readonly object[] };
}

/** The job of an answer to an upload, when it has ended. */
async function ended({ body }: { body: Record<string, unknown> }): Promise<Job> {
  const look = () => ask<Job>('GET', `/v1/jobs/${body.jobId}`);
  await expect.poll(async () => (await look()).body.state, { timeout: 20_000 }).not.toMatch(/queued|running/);
  return (await look()).body;
}

function upload(parts: readonly FormPart[]) {
  return ask('POST', '/v1/documents', multipart(parts));
}

const file = (filename: string, value: string | Uint8Array, type = 'application/octet-stream'): FormPart => {
  return { name: 'file', filename, value, type };
};

async function sourcesOf(collection: string): Promise<string[]> {
  const { items } = await lore.documents.list(collection);
  return items.map(({ source }) => source).sort();
}

describe('POST /v1/documents', () => {
  test('ingests texts in the background', async () => {
    const answer = await ask('POST', '/v1/documents', {
      body: {
        collection: 'library',
        texts: [{ source: 'loans.md', text: '# Loans\n\nA loan lasts twenty one days.', docId: 'loans' }],
      },
    });
    expect([answer.status, answer.headers.location]).toEqual([202, `/v1/jobs/${answer.body.jobId}`]);
    expectFits(jobAnswer, answer.body);
    const job = await ended(answer);
    expectFits(jobAnswer, job);
    expect(job).toMatchObject({
      collection: 'library',
      state: 'done',
      progress: { sources: 1, done: 1, failed: 0, chunks: 1 },
      report: { collection: 'library', counts: { created: 1 } },
    });
    expect((await lore.documents.get('loans')).title).toBe('Loans');
    const list = await ask('GET', '/v1/jobs?limit=1');
    expectFits(jobList, list.body);
    expect(list.body).toMatchObject({ items: [{ jobId: job.jobId, state: 'done' }] });
  });

  test('ingests files, with what stands in the form before or after them', async () => {
    const answer = await upload([
      file('fees.md', '# Fees\n\nA late book costs ten cents.'),
      { name: 'collection', value: 'uploads' },
      file('hours.md', '# Hours\n\nOpen from nine to five.'),
      { name: 'settings', value: '{"chunkSize":256}' },
    ]);
    expect(answer.status).toBe(202);
    const { report } = await ended(answer);
    expect(report.counts).toMatchObject({ created: 2, failed: 0 });
    expect(await sourcesOf('uploads')).toEqual(['fees.md', 'hours.md']);
    expect((await lore.collections.get('uploads')).manifest.chunker.size).toBe(256);
  });

  test('keeps every byte of a file that is longer than what is stored with one command', async () => {
    const rows = Array.from({ length: 40_000 }, (_, n) => `padding-padding-padding-padding-padding ${n}`);
    const html = `<html><body><p>The needle of the haystack.</p><!-- ${rows.join('\n')} --><p>The end.</p></body></html>`;
    expect(html.length).toBeGreaterThan(1_048_576);
    const { report } = await ended(
      await upload([file('hay.html', html), { name: 'collection', value: 'hay' }]),
    );
    expect(report.counts).toMatchObject({ created: 1, failed: 0 });
    const { hits } = await lore.search({ query: 'the end', collection: 'hay' });
    expect(hits[0]?.text).toContain('The end.');
  });

  test('tells of each file that is no document, and ingests the others', async () => {
    const png = Buffer.from('89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489', 'hex');
    const { state, report } = await ended(
      await upload([
        file('picture.png', png),
        file('empty.md', ''),
        file('boats.md', 'A boat has a keel.'),
        { name: 'collection', value: 'mixed' },
      ]),
    );
    expect(state).toBe('done');
    expect(report.counts).toMatchObject({ created: 1, skipped: 2 });
    expect(report.problems).toMatchObject([
      { source: 'picture.png', code: 'unsupported_type' },
      { source: 'empty.md', code: 'invalid_input' },
    ]);
  });

  test('calls files by their own names, without what leads elsewhere', async () => {
    await ended(
      await upload([
        file('../../etc/passwd.md', 'Nobody has a shell.'),
        file('/abs/notes.md', 'Notes of the day.'),
        file('C:\\\\docs\\\\plan.md', 'A plan for tomorrow.'),
        file('guide/setup.md', 'How to set it up.'),
        { name: 'collection', value: 'names' },
      ]),
    );
    expect(await sourcesOf('names')).toEqual([
      'abs/notes.md',
      'docs/plan.md',
      'etc/passwd.md',
      'guide/setup.md',
    ]);
  });

  test('replaces a document of the same source', async () => {
    const send = (text: string) => upload([file('one.md', text), { name: 'collection', value: 'again' }]);
    await ended(await send('The first version.'));
    const { report } = await ended(await send('The second version.'));
    expect(report.counts).toMatchObject({ updated: 1, created: 0 });
    expect(await sourcesOf('again')).toEqual(['one.md']);
  });

  test('never fetches from private networks, and reports it', async () => {
    const url = await startLoopbackServer((_request, response) => response.end('secret'));
    const answer = await ask('POST', '/v1/documents', {
      body: { collection: 'web', urls: [url, 'http://169.254.169.254/latest/meta-data'] },
    });
    const { report, progress } = await ended(answer);
    expect(progress).toMatchObject({ failed: 2 });
    expect(report.counts).toMatchObject({ failed: 2, created: 0 });
    expect(report.problems).toMatchObject([{ code: 'url_refused' }, { code: 'url_refused' }]);
  });

  test.each([
    [{ texts: [{ source: 'a', text: 'b' }], urls: ['https://example.com'] }, 'either texts or urls'],
    [{}, 'either texts or urls'],
    [{ urls: ['/etc/passwd'] }, 'urls.0'],
    [{ urls: ['file:///etc/passwd'] }, 'urls.0'],
    [{ urls: ['http:etc/passwd'] }, 'urls.0'],
    [{ urls: ['https://user:secret@example.com'] }, 'urls.0'],
    [{ texts: [{ text: 'no source' }] }, 'texts.0.source'],
    [{ texts: [] }, 'texts'],
    [{ texts: [{ source: 'a', text: 'b' }], collection: 'a b' }, 'cannot name a collection'],
    [{ texts: [{ source: 'a', text: 'b' }], settings: { chunkSize: 1 } }, 'settings.chunkSize'],
    [{ texts: [{ source: 'a', text: 'b' }], color: 'red' }, 'color'],
  ])('refuses %j', async (body, said) => {
    const answer = await ask('POST', '/v1/documents', { body });
    expect(answer.body).toMatchObject({ status: 400, code: 'invalid_input' });
    expect(answer.body.detail).toContain(said);
  });

  test('refuses forms that cannot be used, and keeps nothing of them', async () => {
    const before = await allKeys(lore.databases.main, 'stacklore:job*');
    const answers = [
      await upload([{ name: 'collection', value: 'library' }]),
      await upload([file('a.md', 'x'), file('a.md', 'y')]),
      await upload([file('a.md', 'x'), { name: 'settings', value: 'no json' }]),
      await upload([file('a.md', 'x'), { name: 'colour', value: 'red' }]),
      await upload([{ ...file('a.md', 'x'), name: 'attachment' }]),
      await ask('POST', '/v1/documents'),
    ];
    expect(answers.map(({ status }) => status)).toEqual([400, 400, 400, 400, 400, 400]);
    expect(await allKeys(lore.databases.main, 'stacklore:job*')).toEqual(before);
  });

  test('refuses more bytes than the limit, in one file or in several', async () => {
    const half = 'x'.repeat(1_600_000);
    const one = await upload([file('one.txt', half + half)]);
    const several = await upload([file('one.txt', half), file('two.txt', half)]);
    expect([one.body.code, several.body.code]).toEqual(['too_large', 'too_large']);
    expect([one.status, several.status]).toEqual([413, 413]);
    expect(await allKeys(lore.databases.main, 'stacklore:job-input:*')).toEqual([]);
  });

  test('refuses other kinds of bodies', async () => {
    const answer = await ask('POST', '/v1/documents', {
      body: '<text/>',
      headers: { 'content-type': 'application/xml' },
    });
    expect(answer.status).toBe(415);
  });

  test('keeps nothing of an upload whose sender went away', async () => {
    const server = await serve(lore, { port: 0, logLevel: 'silent', runJobs: false });
    onTestFinished(() => server.close());
    const inputs = () => allKeys(lore.databases.main, 'stacklore:job-input:*');
    const sent = request(`${server.url}/v1/documents`, {
      method: 'POST',
      headers: { 'content-type': 'multipart/form-data; boundary=b' },
    });
    const gone = once(sent, 'error');
    sent.write('--b\r\ncontent-disposition: form-data; name="file"; filename="a.txt"\r\n\r\n');
    sent.write('x'.repeat(2_500_000));
    await expect.poll(inputs).toHaveLength(1);
    sent.destroy(new Error('gone'));
    await gone;
    await expect.poll(inputs).toEqual([]);
  });
});
