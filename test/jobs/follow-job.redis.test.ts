import { beforeAll, expect, test } from 'vitest';
import { followJob } from '../../src/jobs/follow-job.ts';
import { submitTexts } from '../../src/jobs/submit-job.ts';
import type { Stacklore } from '../../src/stacklore.ts';
import type { IngestJob } from '../../src/stores/main/ingest-jobs.ts';
import { openTestLore } from '../support/lore.ts';
import { usePrivateRedis } from '../support/redis.ts';

const redis = usePrivateRedis();
let lore: Stacklore;
beforeAll(() => {
  lore = openTestLore(redis);
});

const submit = (): Promise<IngestJob> => {
  const target = { owner: 'open', collection: 'followed', qualifyIds: false };
  return submitTexts(lore, target, [{ source: 'a.md', text: 'A.' }]);
};

test('tells that nothing happened, until something does', async () => {
  const { jobId } = await submit();
  const { signal } = new AbortController();
  const news = followJob(lore, jobId, { since: 1, quietMs: 1, signal });
  expect((await news.next()).value).toBe('quiet');
  await lore.ingestJobs.report(jobId, { done: 1 });
  expect((await news.next()).value).toMatchObject({ revision: 2, done: 1 });
  await news.return(undefined);
});

test('ends with its signal, and with a job that is forgotten', async () => {
  const { jobId } = await submit();
  const stop = new AbortController();
  const options = { since: 1, quietMs: 1, signal: stop.signal };
  const [stopped, forgotten] = [followJob(lore, jobId, options), followJob(lore, jobId, options)];
  await forgotten.next();
  await lore.databases.main.send(['UNLINK', `stacklore:job:${jobId}`]);
  expect((await forgotten.next()).done).toBe(true);
  stop.abort();
  expect((await stopped.next()).done).toBe(true);
});
