import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openStacklore, type Stacklore } from '../../../src/stacklore.ts';
import { type Delivery, deadLetter } from '../../../src/stores/main/delivery.ts';
import type { DequeueOptions } from '../../../src/stores/main/take-options.ts';
import { allKeys, openTestLore } from '../../support/lore.ts';
import { isOnCluster, usePrivateRedis } from '../../support/redis.ts';

const redis = usePrivateRedis();
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

const send = <T>(...command: (string | Buffer)[]) => lore.databases.main.send<T>(command);
/** What the names of helper keys hold of the queue's. */
const named = () => (isOnCluster() ? `{queue:${queue}}` : queue);
const leasesKey = () => `stacklore:queue:${named()}:leases`;
const deadKey = () => `stacklore:queue:${named()}:dead`;
const delayedKey = () => `stacklore:queue:${named()}:delayed`;

async function take(options?: DequeueOptions): Promise<Delivery> {
  const delivery = await lore.queues.dequeue(queue, options);
  if (!delivery) throw new Error('the queue is empty');
  return delivery;
}

/** As if the time of every lease of the queue had passed. */
async function endLeases(): Promise<void> {
  for (const place of await send<string[]>('ZRANGE', leasesKey(), '0', '-1')) {
    await send('ZADD', leasesKey(), '1', place);
  }
}

