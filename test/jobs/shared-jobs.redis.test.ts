import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { queueFiles, queueIngest, queueTexts, queueUpload } from '../../src/jobs/queue-ingest.ts';
import { runJob } from '../../src/jobs/run-job.ts';
import { type IngestWorkerOptions, startIngestWorker } from '../../src/jobs/start-ingest-worker.ts';
import type { Stacklore } from '../../src/stacklore.ts';
import type { IngestJob } from '../../src/stores/main/ingest-jobs.ts';
import { INGEST_QUEUE, PATHS_QUEUE } from '../../src/stores/main/ingest-queues.ts';
import { FakeEmbedder } from '../support/fake-embedder.ts';
import { allKeys, openTestLore } from '../support/lore.ts';
import { usePrivateRedis } from '../support/redis.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const redis = usePrivateRedis();
let lore: Stacklore;
beforeAll(() => {
  lore = openTestLore(redis);
});

/** Works on jobs until the end of the test at the latest. */
function work(by: Stacklore, options: IngestWorkerOptions = {}) {
  const worker = startIngestWorker(by, { paths: true, ...options });
  onTestFinished(async () => void (await worker.stop({ graceMs: 0 })));
  return worker;
}

async function ended({ jobId }: IngestJob): Promise<IngestJob> {
  await expect
    .poll(async () => (await lore.ingestJobs.get(jobId)).endedAt, { timeout: 20_000, interval: 20 })
    .toBeDefined();
  return lore.ingestJobs.get(jobId);
}

/** Writes texts into a folder as files. */
async function write(folder: string, texts: Readonly<Record<string, string>>): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const [name, text] of Object.entries(texts)) await writeFile(join(folder, name), text);
}

const numbered = (count: number, word = 'Text') =>
  Object.fromEntries(Array.from({ length: count }, (_, n) => [`${n}.md`, `${word} ${n}.`]));

async function sourcesOf(collection: string): Promise<string[]> {
  return (await lore.documents.list(collection, { limit: 1_000 })).items.map(({ source }) => source).sort();
}

