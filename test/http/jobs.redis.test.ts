import { beforeAll, describe, expect, test } from 'vitest';
import type { Stacklore } from '../../src/stacklore.ts';
import { openTestLore } from '../support/lore.ts';
import { usePrivateRedis } from '../support/redis.ts';
import { useApi } from '../support/serve.ts';

const redis = usePrivateRedis();
let lore: Stacklore;
beforeAll(() => {
  lore = openTestLore(redis);
});
const { ask } = useApi(() => lore);

describe('POST /v1/documents', () => {
  test('ingests texts in the background', async () => {
    const answer = await ask('POST', '/v1/documents', {
      body: { collection: 'library', texts: [{ source: 'loans.md', text: 'A loan lasts twenty one days.' }] },
    });
    expect(answer.status).toBe(202);
    const place = String(answer.headers.location);
    expect(place).toBe(`/v1/jobs/${answer.body.jobId}`);
    await expect.poll(async () => (await ask('GET', place)).body.state).toBe('done');
    const { body } = await ask('GET', place);
    expect(body).toMatchObject({
      progress: { sources: 1, done: 1, chunks: 1 },
      report: { collection: 'library', counts: { created: 1 } },
    });
  });
});