describe('a queue', () => {
  it('stores a task exactly as the schema says', async () => {
    const task = await lore.queues.enqueue(queue, {
      taskId: 'task_001',
      taskType: 'browser_automation',
      payload: { url: 'https://example.com' },
    });

    expect(await send('LRANGE', `queue:${queue}`, '0', '-1')).toEqual([
      '{"task_id":"task_001","task_type":"browser_automation","payload":{"url":"https://example.com"},' +
        `"created_at":"${task.createdAt}","priority":5}`,
    ]);
  });

  it('gives the oldest task first and leaves nothing behind', async () => {
    await lore.queues.enqueueAll(queue, [{ taskType: 'a' }, { taskType: 'b' }]);
    await lore.queues.enqueue(queue, { taskType: 'c' });
    const types: string[] = [];
    for (let delivery = await take(); ; delivery = await take()) {
      types.push(delivery.task.taskType);
      expect(await lore.queues.acknowledge(delivery)).toBe(true);
      if (types.length === 3) break;
    }

    expect(types).toEqual(['a', 'b', 'c']);
    expect(await lore.queues.dequeue(queue)).toBeUndefined();
    expect(await allKeys(lore.databases.main, `*${queue}*`)).toEqual([]);
  });

  it('serves what another program pushes, with its own fields byte for byte', async () => {
    const element =
      '{"priority": 1, "task_type": "digest", "task_id": "t-9", "created_at": "2025-01-15", "payload": null, "retries": 3}';
    await send('LPUSH', `queue:${queue}`, element);

    const delivery = await take();
    expect(delivery).toMatchObject({ element, attempt: 1, task: { taskId: 't-9', payload: null } });
    await lore.queues.retry(delivery);
    expect(await take()).toMatchObject({ element, attempt: 2 });
    await endLeases();
    expect(await take()).toMatchObject({ element, attempt: 3 });
  });

  it('leaves its tasks to programs that take them by themselves', async () => {
    await lore.queues.enqueue(queue, { taskType: 'a', taskId: '1' });
    await lore.queues.retry(await take());
    await lore.queues.recover(queue);

    expect(JSON.parse(await send('RPOP', `queue:${queue}`))).toEqual({
      ...{ task_id: '1', task_type: 'a', payload: null, priority: 5, created_at: expect.any(String) },
    });
  });

  it('keeps equal tasks apart', async () => {
    const element = '{"task_id":"n","task_type":"nightly","payload":null,"created_at":"2025","priority":5}';
    await send('LPUSH', `queue:${queue}`, element, element, element);
    const [first, second, third] = [await take(), await take(), await take()];

    await lore.queues.retry(first);
    await lore.queues.retry(second);
    await lore.queues.acknowledge(third);
    expect(await lore.queues.stats(queue)).toMatchObject({ waiting: 0, processing: 0, delayed: 2 });
  });

  it('refuses a wrong task and queues nothing', async () => {
    const refused = (task: unknown) =>
      // Wrong on purpose: what JavaScript callers may pass.
      expect(lore.queues.enqueueAll(queue, [{ taskType: 'good' }, task as { taskType: string }])).rejects;

    await refused({ taskType: 'a', priority: 11 }).toMatchObject({ code: 'invalid_input' });
    await refused({ taskType: 'a', priority: 0.5 }).toMatchObject({ code: 'invalid_input' });
    await refused({ taskType: '' }).toMatchObject({ code: 'invalid_input' });
    await refused({ taskType: 'a', payload: Number.NaN }).toMatchObject({ code: 'invalid_input' });
    await refused({ taskType: 'a', payload: { at: () => 1 } }).toMatchObject({ code: 'invalid_input' });
    await refused({ taskType: 'a', prio: 3 }).toThrow(/has no "prio"/);
    await refused('a').toMatchObject({ code: 'invalid_input' });
    expect(await lore.queues.stats(queue)).toMatchObject({ waiting: 0 });
  });

  it('refuses names no key can carry, and wrong options', async () => {
    for (const name of ['', 'a\nb', 'x'.repeat(513)]) {
      await expect(lore.queues.dequeue(name)).rejects.toMatchObject({ code: 'invalid_input' });
    }
    for (const options of [{ leaseMs: 1 }, { waitMs: -1 }, { maxAttempts: 0 }, { byPriority: 5_000 }]) {
      await expect(lore.queues.dequeue(queue, options)).rejects.toMatchObject({ code: 'invalid_input' });
    }
  });

  it('takes any other name, also where other programs write it without escaping', async () => {
    // Where the two names differ, the lists lie in different slots of a cluster.
    const escaped = isOnCluster() ? [] : ['a*b?[c]', 'a%b'];
    for (const name of ['jobs:high', ...escaped, 'ünï☃', 'x:processing:y']) {
      const element = '{"task_id":"f","task_type":"foreign","payload":null,"created_at":"2025","priority":5}';
      await send('LPUSH', `queue:${name}`, element);
      await lore.queues.enqueue(name, { taskType: 'own', taskId: 'o' });
      expect(await lore.queues.stats(name)).toMatchObject({ queue: name, waiting: 2 });
      expect((await lore.queues.peek(name)).items).toHaveLength(2);
      const taken = [await lore.queues.dequeue(name), await lore.queues.dequeue(name)];
      expect(taken.map((delivery) => delivery?.task.taskId).sort()).toEqual(['f', 'o']);
      expect((await lore.queues.list()).map((one) => one.queue)).toContain(name);
    }
  });
});