describe('a job of many sources', () => {
  test('is shared by two workers, each document once, and ends once', async () => {
    const embedders = [new FakeEmbedder(), new FakeEmbedder()] as const;
    for (const embedder of embedders) work(openTestLore(redis, {}, { embedder }));
    const texts = Array.from({ length: 60 }, (_, n) => ({ source: `${n}.md`, text: `Text ${n}.` }));
    const job = await ended(await queueTexts(lore, texts, { collection: 'shared' }));
    expect(job).toMatchObject({ state: 'done', sources: 60, done: 60, chunks: 60 });
    expect(job.report).toMatchObject({ counts: { created: 60, failed: 0 }, chunks: 60, embedded: 60 });
    expect(await sourcesOf('shared')).toEqual(texts.map(({ source }) => source).sort());
    const [first, second] = embedders.map(({ embedded }) => embedded.length);
    expect(Math.min(first ?? 0, second ?? 0)).toBeGreaterThan(0);
    expect((first ?? 0) + (second ?? 0)).toBe(60);
    expect(await allKeys(lore.databases.main, 'stacklore:job-*')).toEqual([]);
    await expect.poll(() => lore.queues.stats(INGEST_QUEUE)).toMatchObject({ waiting: 0, processing: 0 });
  });

  test('names paths, which workers read themselves, and says what they could not', async () => {
    const folder = temporaryFolder();
    await write(folder, { ...numbered(20), 'broken.pdf': '%PDF-1.7\nnothing follows' });
    const sources = [folder, join(folder, 'missing.md')];
    const queued = await queueIngest(lore, { sources, collection: 'paths', read: { base: folder } });
    expect(await lore.queues.stats(INGEST_QUEUE)).toMatchObject({ waiting: 0 });
    expect(await lore.queues.stats(PATHS_QUEUE)).toMatchObject({ waiting: 1 });
    work(lore);
    const { report, ...job } = await ended(queued);
    expect(job).toMatchObject({ sources: 21, done: 21, failed: 2 });
    expect(report?.counts).toMatchObject({ created: 20, failed: 2 });
    expect(await sourcesOf('paths')).toEqual(Object.keys(numbered(20)).sort());
    const missing = report?.problems.find(({ source }) => source.endsWith('missing.md'));
    expect(missing?.reason).toContain(`The worker on ${hostname()} looked`);
  });

  test('of which nothing can be read leaves the collection, which others may be about to fill', async () => {
    const missing = join(temporaryFolder(), 'missing.md');
    const queued = await queueIngest(lore, { sources: [missing], collection: 'begun' });
    work(lore);
    expect((await ended(queued)).report?.counts).toMatchObject({ created: 0, failed: 1 });
    expect(await lore.collections.find('begun')).toBeDefined();
  });

  test('that is cancelled ends when its parts have, and keeps what is whole', async () => {
    let letGo = (): void => {};
    const gate = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    const slow = openTestLore(redis, {}, { embedder: new FakeEmbedder({ onText: () => gate }) });
    const texts = Array.from({ length: 40 }, (_, n) => ({ source: `${n}.md`, text: `Text ${n}.` }));
    const queued = await queueTexts(lore, texts, { collection: 'cancelled' });
    work(slow);
    await expect
      .poll(async () => (await lore.ingestJobs.get(queued.jobId)).parts, { timeout: 5_000 })
      .toBeDefined();
    await lore.ingestJobs.cancel(queued);
    expect((await lore.ingestJobs.get(queued.jobId)).state).toBe('running');
    // Long enough for the worker to ask whether it is to go on.
    setTimeout(letGo, 1_500);
    const job = await ended(queued);
    expect(job).toMatchObject({ state: 'cancelled', report: { interrupted: true } });
    expect(await lore.documents.count('cancelled')).toBe(job.report?.counts.created);
    expect(job.report?.counts.created).toBeLessThan(40);
  });

  test('goes on with a part whose workers died of it, and names its sources', async () => {
    const texts = Array.from({ length: 12 }, (_, n) => ({ source: `${n}.md`, text: `Text ${n}.` }));
    const { jobId, ...queued } = await queueTexts(lore, texts, { collection: 'deadly' });
    const { signal } = new AbortController();
    await runJob(lore, jobId, { attempt: 1, signal, read: {} });
    await runJob(lore, jobId, { attempt: 6, part: 1, signal, read: {} });
    expect(await lore.ingestJobs.get(jobId)).toMatchObject({ state: 'running', done: 4, failed: 4 });
    work(lore);
    const { report, ...job } = await ended({ jobId, ...queued });
    expect(job).toMatchObject({ state: 'done', sources: 12, done: 12, failed: 4 });
    expect(report?.counts).toMatchObject({ created: 8, failed: 4 });
    expect(report?.problems.map(({ source }) => source)).toEqual(['0.md', '1.md', '2.md', '3.md']);
  });

  test('is divided once, whoever goes on with it, and repeats no part that has ended', async () => {
    const texts = Array.from({ length: 12 }, (_, n) => ({ source: `${n}.md`, text: `Text ${n}.` }));
    const embedder = new FakeEmbedder();
    const own = openTestLore(redis, {}, { embedder });
    const { jobId } = await queueTexts(lore, texts, { collection: 'divided' });
    const { signal } = new AbortController();
    const run = (part?: number) => runJob(own, jobId, { attempt: 1, part, signal, read: {} });
    await run();
    await run(2);
    // As after a crash between the queueing of parts and the end of the task.
    await run();
    for (const part of [1, 1, 2, 3]) await run(part);
    expect(await lore.ingestJobs.get(jobId)).toMatchObject({
      state: 'done',
      report: { counts: { created: 12 } },
    });
    expect(embedder.embedded.length).toBe(12);
    work(lore);
    await expect.poll(() => lore.queues.stats(INGEST_QUEUE)).toMatchObject({ waiting: 0, processing: 0 });
  });

  test('keeps the parts it was divided into first', async () => {
    const texts = Array.from({ length: 12 }, (_, n) => ({ source: `${n}.md`, text: `Text ${n}.` }));
    const { jobId, inputs, sources } = await queueTexts(lore, texts, { collection: 'twice' });
    expect(await lore.ingestJobs.share(jobId, { inputs, sources, parts: [4, 4, 4] })).toBe(true);
    expect(await lore.ingestJobs.share(jobId, { inputs, sources, parts: [12] })).toBe(false);
    expect((await lore.ingestJobs.get(jobId)).parts).toEqual([4, 4, 4]);
    await lore.ingestJobs.cancel(await lore.ingestJobs.get(jobId));
  });

  test('leaves nothing of its parts behind when it is cancelled before a worker has begun them', async () => {
    const texts = Array.from({ length: 12 }, (_, n) => ({ source: `${n}.md`, text: `Text ${n}.` }));
    const { jobId } = await queueTexts(lore, texts, { collection: 'early' });
    const context = { attempt: 1, signal: new AbortController().signal, read: {} };
    await runJob(lore, jobId, context);
    await runJob(lore, jobId, { ...context, part: 1 });
    await lore.ingestJobs.putBack(jobId);
    await lore.ingestJobs.cancel(await lore.ingestJobs.get(jobId));
    await runJob(lore, jobId, { ...context, part: 2 });
    expect(await allKeys(lore.databases.main, `stacklore:job-*:${jobId}*`)).toEqual([]);
  });

  test('fails as a whole by what every part would meet', async () => {
    await lore.createCollection('vectors', { dimensions: 8 });
    work(lore);
    const texts = Array.from({ length: 12 }, (_, n) => ({ source: `${n}.md`, text: `Text ${n}.` }));
    const job = await ended(await queueTexts(lore, texts, { collection: 'vectors' }));
    expect(job).toMatchObject({ state: 'failed', error: { code: 'manifest_mismatch' } });
    expect(await allKeys(lore.databases.main, 'stacklore:job-*')).toEqual([]);
  });
});

