import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { jobAnswer } from '../../src/http/schemas/jobs.ts';
import { type RunningServer, serve } from '../../src/http/serve.ts';
import type { Stacklore } from '../../src/stacklore.ts';
import { FakeEmbedder } from '../support/fake-embedder.ts';
import { expectFits } from '../support/fits.ts';
import { openTestLore } from '../support/lore.ts';
import { usePrivateRedis } from '../support/redis.ts';

const redis = usePrivateRedis();
let lore: Stacklore;
beforeAll(() => {
  lore = openTestLore(redis);
});

/** A server on a socket, closed at the end of the test at the latest. */
async function start(by = lore, options = {}): Promise<RunningServer> {
  const server = await serve(by, { port: 0, logLevel: 'silent', ...options });
  onTestFinished(() => server.close());
  return server;
}

async function submit(url: string, texts: number): Promise<string> {
  const answer = await fetch(`${url}/v1/documents`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      collection: 'streamed',
      texts: Array.from({ length: texts }, (_, n) => ({ source: `${n}.md`, text: `Text ${n}.` })),
    }),
  });
  const { jobId } = (await answer.json()) as { jobId: string };
  return jobId;
}

interface Event {
  readonly event: string;
  readonly id: number;
  readonly data: { readonly state: string; readonly progress: { readonly done: number } };
}

function eventsOf(text: string): Event[] {
  const blocks = text.split('\n\n').map((block) => {
    return Object.fromEntries(block.split('\n').map((line) => line.split(/: (.*)/s))) as Record<
      string,
      string
    >;
  });
  return blocks
    .filter(({ event }) => event !== undefined)
    .map(({ event = '', id, data = '' }) => ({
      event,
      id: Number(id),
      data: JSON.parse(data) as Event['data'],
    }));
}

const listen = (url: string, jobId: string, headers: Record<string, string> = {}) =>
  fetch(`${url}/v1/jobs/${jobId}/events`, { headers });

describe('GET /v1/jobs/:jobId/events', () => {
  test('tells of progress until the end, of a job that another process works on too', async () => {
    const pause = () => new Promise<void>((resolve) => setTimeout(resolve, 90));
    const worker = openTestLore(redis, {}, { embedder: new FakeEmbedder({ onText: pause }) });
    await start(worker);
    const { url } = await start(lore, { runJobs: false });
    const jobId = await submit(url, 30);
    const answer = await listen(url, jobId);
    expect(answer.headers.get('content-type')).toBe('text/event-stream');
    expect(answer.headers.get('cache-control')).toBe('no-store');
    const events = eventsOf(await answer.text());
    expect(events.slice(0, -1).every(({ event }) => event === 'progress')).toBe(true);
    expect(events.at(-1)).toMatchObject({ event: 'end', data: { state: 'done', progress: { done: 30 } } });
    for (const { data } of events) expectFits(jobAnswer, data);
    const ids = events.map(({ id }) => id);
    expect(ids).toEqual([...new Set(ids)].sort((a, b) => a - b));
    expect(events.some(({ data }) => data.progress.done > 0 && data.progress.done < 30)).toBe(true);

    // Who comes back hears what is new, and is sent away after the end.
    const [last, before] = [events.at(-1), events.at(-2)];
    const rest = await listen(url, jobId, { 'last-event-id': String(before?.id) });
    expect(eventsOf(await rest.text())).toEqual([last]);
    expect((await listen(url, jobId, { 'last-event-id': String(last?.id) })).status).toBe(204);
    const odd = await listen(url, jobId, { 'last-event-id': 'of another server' });
    expect(eventsOf(await odd.text())).toEqual([last]);
  });

  test('ends when the server is stopped, and the job waits for the next one', async () => {
    const server = await start(lore, { runJobs: false });
    const jobId = await submit(server.url, 1);
    const answer = await listen(server.url, jobId);
    const text = answer.text();
    await server.close();
    expect(eventsOf(await text)).toMatchObject([{ event: 'progress', data: { state: 'queued' } }]);
    const { url } = await start();
    const after = await listen(url, jobId);
    expect(eventsOf(await after.text()).at(-1)).toMatchObject({ event: 'end', data: { state: 'done' } });
  });

  test('tells when a job is cancelled', async () => {
    const { url } = await start(lore, { runJobs: false });
    const jobId = await submit(url, 1);
    const text = (await listen(url, jobId)).text();
    const cancelled = await fetch(`${url}/v1/jobs/${jobId}`, { method: 'DELETE' });
    expect(await cancelled.json()).toMatchObject({ jobId, state: 'cancelled' });
    expect(eventsOf(await text).at(-1)).toMatchObject({ event: 'end', data: { state: 'cancelled' } });
    // Once more changes nothing.
    expect((await fetch(`${url}/v1/jobs/${jobId}`, { method: 'DELETE' })).status).toBe(200);
  });
});