describe('waiting for a task', () => {
  it('gives a task as soon as another program pushes one', async () => {
    const waiting = lore.queues.dequeue(queue, { waitMs: 60_000 });
    await sleep(30);
    const element = '{"task_id":"t","task_type":"late","payload":1,"created_at":"2025","priority":5}';
    await send('LPUSH', `queue:${queue}`, element);

    const delivery = await waiting;
    expect(delivery).toMatchObject({ element, attempt: 1 });
    expect(await lore.queues.stats(queue)).toMatchObject({ waiting: 0, processing: 1 });
  });

  it('ends without one after its time, leaving nothing behind', async () => {
    expect(await lore.queues.dequeue(queue, { waitMs: 50 })).toBeUndefined();
    expect(await allKeys(lore.databases.main, `*${queue}*`)).toEqual([]);
  });

  it('is not cut by the deadline of commands, and holds up no other command', async () => {
    const impatient = openTestLore(redis, { commandTimeoutMs: 300 });
    const waiting = impatient.queues.dequeue(queue, { waitMs: 60_000 });
    await sleep(1_400);
    await impatient.queues.enqueue(queue, { taskType: 'a' });

    expect(await waiting).toMatchObject({ task: { taskType: 'a' } });
  });

  it('ends with the signal, and loses no task that comes at that moment', async () => {
    const abort = new AbortController();
    const waiting = Array.from({ length: 64 }, () =>
      lore.queues.dequeue(queue, { waitMs: 60_000, signal: abort.signal }),
    );
    await sleep(100);
    const pushing = lore.queues.enqueueAll(
      queue,
      Array.from({ length: 32 }, () => ({ taskType: 'a' })),
    );
    abort.abort();
    const outcomes = await Promise.allSettled(waiting);
    await pushing;

    const given = outcomes.filter((outcome) => outcome.status === 'fulfilled').length;
    const refused = outcomes.filter((outcome) => outcome.status === 'rejected');
    for (const { reason } of refused) expect(reason).toMatchObject({ code: 'aborted' });
    const { waiting: left, processing } = await lore.queues.stats(queue);
    expect({ given: processing, left }).toEqual({ given, left: 32 - given });
  });

  it('ends when stacklore is closed', async () => {
    const other = openStacklore(redis.config(), { env: {} });
    const waiting = other.queues.dequeue(queue, { waitMs: 60_000 });
    waiting.catch(() => undefined);
    await sleep(50);
    await other.close();

    await expect(waiting).rejects.toMatchObject({ code: 'aborted' });
  });

  it('notices a retry that becomes due and a lease that ends', async () => {
    await lore.queues.enqueueAll(queue, [{ taskType: 'retried' }, { taskType: 'abandoned' }]);
    await lore.queues.retry(await take(), { delayMs: 600 });
    await take({ leaseMs: 1_200 });

    const later = [await take({ waitMs: 5_000 }), await take({ waitMs: 5_000 })];
    expect(later.map(({ task, attempt }) => [task.taskType, attempt])).toEqual([
      ['retried', 2],
      ['abandoned', 2],
    ]);
  });

  it('tells of a connection that breaks, and the next call works', async () => {
    const waiting = lore.queues.dequeue(queue, { waitMs: 60_000 });
    // It may fail before it is awaited.
    waiting.catch(() => undefined);
    await sleep(50);
    for (const shard of await lore.databases.main.shards()) {
      const clients = await shard.send<string>(['CLIENT', 'LIST']);
      for (const line of clients.split('\n').filter((one) => /flags=\S*b/.test(one))) {
        await shard.send(['CLIENT', 'KILL', 'ID', /id=(\d+)/.exec(line)?.[1] ?? '']);
      }
    }

    await expect(waiting).rejects.toMatchObject({ code: 'database_unreachable' });
    await lore.queues.enqueue(queue, { taskType: 'a' });
    expect(await take({ waitMs: 1_000 })).toMatchObject({ attempt: 1 });
  });
});

