import { beforeAll, describe, expect, test } from 'vitest';
import type { Stacklore } from '../../../src/stacklore.ts';
import { type IngestJob, IngestJobs } from '../../../src/stores/main/ingest-jobs.ts';
import { INGEST_QUEUE } from '../../../src/stores/main/ingest-queues.ts';
import { openTestLore } from '../../support/lore.ts';
import { usePrivateRedis } from '../../support/redis.ts';

const redis = usePrivateRedis();
let lore: Stacklore;
let jobs: IngestJobs;
let now = Date.parse('2025-01-15T10:30:00Z');
beforeAll(() => {
  lore = openTestLore(redis);
  jobs = new IngestJobs(lore.databases.main, { now: () => now });
});

async function create(owner: string, bytes: readonly Uint8Array[] = []): Promise<IngestJob> {
  const jobId = jobs.newId();
  now += 1_000;
  const size = await jobs.addInput({ jobId, input: 0 }, bytes);
  const inputs = [{ name: 'a.bin', bytes: size }];
  return jobs.create({ jobId, owner, collection: 'c', kind: 'files', inputs, qualifyIds: false, sources: 1 });
}

async function inputOf({ jobId }: IngestJob, bytes: number): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of jobs.input({ jobId, input: 0 }, bytes)) pieces.push(piece);
  return Buffer.concat(pieces);
}

describe('inputs', () => {
  test('are given back byte for byte, however they came in', async () => {
    const bytes = Buffer.from(Array.from({ length: 3_000_001 }, (_, n) => (n * 7) % 256));
    const parts = [bytes.subarray(0, 10), bytes.subarray(10, 2_500_000), bytes.subarray(2_500_000)];
    const job = await create('bytes', parts);
    expect(job.inputs[0]?.bytes).toBe(3_000_001);
    expect((await inputOf(job, 3_000_001)).equals(bytes)).toBe(true);
  });

  test('that are gone are told of', async () => {
    const job = await create('gone', [Buffer.from('text')]);
    await jobs.deleteInputs(job.jobId, 1);
    await expect(inputOf(job, 4)).rejects.toMatchObject({ code: 'not_found' });
  });
});

describe('a job', () => {
  test('is a task, and has a time to live like all that belongs to it', async () => {
    const { jobId } = await create('tasks', [Buffer.from('text')]);
    const { items } = await lore.queues.peek(INGEST_QUEUE, { limit: 1_000 });
    expect(items.at(-1)).toMatchObject({ task: { taskType: 'ingest', payload: { jobId } } });
    const keys = [`stacklore:job:${jobId}`, `stacklore:job-input:${jobId}:0`, 'stacklore:jobs:tasks'];
    for (const key of keys) {
      expect(await lore.databases.main.send<number>(['TTL', key])).toBeGreaterThan(604_000);
    }
  });

  test('that has ended stays as it is', async () => {
    const job = await create('ended');
    await jobs.begin(job);
    await jobs.finish(job, { state: 'done', done: 1 });
    const ended = await jobs.find(job.jobId);
    await jobs.cancel(job);
    await jobs.finish(job, { state: 'failed', error: { code: 'internal', message: 'late' } });
    await jobs.putBack(job.jobId);
    expect(await jobs.begin(job)).toBe(false);
    expect(await jobs.report(job.jobId, { done: 5 })).toBe('has ended');
    expect(await jobs.find(job.jobId)).toEqual(ended);
  });

  test('that is asked about without news does not change', async () => {
    const { jobId } = await create('asked');
    expect(await jobs.report(jobId, {})).toBe('goes on');
    expect(await jobs.revision(jobId)).toBe(1);
    expect(await jobs.report(jobId, { chunks: 2 })).toBe('goes on');
    expect(await jobs.revision(jobId)).toBe(2);
    expect(await jobs.revision('none')).toBeUndefined();
  });
});

describe('a list', () => {
  test('has the jobs of one owner, newest first, without those that are forgotten', async () => {
    const made = [await create('lister'), await create('lister'), await create('lister')];
    await create('another');
    await lore.databases.main.send(['UNLINK', `stacklore:job:${made[1]?.jobId}`]);
    const { items, total } = await jobs.list('lister', { limit: 3 });
    expect(items.map(({ jobId }) => jobId)).toEqual([made[2]?.jobId, made[0]?.jobId]);
    expect(total).toBe(2);
    expect((await jobs.list('lister', { offset: 1, limit: 1 })).items).toMatchObject([
      { jobId: made[0]?.jobId },
    ]);
    await expect(jobs.list('lister', { limit: 0 })).rejects.toMatchObject({ code: 'invalid_input' });
    expect(await jobs.list('nobody')).toEqual({ items: [], unreadable: [], total: 0 });
  });

  test('names a job that cannot be read and gives the others', async () => {
    const made = [await create('broken'), await create('broken'), await create('broken')];
    const [odd, wrong] = [`stacklore:job:${made[0]?.jobId}`, `stacklore:job:${made[1]?.jobId}`];
    await lore.databases.main.send(['HSET', odd, 'sources', 'many']);
    await lore.databases.main.transaction([
      ['UNLINK', wrong],
      ['SET', wrong, 'text'],
    ]);
    const { items, unreadable, total } = await jobs.list('broken');
    expect(items.map(({ jobId }) => jobId)).toEqual([made[2]?.jobId]);
    expect(unreadable.map(({ key }) => key)).toEqual([wrong, odd]);
    expect(unreadable[1]?.problem).toContain('sources');
    expect(total).toBe(3);
  });
});
