import { expect, onTestFinished, test } from 'vitest';
import { serve } from '../../src/http/serve.ts';
import { allKeys, openTestLore } from '../support/lore.ts';
import { usePrivateRedis } from '../support/redis.ts';
import { runTypeScript } from '../support/run-typescript.ts';

const redis = usePrivateRedis();
const PROGRAM = new URL('./programs/serve-slowly.ts', import.meta.url);
const TEXTS = 40;

interface Job {
  readonly jobId: string;
  readonly state: string;
  readonly progress: { readonly done: number };
}

test('a job goes on at another server when its own is killed, and each document is there once', {
  timeout: 60_000,
}, async () => {
  const program = runTypeScript(PROGRAM, [redis.url]);
  onTestFinished(() => void program.process.kill('SIGKILL'));
  await program.printed('Listening on ');
  const doomed = /Listening on (\S+)/.exec(program.output())?.[1] ?? '';
  const texts = Array.from({ length: TEXTS }, (_, n) => ({
    source: `${n}.md`,
    text: `# ${n}\n\nThis is text ${n}.`,
  }));
  const answer = await fetch(`${doomed}/v1/documents`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ collection: 'killed', texts }),
  });
  const { jobId } = (await answer.json()) as Job;
  const lore = openTestLore(redis);
  await expect
    .poll(() => lore.documents.count('killed'), { timeout: 10_000, interval: 20 })
    .toBeGreaterThan(0);
  program.process.kill('SIGKILL');
  await program.ended;
  expect(await lore.documents.count('killed')).toBeLessThan(TEXTS);
  expect(await lore.ingestJobs.find(jobId)).toMatchObject({ state: 'running' });

  const server = await serve(lore, { port: 0, logLevel: 'silent' });
  onTestFinished(() => server.close());
  const state = async () => ((await (await fetch(`${server.url}/v1/jobs/${jobId}`)).json()) as Job).state;
  await expect.poll(state, { timeout: 15_000, interval: 50 }).toBe('done');
  const { items } = await lore.documents.list('killed');
  expect(items.map(({ source }) => source).sort()).toEqual(texts.map(({ source }) => source).sort());
  const chunks = await allKeys(lore.databases.knowledge, 'llama_index/vector_store/killed/*');
  expect(chunks).toHaveLength(items.reduce((sum, { chunkCount }) => sum + chunkCount, 0));
});