describe('a task that is not settled', () => {
  it('goes to another worker before all that wait, once its lease has ended', async () => {
    const tasks = ['a', 'b', 'c'].map((taskId) => ({ taskType: 'x', taskId }));
    await lore.queues.enqueueAll(queue, tasks);
    const late = await take({ leaseMs: 100 });
    const second = await take({ leaseMs: 200 });
    expect([late.task.taskId, second.task.taskId]).toEqual(['a', 'b']);
    await sleep(250);

    const again = [await take(), await take(), await take()];
    expect(again.map(({ task, attempt }) => `${task.taskId}${attempt}`)).toEqual(['a2', 'b2', 'c1']);
    expect(await lore.queues.acknowledge(late)).toBe(false);
    expect(await lore.queues.retry(late)).toBe(false);
    expect(await lore.queues.bury(late, 'late')).toBe(false);
    expect(await lore.queues.release(late)).toBe(false);
    expect(await lore.queues.stats(queue)).toMatchObject({ waiting: 0, processing: 3, delayed: 0, dead: 0 });
  });

  it('stays with a worker that renews its lease, and such a worker hears of those it lost', async () => {
    await lore.queues.enqueueAll(queue, [{ taskType: 'kept' }, { taskType: 'lost' }]);
    const [kept, lost] = [await take(), await take()];
    await endLeases();
    expect(await lore.queues.renew(queue, [kept])).toEqual([]);
    await take();

    expect(await lore.queues.renew(queue, [kept, lost])).toEqual([lost]);
    expect(await lore.queues.acknowledge(kept)).toBe(true);
  });

  it('becomes a dead letter when its workers died too often', async () => {
    await lore.queues.enqueue(queue, { taskType: 'deadly', taskId: 'd' });
    await take();
    await endLeases();
    await take();
    await endLeases();

    expect(await lore.queues.recover(queue, { maxAttempts: 2 })).toEqual({ recovered: 0, buried: 1, due: 0 });
    expect(await lore.deadLetters.list(queue)).toMatchObject({
      items: [{ task: { taskId: 'd' }, attempts: 2, error: 'its worker died or stalled, 2 attempts in all' }],
      total: 1,
    });
  });

  it.each([
    ['text beyond ASCII', Buffer.from('{"payload":"Wände, “Bücher” 📚 \u0000"}')],
    ['no bytes that make text', Buffer.from([0x7b, 0xff, 0xfe])],
    ['an overlong form', Buffer.from([0x61, 0xe0, 0x80, 0x80])],
    ['half a surrogate pair', Buffer.from([0xed, 0xa0, 0x80, 0x62])],
    ['text that breaks off', Buffer.from([0x61, 0xf0, 0x9f, 0x93])],
    ['a number beyond Unicode', Buffer.from([0xf4, 0x90, 0x80, 0x80])],
  ])('of %s becomes the same dead letter as a task given up, and is queued again', async (_, element) => {
    const processing = `stacklore:queue:${named()}:processing:left`;
    await send('RPUSH', processing, element);
    expect(await lore.queues.recover(queue, { maxAttempts: 1 })).toMatchObject({ buried: 1 });

    const [written = ''] = await send<string[]>('LRANGE', deadKey(), '0', '-1');
    const {
      error,
      attempts,
      failed_at: failedAt,
    } = JSON.parse(written) as {
      error: string;
      attempts: number;
      failed_at: string;
    };
    const expected = deadLetter(element, { error, attempts, now: Date.parse(failedAt) });
    expect(JSON.parse(written)).toEqual(JSON.parse(expected));
    expect(await lore.deadLetters.retry(queue)).toEqual({ retried: 1, unreadable: [] });
    const queued = { buffers: true };
    expect(await lore.databases.main.send(['LRANGE', `queue:${queue}`, '0', '-1'], queued)).toEqual([
      element,
    ]);
  });

  it('is found by recover where no lease knows it', async () => {
    await lore.queues.enqueue(queue, { taskType: 'a' });
    await take();
    await send('UNLINK', leasesKey());

    expect(await lore.queues.recover(queue)).toMatchObject({ recovered: 1 });
    expect(await take()).toMatchObject({ attempt: 2 });
  });

  it('can be put back untried', async () => {
    await lore.queues.enqueueAll(queue, [{ taskType: 'a' }, { taskType: 'b' }]);
    await lore.queues.release(await take());

    expect(await take()).toMatchObject({ task: { taskType: 'a' }, attempt: 1 });
  });
});