describe('what the parts of a job do not know of each other', () => {
  test('is looked at when all are done: a text that moved to another file is kept', async () => {
    const folder = temporaryFolder();
    await write(folder, { ...numbered(30), 'z.md': 'The text that moves.' });
    await lore.ingest({ sources: [folder], collection: 'moved', read: { base: folder } });
    // First in order, so that another part than that of z.md has it.
    await write(folder, { '0.md': 'The text that moves.', 'z.md': 'Another text.' });
    work(lore);
    const queued = await queueIngest(lore, {
      sources: [folder],
      collection: 'moved',
      read: { base: folder },
    });
    const { report } = await ended(queued);
    expect(report?.counts).toMatchObject({ created: 1, updated: 1, duplicate: 0, failed: 0 });
    expect(await sourcesOf('moved')).toEqual([...Object.keys(numbered(30)), 'z.md'].sort());
  });

  test('is looked at when all are done: files that were renamed or deleted, for prune', async () => {
    const folder = temporaryFolder();
    await write(folder, numbered(30));
    await lore.ingest({ sources: [folder], collection: 'pruned' });
    await rename(join(folder, '3.md'), join(folder, 'renamed.md'));
    await rm(join(folder, '4.md'));
    await write(folder, { '5.md': 'Text of another kind.' });
    work(lore);
    const queued = await queueIngest(lore, { sources: [folder], collection: 'pruned', prune: true });
    const { report } = await ended(queued);
    expect(report?.counts).toMatchObject({
      ...{ created: 1, updated: 1, unchanged: 27, duplicate: 0, pruned: 2, failed: 0 },
    });
    const names = (await sourcesOf('pruned')).map((source) => source.slice(folder.length + 1));
    const kept = Object.keys(numbered(30)).filter((name) => name !== '3.md' && name !== '4.md');
    expect(names).toEqual([...kept, 'renamed.md'].sort());
  });
});

