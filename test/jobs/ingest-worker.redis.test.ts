import { beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { StackloreError } from '../../src/errors.ts';
import { runJob } from '../../src/jobs/run-job.ts';
import { startIngestWorker } from '../../src/jobs/start-ingest-worker.ts';
import { type JobTarget, submitTexts } from '../../src/jobs/submit-job.ts';
import type { Stacklore } from '../../src/stacklore.ts';
import type { IngestJob } from '../../src/stores/main/ingest-jobs.ts';
import { INGEST_QUEUE } from '../../src/stores/main/ingest-queues.ts';
import { FakeEmbedder } from '../support/fake-embedder.ts';
import { allKeys, openTestLore } from '../support/lore.ts';
import { usePrivateRedis } from '../support/redis.ts';

const redis = usePrivateRedis();
let lore: Stacklore;
beforeAll(() => {
  lore = openTestLore(redis);
});

/** A Stacklore whose embedder does something before each text. */
function loreThat(onText: (text: string) => void | Promise<void>): Stacklore {
  return openTestLore(redis, {}, { embedder: new FakeEmbedder({ onText }) });
}

/** Works on jobs until the end of the test at the latest. */
function work(by: Stacklore, options: Parameters<typeof startIngestWorker>[1] = {}) {
  const worker = startIngestWorker(by, options);
  onTestFinished(async () => void (await worker.stop({ graceMs: 0 })));
  return worker;
}

function submit(collection: string, texts: number, given: Partial<JobTarget> = {}): Promise<IngestJob> {
  const target = { owner: 'open', collection, qualifyIds: false, ...given };
  const list = Array.from({ length: texts }, (_, n) => ({
    source: `${n}.md`,
    text: `Text ${n} of ${collection}.`,
  }));
  return submitTexts(lore, target, list);
}

async function state(jobId: string): Promise<string | undefined> {
  return (await lore.ingestJobs.find(jobId))?.state;
}

const until = (jobId: string, wanted: string) =>
  expect.poll(() => state(jobId), { timeout: 10_000, interval: 20 }).toBe(wanted);

/** Fails unless a collection holds each text once, whole. */
async function expectWhole(collection: string, texts: number): Promise<void> {
  const { items } = await lore.documents.list(collection);
  expect(items.map(({ source }) => source).sort()).toEqual(
    Array.from({ length: texts }, (_, n) => `${n}.md`).sort(),
  );
  const chunks = await allKeys(lore.databases.knowledge, `llama_index/vector_store/${collection}/*`);
  expect(chunks.length).toBe(items.reduce((sum, { chunkCount }) => sum + chunkCount, 0));
}

/** A door that holds up whoever comes after the first few, until it is opened. */
function makeGate(free: number): { pass: () => Promise<void>; open: () => void } {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  let passed = 0;
  return {
    pass: async () => {
      passed += 1;
      if (passed > free) await opened;
    },
    open: () => open(),
  };
}

describe('a job', () => {
  test('is carried out once and leaves nothing but itself', async () => {
    const job = await submit('once', 3);
    work(lore);
    await until(job.jobId, 'done');
    await expectWhole('once', 3);
    await expect.poll(() => lore.queues.stats(INGEST_QUEUE)).toMatchObject({ waiting: 0, processing: 0 });
    expect(await allKeys(lore.databases.main, 'stacklore:job-input:*')).toEqual([]);
    const key = `stacklore:job:${job.jobId}`;
    expect(await lore.databases.main.send<number>(['TTL', key])).toBeGreaterThan(600_000);
  });

  test('that is cancelled while it waits never runs', async () => {
    const job = await submit('never', 2);
    await lore.ingestJobs.cancel(job);
    expect(await state(job.jobId)).toBe('cancelled');
    const next = await submit('after', 1);
    work(lore);
    await until(next.jobId, 'done');
    expect(await state(job.jobId)).toBe('cancelled');
    expect(await lore.documents.count('never')).toBe(0);
    expect(await allKeys(lore.databases.main, 'stacklore:job-input:*')).toEqual([]);
  });

  test('that is cancelled while it runs keeps what is whole', async () => {
    const gate = makeGate(3);
    const slow = loreThat(gate.pass);
    const heard = vi.spyOn(slow.ingestJobs, 'report');
    const job = await submit('cancelled', 20);
    work(slow);
    await expect.poll(() => lore.documents.count('cancelled'), { timeout: 5_000 }).toBe(3);
    await lore.ingestJobs.cancel(job);
    expect(await state(job.jobId)).toBe('running');
    // Only when it was heard is the rest let through.
    await expect
      .poll(() => heard.mock.settledResults.map(({ value }) => value))
      .toContain('is to be cancelled');
    gate.open();
    await until(job.jobId, 'cancelled');
    const count = await lore.documents.count('cancelled');
    expect(count).toBeGreaterThanOrEqual(3);
    expect(count).toBeLessThan(20);
    const ended = await lore.ingestJobs.find(job.jobId);
    expect(ended?.report).toMatchObject({ interrupted: true, counts: { created: count, failed: 0 } });
    const keys = await allKeys(lore.databases.knowledge, 'llama_index/vector_store/cancelled/*');
    expect(keys.length).toBe(count);
  });

  test('is taken up where a server that was stopped left it', async () => {
    const gate = makeGate(2);
    const first = loreThat(gate.pass);
    const job = await submit('restarted', 8);
    const worker = work(first);
    await expect.poll(() => lore.documents.count('restarted'), { timeout: 5_000 }).toBe(2);
    const stopped = worker.stop({ graceMs: 0 });
    await new Promise((resolve) => setTimeout(resolve, 50));
    gate.open();
    expect(await stopped).toMatchObject({ released: 1, done: 0 });
    expect(await state(job.jobId)).toBe('queued');
    expect(await lore.documents.count('restarted')).toBeLessThan(8);
    work(lore);
    await until(job.jobId, 'done');
    await expectWhole('restarted', 8);
  });

  test('is tried again after trouble that passes', async () => {
    let isTrouble = true;
    const troubled = loreThat(() => {
      if (!isTrouble) return;
      isTrouble = false;
      throw new StackloreError('model_unavailable', { message: 'The model is being fetched.' });
    });
    const job = await submit('troubled', 2);
    work(troubled);
    await until(job.jobId, 'done');
    await expectWhole('troubled', 2);
  });

  test('fails by what will not pass, and says why', async () => {
    await lore.createCollection('vectors', { dimensions: 8 });
    const job = await submit('vectors', 1);
    work(lore);
    await until(job.jobId, 'failed');
    const { error } = (await lore.ingestJobs.find(job.jobId)) ?? {};
    expect(error).toMatchObject({ code: 'manifest_mismatch' });
    expect(error?.message).toContain('Use another collection');
  });

  test('whose servers die of it is given up', async () => {
    const job = await submit('deadly', 1);
    const delivery = await lore.queues.dequeue(INGEST_QUEUE);
    await runJob(lore, job.jobId, { attempt: 6, signal: new AbortController().signal, read: {} });
    if (delivery) await lore.queues.acknowledge(delivery);
    expect(await lore.ingestJobs.find(job.jobId)).toMatchObject({
      state: 'failed',
      error: { code: 'internal' },
    });
    expect(await lore.documents.count('deadly')).toBe(0);
  });

  test('is worked on after whatever else is in the queue', async () => {
    await lore.queues.enqueue(INGEST_QUEUE, { taskType: 'other', payload: 'nonsense' });
    await lore.queues.enqueue(INGEST_QUEUE, { taskType: 'ingest', payload: { jobId: 'forgotten' } });
    const job = await submit('behind', 1);
    work(lore);
    await until(job.jobId, 'done');
  });

  test('of a narrowed key learns nothing of ids elsewhere', async () => {
    await lore.ingestTexts([{ source: 'secret.md', docId: 'shared', text: 'A secret.' }], {
      collection: 'other',
    });
    const target = { owner: 'k', collection: 'mine', qualifyIds: true };
    const texts = ['shared', 'free'].map((docId) => ({
      docId,
      source: `${docId}.md`,
      text: `My ${docId} text.`,
    }));
    const job = await submitTexts(lore, target, texts);
    work(lore);
    await until(job.jobId, 'done');
    const { items } = await lore.documents.list('mine');
    // Taken or not, both ids are qualified.
    expect(items.map(({ docId }) => docId).sort()).toEqual(['mine:free', 'mine:shared']);
    expect((await lore.documents.get('shared')).collection).toBe('other');
  });
});