describe('what is no task', () => {
  it('becomes a dead letter with the reason and blocks nothing', async () => {
    const bytes = Buffer.from([0x7b, 0xff, 0xfe]);
    const poison = [
      'not JSON',
      '[]',
      '{"task_id":"t","task_type":"x","payload":1,"created_at":"2025"}',
      '{"task_id":"t","task_type":"x","payload":1,"created_at":"2025","priority":"high"}',
      bytes,
    ];
    await send('LPUSH', `queue:${queue}`, ...poison);
    await lore.queues.enqueue(queue, { taskType: 'good' });

    expect(await take()).toMatchObject({ task: { taskType: 'good' } });
    const { items, total } = await lore.deadLetters.list(queue);
    expect(total).toBe(5);
    expect(items.map(({ error }) => error)).toEqual([
      expect.stringMatching(/not UTF-8/),
      expect.stringMatching(/priority/),
      expect.stringMatching(/priority/),
      expect.stringMatching(/not a JSON object/),
      expect.stringMatching(/not JSON/),
    ]);

    expect(await lore.deadLetters.retry(queue)).toEqual({ retried: 5, unreadable: [] });
    const elements = await lore.databases.main.send<Buffer[]>(['LRANGE', `queue:${queue}`, '0', '-1'], {
      buffers: true,
    });
    expect(elements.reverse()).toEqual(poison.map((element) => Buffer.from(element)));
  });

  it('is passed over by a choice by priority too', async () => {
    await send('LPUSH', `queue:${queue}`, 'not JSON', '{"priority":{}}', '{"priority":99}');
    await lore.queues.enqueue(queue, { taskType: 'good' });

    expect(await take({ byPriority: true })).toMatchObject({ task: { taskType: 'good' } });
    expect(await lore.queues.stats(queue)).toMatchObject({ dead: 3 });
  });
});

describe('dead letters', () => {
  it('are queued again by id with no failure counted, or refused when one is unknown', async () => {
    const tasks = ['a', 'b', 'c'].map((taskId) => ({ taskType: 'x', taskId }));
    await lore.queues.enqueueAll(queue, tasks);
    for (const { taskId } of tasks) await lore.queues.bury(await take(), `${taskId} failed`);
    expect((await lore.deadLetters.list(queue, { limit: 2 })).items).toMatchObject([
      { error: 'c failed', attempts: 1 },
      { error: 'b failed' },
    ]);

    const unknown = expect(lore.deadLetters.retry(queue, ['a', 'z'])).rejects;
    await unknown.toMatchObject({ code: 'not_found' });
    expect(await lore.deadLetters.retry(queue, ['c', 'a'])).toEqual({ retried: 2, unreadable: [] });
    expect([await take(), await take()]).toMatchObject([
      { task: { taskId: 'a' }, attempt: 1 },
      { task: { taskId: 'c' }, attempt: 1 },
    ]);
    expect(await lore.deadLetters.purge(queue)).toBe(1);
    expect(await lore.deadLetters.list(queue)).toEqual({ items: [], total: 0, unreadable: [] });
  });

  it('are queued again oldest first, however many, equal ones among them', async () => {
    const letter = (taskId: string) => {
      const task = { task_id: taskId, task_type: 'x', payload: null, created_at: '2025-01-15', priority: 5 };
      return deadLetter(JSON.stringify(task), { error: 'e', attempts: 1, now: 0 });
    };
    const ids = Array.from({ length: 1_200 }, (_, at) => `t${at % 400}`);
    await send('LPUSH', deadKey(), ...ids.map(letter));

    const commands = async () => {
      const stats = await send<string>('INFO', 'commandstats');
      return Number(/^cmdstat_evalsha:calls=(\d+)/m.exec(stats)?.[1] ?? 0);
    };
    const before = await commands();
    expect(await lore.deadLetters.retry(queue)).toEqual({ retried: 1_200, unreadable: [] });
    expect((await commands()) - before).toBeLessThan(20);
    const { items } = await lore.queues.peek(queue, { limit: 2_000 });
    expect(items.map((item) => ('task' in item ? item.task.taskId : ''))).toEqual(ids);
    expect(await lore.queues.stats(queue)).toMatchObject({ waiting: 1_200, dead: 0 });
  });

  it('that cannot be read are named and stay, and the others are given and queued again', async () => {
    const task = { task_id: 'good', task_type: 'x', payload: null, created_at: '2025-01-15', priority: 5 };
    const good = deadLetter(JSON.stringify(task), { error: 'e', attempts: 1, now: 0 });
    await send('RPUSH', deadKey(), 'no letter', good, '{"element":1}');
    const unreadable = [0, 2].map((position) => ({
      ...{ key: deadKey(), position },
      problem: expect.stringMatching(new RegExp(`"${deadKey()}".*element ${position}: `)),
    }));

    expect(await lore.deadLetters.list(queue)).toMatchObject({
      ...{ items: [{ task: { taskId: 'good' } }], total: 3, unreadable },
    });
    expect(await lore.deadLetters.list(queue, { offset: 1 })).toMatchObject({
      unreadable: unreadable.slice(1),
    });
    expect(await lore.deadLetters.retry(queue)).toEqual({ retried: 1, unreadable });
    expect(await send('LRANGE', deadKey(), '0', '-1')).toEqual(['no letter', '{"element":1}']);
    expect((await lore.queues.peek(queue)).items).toMatchObject([{ task: { taskId: 'good' } }]);
  });
});

