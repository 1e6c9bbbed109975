import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openStacklore, type Stacklore } from '../../../src/stacklore.ts';
import type { QueueWorker, TaskOutcome } from '../../../src/stores/main/queue-worker.ts';
import { allKeys, openTestLore } from '../../support/lore.ts';
import { isOnCluster, usePrivateRedis } from '../../support/redis.ts';
import { runTypeScript } from '../../support/run-typescript.ts';

const redis = usePrivateRedis();
const WORK = new URL('./programs/work.ts', import.meta.url);
let lore: Stacklore;
let made = 0;
let queue = '';

beforeAll(() => {
  lore = openTestLore(redis);
});

beforeEach(() => {
  made += 1;
  queue = `queue-${made}`;
});

async function enqueue(count: number): Promise<string[]> {
  const tasks = Array.from({ length: count }, (_, at) => ({ taskType: 'x', taskId: `t${at}` }));
  return (await lore.queues.enqueueAll(queue, tasks)).map(({ taskId }) => taskId);
}

/** The key of the queue's leases, which has another name on a cluster. */
function leasesKey(): string {
  return `stacklore:queue:${isOnCluster() ? `{queue:${queue}}` : queue}:leases`;
}

/** A promise and what resolves it. */
function gate(): { readonly opened: Promise<void>; open(): void } {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

describe('a worker', () => {
  it('does every task and ends when the queue is empty, if told so', async () => {
    const ids = await enqueue(20);
    const done: string[] = [];
    const worker = lore.startWorker(queue, ({ taskId }) => done.push(taskId), { untilEmpty: true });

    expect(await worker.done).toEqual({ done: 20, retried: 0, dead: 0, released: 0, lost: 0 });
    expect(done).toEqual(ids);
    expect(await lore.queues.stats(queue)).toMatchObject({ waiting: 0, processing: 0 });
  });

  it('leaves a delayed retry to others when it ends with the queue', async () => {
    await enqueue(1);
    const handler = () => Promise.reject(new Error('not yet'));
    const options = { untilEmpty: true, backoffMs: () => 60_000 };
    expect(await lore.startWorker(queue, handler, options).done).toMatchObject({ done: 0, retried: 1 });
    expect(await lore.queues.stats(queue)).toMatchObject({ waiting: 0, delayed: 1 });
  });

  it('does as many at the same time as it may', async () => {
    await enqueue(12);
    let running = 0;
    let most = 0;
    const handler = async () => {
      running += 1;
      most = Math.max(most, running);
      await sleep(10);
      running -= 1;
    };
    await lore.startWorker(queue, handler, { concurrency: 4, untilEmpty: true }).done;

    expect(most).toBe(4);
  });

  it('waits for tasks, and tries a failed one again until it succeeds', async () => {
    const outcomes: TaskOutcome[] = [];
    const handler = (_: unknown, { attempt }: { attempt: number }) => {
      if (attempt < 3) throw new Error(`attempt ${attempt} failed`);
    };
    const options = {
      backoffMs: (failures: number) => failures * 5,
      onOutcome: (one: TaskOutcome) => outcomes.push(one),
    };
    const worker = lore.startWorker(queue, handler, options);
    await enqueue(1);
    await expect.poll(() => worker.counts.done, { timeout: 8_000 }).toBe(1);
    await worker.stop();

    expect(outcomes.map(({ outcome, attempt, error }) => [outcome, attempt, error])).toEqual([
      ['retried', 1, 'attempt 1 failed'],
      ['retried', 2, 'attempt 2 failed'],
      ['done', 3, undefined],
    ]);
    expect(await allKeys(lore.databases.main, `*${queue}*`)).toEqual([]);
  });

  it('gives a task up after the failures allowed', async () => {
    await enqueue(1);
    const handler = () => Promise.reject(new Error('broken'));
    const worker = lore.startWorker(queue, handler, { maxAttempts: 1, untilEmpty: true });

    expect(await worker.done).toMatchObject({ dead: 1 });
    expect((await lore.deadLetters.list(queue)).items).toMatchObject([{ error: 'broken', attempts: 1 }]);
  });

  it('keeps a task that takes longer than its lease', async () => {
    await enqueue(1);
    const [begun, finish] = [gate(), gate()];
    const handler = () => {
      begun.open();
      return finish.opened;
    };
    const worker = lore.startWorker(queue, handler, { leaseMs: 3_000, untilEmpty: true });
    await begun.opened;
    const key = leasesKey();
    const [held = ''] = await lore.databases.main.send<string[]>(['ZRANGE', key, '0', '-1']);
    // As if the task had been taken long ago: only a renewal brings the lease's end back into the future.
    await lore.databases.main.send(['ZADD', key, '1', held]);
    const end = async () => Number(await lore.databases.main.send<string>(['ZSCORE', key, held]));
    await expect.poll(end, { timeout: 10_000, interval: 20 }).toBeGreaterThan(Date.now());

    expect(await openTestLore(redis).queues.dequeue(queue)).toBeUndefined();
    finish.open();
    expect(await worker.done).toMatchObject({ done: 1, lost: 0 });
  });

  it('tells the handler when another worker has its task', async () => {
    await enqueue(1);
    const begun = gate();
    const handler = async (_: unknown, { signal }: { signal: AbortSignal }) => {
      begun.open();
      await sleep(10_000, undefined, { signal });
    };
    const worker = lore.startWorker(queue, handler, { leaseMs: 150 });
    await begun.opened;
    const key = leasesKey();
    const [held = ''] = await lore.databases.main.send<string[]>(['ZRANGE', key, '0', '-1']);
    await lore.databases.main.send(['ZADD', key, '1', held]);
    const stolen = await lore.queues.dequeue(queue);

    await expect.poll(() => worker.counts.lost).toBe(1);
    expect(stolen).toMatchObject({ attempt: 2 });
    expect(await worker.stop()).toMatchObject({ lost: 1, done: 0 });
  });

  it('refuses wrong options', () => {
    const start = (options: object) => () => lore.startWorker(queue, () => {}, options);
    expect(start({ concurrency: 0 })).toThrow(/concurrency/);
    expect(start({ leaseMs: 5 })).toThrow(/leaseMs/);
  });

  it('ends with the error of a callback, after its tasks', async () => {
    await enqueue(2);
    const worker = lore.startWorker(queue, () => {}, {
      onOutcome: () => {
        throw new Error('of the callback');
      },
    });

    await expect(worker.done).rejects.toThrow('of the callback');
  });

  it('ends with the error when the queue is no list', async () => {
    await lore.databases.main.send(['SET', `queue:${queue}`, 'text']);
    const worker = lore.startWorker(queue, () => {});

    await expect(worker.done).rejects.toMatchObject({ code: 'record_invalid' });
  });
});

describe('stopping a worker', () => {
  it('finishes what runs and takes nothing more', async () => {
    await enqueue(5);
    const [begun, finish] = [gate(), gate()];
    const handler = () => {
      begun.open();
      return finish.opened;
    };
    const worker = lore.startWorker(queue, handler, { concurrency: 2 });
    await begun.opened;
    await expect.poll(async () => (await lore.queues.stats(queue)).processing).toBe(2);
    const stopping = worker.stop();
    finish.open();

    expect(await stopping).toMatchObject({ done: 2 });
    expect(await lore.queues.stats(queue)).toMatchObject({ waiting: 3, processing: 0 });
  });

  it('puts tasks back untried that do not end in time', async () => {
    await enqueue(2);
    const begun = gate();
    const handler = (_: unknown, { signal }: { signal: AbortSignal }) => {
      begun.open();
      return sleep(60_000, undefined, { signal });
    };
    const worker = lore.startWorker(queue, handler);
    await begun.opened;

    expect(await worker.stop({ graceMs: 20 })).toMatchObject({ released: 1, done: 0 });
    expect(await lore.queues.dequeue(queue)).toMatchObject({ task: { taskId: 't0' }, attempt: 1 });
  });

  it('is done by its signal, and by closing stacklore', async () => {
    const abort = new AbortController();
    const byNothing = lore.startWorker(queue, () => {}, { signal: AbortSignal.abort() });
    const bySignal = lore.startWorker(queue, () => {}, { signal: abort.signal });
    const other = openStacklore(redis.config(), { env: {} });
    const byClosing = other.startWorker(queue, () => {});
    await sleep(50);
    abort.abort();
    await other.close();

    for (const worker of [byNothing, bySignal, byClosing])
      expect(await worker.done).toMatchObject({ done: 0 });
  });
});

describe('a worker that is killed', () => {
  it('loses no task: another one gets those it had, and the rest', async () => {
    const ids = await enqueue(60);
    const program = runTypeScript(WORK, [redis.url, queue, '400', '50']);
    const begun = async () => lore.databases.main.send<number>(['LLEN', `test:begun:${queue}`]);
    await expect.poll(begun, { timeout: 30_000, interval: 5 }).toBeGreaterThan(8);
    program.process.kill('SIGKILL');
    await program.ended;
    const held = (await lore.queues.stats(queue)).processing;
    expect(held).toBeGreaterThan(0);
    const doneBefore = await lore.databases.main.send<string[]>(['SMEMBERS', `test:done:${queue}`]);

    const done: string[] = [];
    const again: string[] = [];
    const worker = lore.startWorker(
      queue,
      ({ taskId }, { attempt }) => {
        done.push(taskId);
        if (attempt > 1) again.push(taskId);
      },
      { concurrency: 8 },
    );
    await expect.poll(() => new Set([...doneBefore, ...done]).size, { timeout: 30_000 }).toBe(ids.length);
    await worker.stop();

    expect(again.length).toBe(held);
    // Without a crash nothing comes twice; of what the killed one had, all comes once more.
    expect(done.length).toBe(new Set(done).size);
    expect(await lore.queues.stats(queue)).toMatchObject({ waiting: 0, processing: 0, delayed: 0, dead: 0 });
  });
});

describe('a callback that throws or rejects', () => {
  it.each([
    [
      'throws',
      () => {
        throw new Error('no log');
      },
    ],
    ['rejects', () => Promise.reject(new Error('no log'))],
    ['rejects later', () => sleep(20).then(() => Promise.reject(new Error('no log')))],
  ])('ends the worker when it %s, also when the lease could not be renewed', async (_, onTrouble) => {
    await enqueue(1);
    const { opened, open } = gate();
    const begun = gate();
    const worker = lore.startWorker(
      queue,
      () => {
        begun.open();
        return opened;
      },
      {
        leaseMs: 150,
        onTrouble,
      },
    );
    await begun.opened;
    const leases = leasesKey();
    await lore.databases.main.send(['RENAME', leases, `${leases}:kept`]);
    await lore.databases.main.send(['SET', leases, 'text']);
    setTimeout(open, 120);

    await expect(worker.done).rejects.toThrow('no log');
  });

  it('ends the worker when it was told of an outcome, and may wait for its stop', async () => {
    await enqueue(2);
    const rejecting = lore.startWorker(queue, () => undefined, {
      onOutcome: () => Promise.reject(new Error('no log')),
    });
    await expect(rejecting.done).rejects.toThrow('no log');

    await enqueue(1);
    let stopped: unknown;
    const stopping: QueueWorker = lore.startWorker(queue, () => undefined, {
      onOutcome: async () => {
        stopped = await stopping.stop();
      },
    });
    await stopping.done;
    await expect.poll(() => stopped).toMatchObject({ done: expect.any(Number) });
  });
});

describe('a server that is restarted', () => {
  it('is waited for, and nothing that was acknowledged comes again', async () => {
    const seen: string[] = [];
    let troubles = 0;
    const worker = lore.startWorker(queue, ({ taskId }) => seen.push(taskId), {
      onTrouble: () => {
        troubles += 1;
      },
    });
    await enqueue(3);
    await expect.poll(() => worker.counts.done).toBe(3);
    await redis.restart();
    await lore.queues.enqueue(queue, { taskType: 'x', taskId: 'after' });
    await expect.poll(() => worker.counts.done, { timeout: 8_000 }).toBe(4);
    await worker.stop();

    expect(seen).toEqual(['t0', 't1', 't2', 'after']);
    expect(troubles).toBeGreaterThan(0);
  });
});
