import { beforeAll, expect, it } from 'vitest';
import type { Stacklore } from '../../src/stacklore.ts';
import { openTestLore } from '../support/lore.ts';
import { usePrivateRedis } from '../support/redis.ts';
import { type CliOptions, jsonOf, runCli, startCli } from '../support/run-cli.ts';

const redis = usePrivateRedis();
let lore: Stacklore;

beforeAll(() => {
  lore = openTestLore(redis);
});

const run = (args: string[], options: CliOptions = {}) =>
  runCli(['queue', ...args, '--redis-url', redis.url], options);
const json = async (args: string[]) => jsonOf(await run([...args, '--json']));

it('queues a task and shows it', async () => {
  const task = await json([
    'enqueue',
    'shown',
    'welcome',
    '{"to":"ada"}',
    '--priority',
    '8',
    '--task-id',
    't1',
  ]);
  expect(task).toMatchObject({ taskId: 't1', taskType: 'welcome', payload: { to: 'ada' }, priority: 8 });
  await run(['enqueue', 'shown', 'digest', '-'], { input: '[1, 2]' });

  expect(await json(['peek', 'shown', '--limit', '1'])).toMatchObject({ items: [{ task }], total: 2 });
  expect((await run(['peek', 'shown'])).stdout).toMatch(
    /t1 +welcome +8 .*\{"to":"ada"\}[\s\S]*\[1,2\][\s\S]*2 of 2 tasks/,
  );
  expect(await json(['stats', 'shown'])).toEqual({
    ...{ queue: 'shown', waiting: 2, processing: 0, delayed: 0, dead: 0 },
  });
  expect((await run(['list'])).stdout).toMatch(/shown +2 +0 +0 +0/);
});

it('refuses a payload that is not JSON, and a wrong priority', async () => {
  const payload = await run(['enqueue', 'wrong', 'x', 'hello']);
  expect(payload).toMatchObject({ exitCode: 2, stderr: expect.stringMatching(/payload is not JSON/) });
  expect(await run(['enqueue', 'wrong', 'x', '--priority', '11'])).toMatchObject({ exitCode: 2 });
});

it('shows dead letters and queues them again', async () => {
  await lore.queues.enqueueAll('dead', [
    { taskType: 'x', taskId: 'a' },
    { taskType: 'x', taskId: 'b' },
  ]);
  for (const reason of ['first reason', 'second reason']) {
    const delivery = await lore.queues.dequeue('dead');
    if (delivery) await lore.queues.bury(delivery, reason);
  }

  expect((await run(['dead', 'dead'])).stdout).toMatch(/b .*second reason\n *a .*first reason/);
  expect(await run(['retry-dead', 'dead'])).toMatchObject({ exitCode: 2 });
  expect(await run(['retry-dead', 'dead', 'zzz'])).toMatchObject({ exitCode: 1 });
  expect(await json(['retry-dead', 'dead', 'b'])).toEqual({ queue: 'dead', retried: 1, unreadable: [] });
  expect(await json(['retry-dead', 'dead', '--all'])).toEqual({ queue: 'dead', retried: 1, unreadable: [] });

  await lore.databases.main.send(['LPUSH', 'stacklore:queue:dead:dead', 'no letter']);
  expect(await run(['dead', 'dead'])).toMatchObject({
    ...{ exitCode: 0, stdout: expect.stringMatching(/element 0: .*\n0 of 1 dead letter/s) },
  });
  expect(await run(['retry-dead', 'dead', '--all'])).toMatchObject({
    ...{ exitCode: 0, stdout: expect.stringMatching(/element 0: .*\nQueued 0 tasks again/s) },
  });
});

it('puts back tasks of workers that are gone', async () => {
  await lore.queues.enqueue('gone', { taskType: 'x' });
  await lore.queues.dequeue('gone');
  await lore.databases.main.send(['UNLINK', 'stacklore:queue:gone:leases']);

  expect(await json(['recover', 'gone'])).toEqual({ queue: 'gone', recovered: 1, buried: 0, due: 0 });
});

it('deletes only when told so', async () => {
  await lore.queues.enqueue('purged', { taskType: 'x' });
  const refusal = await run(['purge', 'purged']);
  expect(refusal).toMatchObject({ exitCode: 2, stderr: expect.stringMatching(/deletes 1 task for good/) });
  expect(await json(['purge', 'purged', '--yes'])).toEqual({ queue: 'purged', waiting: 1, delayed: 0 });
  expect(await json(['purge', 'purged', '--dead', '--yes'])).toEqual({ queue: 'purged', dead: 0 });
});

it('runs a command for each task and gives those up that fail too often', async () => {
  await lore.queues.enqueueAll('worked', [
    { taskType: 'good', taskId: 'g', payload: { n: 1 } },
    { taskType: 'bad', taskId: 'b' },
  ]);
  const script =
    'cat; echo " $STACKLORE_QUEUE $STACKLORE_TASK_ID $STACKLORE_TASK_ATTEMPT"; if [ $STACKLORE_TASK_TYPE = bad ]; then echo broken >&2; exit 3; fi';
  const command = ['work', 'worked', '--until-empty', '--max-attempts', '1', '--redis-url', redis.url];
  const { exitCode, stdout, stderr } = await runCli(['queue', ...command, '--', 'sh', '-c', script], {});

  expect({ exitCode, stdout }).toEqual({
    exitCode: 1,
    stdout:
      'done g (good)\ndead b (bad): exit code 3: broken\n1 done, 0 retried, 1 dead, 0 released, 0 lost\n',
  });
  expect(stderr).toMatch(/"payload":\{"n":1\}.*\n worked g 1/);
  expect((await lore.deadLetters.list('worked')).items).toMatchObject([{ error: 'exit code 3: broken' }]);
});

it('finishes its task when interrupted', async () => {
  await lore.queues.enqueue('interrupted', { taskType: 'x', taskId: 't' });
  const command = ['queue', 'work', 'interrupted', '--json', '--redis-url', redis.url];
  const worker = startCli([...command, '--', 'sh', '-c', 'echo begun >&2; sleep 0.3']);
  await worker.said('begun');
  worker.signal('SIGINT');

  const { exitCode, stdout } = await worker.result;
  expect(exitCode).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ queue: 'interrupted', done: 1, released: 0 });
});

it.each(['nosuchprogram', '/nowhere/program', '.', import.meta.filename])(
  'takes no task when "%s" cannot be run',
  async (program) => {
    await lore.queues.enqueue('unworked', { taskType: 'x' });
    const waiting = (await lore.queues.stats('unworked')).waiting;
    const command = ['work', 'unworked', '--until-empty', '--redis-url', redis.url];
    const { exitCode, stderr } = await runCli(['queue', ...command, '--', program], {});

    expect({ exitCode, stderr }).toEqual({
      exitCode: 2,
      stderr: expect.stringContaining(`There is no program "${program}" that can be run.`),
    });
    expect(await lore.queues.stats('unworked')).toMatchObject({ waiting, delayed: 0, dead: 0 });
  },
);