describe('by priority', () => {
  const priorities = async (count: number, options: DequeueOptions) => {
    const taken: string[] = [];
    for (let n = 0; n < count; n += 1) taken.push((await take(options)).task.taskId);
    return taken;
  };

  it('the highest comes first, the oldest of equals before the others', async () => {
    const tasks = [5, 9, 5, 10, 9, 1].map((priority, at) => ({ taskType: 'x', taskId: `${at}`, priority }));
    await lore.queues.enqueueAll(queue, tasks);

    expect(await priorities(6, { byPriority: true })).toEqual(['3', '1', '4', '0', '2', '5']);
  });

  it('only the given number of tasks is looked at', async () => {
    const tasks = [1, 2, 3, 10].map((priority, at) => ({ taskType: 'x', taskId: `${at}`, priority }));
    await lore.queues.enqueueAll(queue, tasks);

    expect(await priorities(4, { byPriority: 2 })).toEqual(['1', '2', '3', '0']);
  });

  it('waits as well', async () => {
    const waiting = [1, 2, 3].map(() => take({ byPriority: true, waitMs: 60_000 }));
    await sleep(50);
    await lore.queues.enqueueAll(queue, [
      ...[1, 10, 5].map((priority) => ({ taskType: 'x', taskId: `${priority}`, priority })),
    ]);

    const ids = (await Promise.all(waiting)).map(({ task }) => task.taskId);
    expect(ids.sort()).toEqual(['1', '10', '5']);
  });
});

describe('looking at queues', () => {
  it('shows what waits, the next first, and takes nothing', async () => {
    await lore.queues.enqueueAll(
      queue,
      ['a', 'b', 'c', 'd'].map((taskType) => ({ taskType })),
    );
    await send('LPUSH', `queue:${queue}`, 'poison');

    const types = async (page: { offset?: number; limit?: number }) =>
      (await lore.queues.peek(queue, page)).items.map((item) =>
        'task' in item ? item.task.taskType : item.problem,
      );
    expect(await types({ limit: 2 })).toEqual(['a', 'b']);
    expect(await types({ offset: 3, limit: 9 })).toEqual(['d', expect.stringMatching(/not JSON/)]);
    expect(await types({ offset: 9 })).toEqual([]);
    expect(await lore.queues.peek(queue, { limit: 1 })).toMatchObject({ total: 5 });
  });

  it('lists every queue that holds anything, in whatever state', async () => {
    await lore.queues.enqueueAll(queue, [{ taskType: 'a' }, { taskType: 'b' }, { taskType: 'c' }]);
    await lore.queues.retry(await take(), { delayMs: 60_000 });
    await lore.queues.bury(await take(), 'broken');
    await take();

    const mine = { queue, waiting: 0, processing: 1, delayed: 1, dead: 1 };
    expect(await lore.queues.list()).toContainEqual(mine);
  });

  it('deletes what waits and keeps what runs and what is dead', async () => {
    await lore.queues.enqueueAll(
      queue,
      ['a', 'b', 'c', 'd'].map((taskType) => ({ taskType })),
    );
    await lore.queues.retry(await take(), { delayMs: 60_000 });
    await lore.queues.bury(await take(), 'broken');
    const running = await take();

    expect(await lore.queues.purge(queue)).toEqual({ waiting: 1, delayed: 1 });
    expect(await lore.queues.stats(queue)).toMatchObject({ waiting: 0, processing: 1, delayed: 0, dead: 1 });
    expect(await lore.queues.acknowledge(running)).toBe(true);
  });
});

