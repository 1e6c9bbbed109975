import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { followJob } from '../src/jobs/follow-job.ts';
import { startIngestWorker } from '../src/jobs/start-ingest-worker.ts';
import { submitTexts } from '../src/jobs/submit-job.ts';
import { openStacklore, type Stacklore } from '../src/stacklore.ts';
import { surviveFaults } from './support/fail-over.ts';
import { FakeEmbedder } from './support/fake-embedder.ts';
import { seededRandom } from './support/kill-ingest.ts';
import { type PrivateSentinels, startPrivateSentinels } from './support/sentinels.ts';
import type { FaultReport } from './support/work-under-faults.ts';

/** The short form of `npm run soak -- failover`. */
describe('masters and sentinels that fail under load', () => {
  let group: PrivateSentinels;
  let lore: Stacklore;
  let report: FaultReport;
  const states: string[] = [];

  beforeAll(async () => {
    group = await startPrivateSentinels({ replicas: 3 });
    await group.inSync();
    lore = openStacklore(group.config(), { env: {}, embedder: new FakeEmbedder() });
    const target = { owner: 'open', collection: 'jobs', qualifyIds: false };
    const { jobId } = await submitTexts(lore, target, [{ source: 'note', text: 'A note.' }]);
    const following = follow(jobId);
    report = await surviveFaults({
      ...{ lore, group, random: seededRandom(7) },
      faults: ['kill sentinel', 'kill master', 'freeze master'],
    });
    const worker = startIngestWorker(lore);
    await following;
    await worker.stop();
  }, 150_000);
  afterAll(async () => {
    await lore?.close();
    await group?.stop();
  });

  async function follow(jobId: string): Promise<void> {
    const { signal } = new AbortController();
    for await (const news of followJob(lore, jobId, { quietMs: 60_000, signal })) {
      if (news !== 'quiet') states.push(news.state);
    }
  }

  it('lose nothing that was acknowledged, and have every search answered rightly or with a typed error', () => {
    expect(report.documents).toBeGreaterThan(3);
    expect(report.tasks).toBeGreaterThan(3);
    expect(report.answers).toBeGreaterThan(3);
    for (const code of Object.keys(report.errors)) expect(code).toMatch(/^database_/);
  });

  it('let those who follow a job see its end', () => {
    expect(states.at(-1)).toBe('done');
  });

  it('let what is recorded afterwards be written', async () => {
    await lore.search({ query: 'note', collection: 'jobs' });
    await expect
      .poll(async () => (await lore.metrics.list({ service: 'search' })).length, { timeout: 30_000 })
      .toBeGreaterThan(0);
  });
});