describe('queueing', () => {
  test('uploads what workers do not see, and tells what could not be read', async () => {
    const folder = temporaryFolder();
    await write(folder, numbered(10));
    const problems: string[] = [];
    const sources = [folder, join(folder, 'missing.md')];
    const queued = await queueUpload(
      lore,
      { sources, collection: 'uploaded', read: { base: folder } },
      (problem) => problems.push(problem.source),
    );
    await rm(folder, { recursive: true });
    work(lore, { paths: false });
    expect((await ended(queued)).report?.counts).toMatchObject({ created: 10, failed: 0 });
    expect(problems).toEqual(['missing.md']);
    expect(await sourcesOf('uploaded')).toEqual(Object.keys(numbered(10)).sort());
  });

  test('keeps the order of files of one name: the later one wins', async () => {
    const files = ['first', 'second'].flatMap((version) =>
      Array.from({ length: 6 }, (_, n) => ({
        source: `${n}.md`,
        bytes: Buffer.from(`The ${version} text ${n}.`),
      })),
    );
    work(lore, { concurrency: 4 });
    await ended(await queueFiles(lore, files, { collection: 'order' }));
    for (const document of (await lore.documents.list('order')).items) {
      for await (const { text } of lore.documents.chunks(document)) expect(text).toContain('second');
    }
  });

  test('refuses what no worker could carry out', async () => {
    const refused = { code: 'invalid_input' };
    await expect(queueIngest(lore, { sources: ['-'] })).rejects.toMatchObject(refused);
    await expect(queueIngest(lore, { sources: [] })).rejects.toMatchObject(refused);
    await expect(queueIngest(lore, { sources: ['a'], collection: 'a b' })).rejects.toMatchObject(refused);
    // Callers without types get this far.
    const odd = { sources: ['a'], read: { mayConnect: () => true } } as never;
    await expect(queueIngest(lore, odd)).rejects.toMatchObject(refused);
    await expect(queueTexts(lore, [{ source: '', text: 'x' }])).rejects.toMatchObject(refused);
    await expect(queueUpload(lore, { sources: ['/no/such/path'] })).rejects.toMatchObject({
      code: 'source_unreadable',
    });
    expect(await allKeys(lore.databases.main, 'stacklore:job-input:*')).toEqual([]);
  });
});

describe('a task that no job has queued', () => {
  const enqueue = (queue: string, payload: Record<string, string | number>) =>
    lore.queues.enqueue(queue, { taskType: 'ingest', payload });

  test('is let go, and ends no job that has no such part', async () => {
    const texts = [{ source: 'a.md', text: 'A text.' }];
    const { jobId } = await queueTexts(lore, texts, { collection: 'forged' });
    const context = { attempt: 1, signal: new AbortController().signal, read: {} };
    for (const part of [1, 0, -1, 1.5]) await runJob(lore, jobId, { ...context, part });
    expect((await lore.ingestJobs.get(jobId)).state).toBe('queued');
    for (const odd of ['', '\u0000', 'x'.repeat(600), 7]) await enqueue(INGEST_QUEUE, { jobId: odd });
    const { done, retried } = await work(lore, { untilEmpty: true }).done;
    expect([done, retried]).toEqual([5, 0]);
    expect((await lore.ingestJobs.get(jobId)).report?.counts).toMatchObject({ created: 1 });
  });

  test('has no path read by a worker that reads none', async () => {
    const folder = temporaryFolder();
    await write(folder, { 'secret.md': 'For the worker on paths alone.' });
    const { jobId } = await queueIngest(lore, { sources: [folder], collection: 'paths-only' });
    await enqueue(INGEST_QUEUE, { jobId });
    await work(lore, { paths: false, untilEmpty: true }).done;
    expect((await lore.ingestJobs.get(jobId)).state).toBe('queued');
    await work(lore, { untilEmpty: true }).done;
    expect((await lore.ingestJobs.get(jobId)).report?.counts).toMatchObject({ created: 1 });
  });
});