describe('a key of the wrong type', () => {
  it('is named, wherever it is met', async () => {
    const key = `queue:${queue}`;
    await send('SET', key, 'text');

    for (const call of [
      () => lore.queues.enqueue(queue, { taskType: 'a' }),
      () => lore.queues.dequeue(queue),
      () => lore.queues.dequeue(queue, { waitMs: 1_000, byPriority: true }),
      () => lore.queues.peek(queue),
      () => lore.queues.stats(queue),
      () => lore.queues.purge(queue),
    ]) {
      await expect(call()).rejects.toMatchObject({ code: 'record_invalid', key });
    }
    expect(await send('GET', key)).toBe('text');
    await lore.queues.enqueue(`${queue}-other`, { taskType: 'a' });
    const all = (await lore.queues.list()).filter((one) => one.queue.startsWith(queue));
    expect(all).toMatchObject([{ queue, problem: expect.stringContaining(key) }, { waiting: 1 }]);
  });

  it('loses no task that was to go there', async () => {
    await lore.queues.enqueue(queue, { taskType: 'a' });
    const delivery = await take();
    await send('SET', delayedKey(), 'text');

    const retried = expect(lore.queues.retry(delivery)).rejects;
    await retried.toMatchObject({ code: 'record_invalid', key: delayedKey() });
    await send('UNLINK', delayedKey());
    await send('SET', deadKey(), 'text');
    await expect(lore.deadLetters.purge(queue)).rejects.toMatchObject({ code: 'record_invalid' });
    const buried = expect(lore.queues.bury(delivery, 'broken')).rejects;
    await buried.toMatchObject({ code: 'record_invalid', key: deadKey() });
    expect(await lore.queues.acknowledge(delivery)).toBe(true);
  });
});

describe('64 clients at once', () => {
  it('lose no task and take none twice', async () => {
    const clients = Array.from({ length: 64 }, () => openStacklore(redis.config(), { env: {} }));
    const seen = new Map<string, number>();
    const total = 64 * 15;
    const work = async (client: Stacklore, at: number) => {
      const tasks = Array.from({ length: 15 }, (_, n) => ({
        taskType: 'x',
        taskId: `${at}-${n}`,
        priority: 1 + (n % 10),
      }));
      // Half of them take before there is anything.
      const producing = client.queues.enqueueAll(queue, tasks);
      if (at % 2 === 0) await producing;
      for (;;) {
        const options = { waitMs: 1_500, byPriority: at % 4 === 0 };
        const delivery = await client.queues.dequeue(queue, options);
        if (!delivery) break;
        const { taskId } = delivery.task;
        seen.set(taskId, (seen.get(taskId) ?? 0) + 1);
        expect(await client.queues.acknowledge(delivery)).toBe(true);
        if (seen.size === total) break;
      }
      await producing;
    };
    await Promise.all(clients.map(work));
    await Promise.all(clients.map((client) => client.close()));

    expect(seen.size).toBe(total);
    expect([...seen.values()].every((times) => times === 1)).toBe(true);
    expect(await lore.queues.stats(queue)).toMatchObject({ waiting: 0, processing: 0, delayed: 0, dead: 0 });
  });
});
