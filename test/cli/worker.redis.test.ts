import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { CommandContext } from '../../src/cli/command.ts';
import { command as worker } from '../../src/cli/commands/worker.ts';
import { startIngestWorker } from '../../src/jobs/start-ingest-worker.ts';
import type { Stacklore } from '../../src/stacklore.ts';
import { INGEST_QUEUE } from '../../src/stores/main/ingest-queues.ts';
import { openTestLore } from '../support/lore.ts';
import { usePrivateRedis } from '../support/redis.ts';
import { jsonOf, runCli } from '../support/run-cli.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const redis = usePrivateRedis();
let lore: Stacklore;
beforeAll(() => {
  lore = openTestLore(redis);
});

const run = (args: string[], input = '') => runCli([...args, '--redis-url', redis.url], { input });
const json = async (args: string[]) => jsonOf(await run([...args, '--json']));

/** Does what is queued, with the deterministic embedder, as `stacklore worker --until-empty` does with the model. */
const work = () => startIngestWorker(lore, { paths: true, untilEmpty: true }).done;

function folderOf(count: number): string {
  const folder = temporaryFolder();
  for (let n = 0; n < count; n += 1) writeFileSync(join(folder, `${n}.md`), `Text ${n} of ${folder}.`);
  return folder;
}

describe('ingest --queue', () => {
  it('queues paths for workers, whose job can be shown', async () => {
    const folder = folderOf(12);
    const queued = await run(['ingest', folder, '--collection', 'queued', '--queue']);
    const [, jobId = ''] = /Queued as job (\S+)\./.exec(queued.stdout) ?? [];
    expect(queued.exitCode).toBe(0);
    expect(await json(['jobs', 'show', jobId])).toMatchObject({ state: 'queued', collection: 'queued' });
    await work();
    expect((await run(['jobs', 'show', jobId])).stdout).toMatch(/done +queued +12\/12[\s\S]*12 created/);
    expect((await run(['jobs', 'list'])).stdout).toContain(jobId);
    expect(await json(['jobs', 'follow', jobId])).toMatchObject({ report: { counts: { created: 12 } } });
  });

  it('waits for the end when told so, and ends as an ingest does', async () => {
    const folder = folderOf(2);
    const sources = [folder, join(folder, 'missing.md')];
    const waiting = run(['ingest', ...sources, '--collection', 'waited', '--queue', '--wait']);
    await expect.poll(async () => (await lore.queues.stats('stacklore-ingest-paths')).waiting).toBe(1);
    await work();
    const { exitCode, stdout } = await waiting;
    expect(exitCode).toBe(1);
    expect(stdout).toMatch(/failed: .*missing\.md[\s\S]*waited: 2 created, 1 failed/);
    const [, jobId = ''] =
      /(\S+) +done +waited +2\/2 +1 +2 /.exec((await run(['jobs', 'list'])).stdout) ?? [];
    expect(await json(['jobs', 'show', jobId])).toMatchObject({ done: 2, failed: 1, sources: 2 });
    expect((await run(['jobs', 'show', jobId])).stdout).toMatch(/done +waited +2\/2 +1 +2 /);
  });

  it('uploads standard input and files for workers that do not see them', async () => {
    const folder = folderOf(1);
    const args = [
      'ingest',
      '-',
      folder,
      join(folder, 'no.md'),
      '--name',
      'piped.md',
      '--collection',
      'uploaded',
    ];
    const { exitCode, stderr } = await run([...args, '--queue', '--upload'], 'Text from a pipe.');
    expect([exitCode, stderr]).toEqual([1, expect.stringContaining('no.md')]);
    await work();
    const { items } = await lore.documents.list('uploaded');
    expect(items.map(({ source }) => source).sort()).toEqual([join(folder, '0.md'), 'piped.md'].sort());
  });

  it.each([
    [['--queue', '--watch'], /exclude each other/],
    [['--queue', '--allow-private'], /stacklore worker/],
    [['--queue', '--upload', '--prune'], /leave --upload out/],
    [['--queue', '--upload', '--encoding', 'latin1'], /leave --upload out/],
    [['--wait'], /--queue/],
    [['--upload'], /--queue/],
  ])('refuses %j', async (flags, message) => {
    const { exitCode, stderr } = await run(['ingest', 'x.md', ...flags]);
    expect([exitCode, stderr]).toEqual([2, expect.stringMatching(message)]);
  });

  it('refuses standard input without --upload', async () => {
    const { exitCode, stderr } = await run(['ingest', '-', '--queue'], 'text');
    expect([exitCode, stderr]).toEqual([2, expect.stringMatching(/standard input/)]);
  });
});

describe('jobs', () => {
  it('cancels one that waits', async () => {
    const queued = jsonOf(await run(['ingest', folderOf(1), '--queue', '--json'])) as { jobId: string };
    expect((await run(['jobs', 'cancel', queued.jobId])).stdout).toContain('is cancelled');
    expect(await run(['jobs', 'follow', queued.jobId])).toMatchObject({ exitCode: 1 });
    await work();
  });

  it('says that there is none of an id', async () => {
    for (const verb of ['show', 'follow', 'cancel']) {
      const { exitCode, stderr } = await run(['jobs', verb, 'nothing']);
      expect([exitCode, stderr]).toEqual([1, expect.stringMatching(/no job "nothing"/)]);
    }
  });
});

describe('worker', () => {
  it('fails once when it is stopped and cannot tell what it has done', async () => {
    await lore.queues.enqueue(INGEST_QUEUE, { taskType: 'ingest', payload: {} });
    const stop = new AbortController();
    const print = () => {
      stop.abort();
      throw new Error('nobody reads any more');
    };
    // All that the command takes of its context. A second rejection would fail this file.
    const terminal = { print, note: () => {}, signal: stop.signal };
    const context = { lore: () => lore, terminal } as unknown as CommandContext;
    const flags = worker.schema.parse({});
    await expect(worker.run(context, [], flags)).rejects.toThrow('nobody reads any more');
  });

  it('refuses wrong numbers, and ends when nothing is to be done', async () => {
    expect(await run(['worker', '--threads', '0'])).toMatchObject({ exitCode: 2 });
    expect(await run(['worker', '--concurrency', 'x'])).toMatchObject({ exitCode: 2 });
    expect(await json(['worker', '--until-empty'])).toEqual({
      ...{ done: 0, retried: 0, dead: 0, released: 0, lost: 0 },
    });
  });
});
