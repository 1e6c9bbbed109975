import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type ConfigInput, loadConfig } from '../../src/config.ts';
import { StackloreError } from '../../src/errors.ts';
import { connectDatabases, type Databases } from '../../src/redis/databases.ts';
import { scanKeys } from '../../src/redis/scan.ts';
import { Queues } from '../../src/stores/main/queues.ts';
import { type PrivateSentinels, startPrivateSentinels } from '../support/sentinels.ts';

const KEYS = 5_000;
let group: PrivateSentinels;
const opened: Databases[] = [];

function connect(settings: ConfigInput = {}, purpose?: string): Databases {
  const config = loadConfig({ settings: group.config(settings), env: {} });
  const databases = connectDatabases(config, { purpose });
  opened.push(databases);
  return databases;
}

beforeAll(async () => {
  group = await startPrivateSentinels({ replicas: 1, sentinels: 1 });
  await group.inSync();
}, 60_000);
afterAll(async () => {
  await Promise.all(opened.map((databases) => databases.close()));
  await group?.stop();
});

describe('connections behind sentinels', () => {
  it('say in their names what they are for', async () => {
    const { main } = connect({ clientName: 'shop' }, 'serve');
    await main.send(['SET', 'named', '1'], { isConfirmed: true });
    await main.duplicate({ purpose: 'blocking' }).send(['PING']);
    const list = await main.send<string>(['CLIENT', 'LIST', 'TYPE', 'normal']);
    expect([...list.matchAll(/ name=(shop\S*)/g)].map(([, name]) => name).sort()).toEqual([
      'shop:serve:main',
      'shop:serve:main:blocking',
      'shop:serve:main:confirm',
    ]);
  });
});

describe('a write that replicas are to confirm', () => {
  const signalReplicas = (signal: NodeJS.Signals) => {
    for (const { pid } of group.servers.slice(1)) process.kill(pid, signal);
  };

  it('is an error while too few have it, though the master has', async () => {
    const { main } = connect({ confirm: { timeoutMs: 200 } });
    await main.send(['SET', 'confirmed', '1'], { isConfirmed: true });
    signalReplicas('SIGSTOP');
    try {
      const failure = expect(main.send(['SET', 'confirmed', '2'], { isConfirmed: true })).rejects;
      await failure.toMatchObject({ code: 'database_timeout' });
      await failure.toThrow(/has the write, but 0 of the 1 replicas.*STACKLORE_CONFIRM_REPLICAS/);
      expect(await main.send(['SET', 'unconfirmed', '1'])).toBe('OK');
      const none = connect({ confirm: { replicas: 0 } }).main;
      expect(await none.send(['SET', 'confirmed', '3'], { isConfirmed: true })).toBe('OK');
    } finally {
      signalReplicas('SIGCONT');
    }
    expect(await main.send(['GET', 'confirmed'], { isConfirmed: true })).toBe('3');
  });

  it('does not hold up what others send', async () => {
    const { main } = connect({ confirm: { timeoutMs: 30_000 } });
    await main.send(['PING']);
    signalReplicas('SIGSTOP');
    let isConfirmed = false;
    const confirmed = main.send(['SET', 'slow', '1'], { isConfirmed: true }).then(() => {
      isConfirmed = true;
    });
    await expect.poll(() => main.send(['GET', 'slow'])).toBe('1');
    expect(isConfirmed).toBe(false);
    signalReplicas('SIGCONT');
    await confirmed;
  });

  it('may be a whole transaction or pipeline, and fails by its own error', async () => {
    const { main } = connect();
    const commands = [
      ['SET', 'whole', 'x'],
      ['GET', 'whole'],
    ];
    expect(await main.transaction(commands, { isConfirmed: true })).toEqual(['OK', 'x']);
    expect(await main.pipeline(commands, { isConfirmed: true })).toEqual(['OK', 'x']);
    await expect(main.send(['INCR', 'whole'], { isConfirmed: true })).rejects.toThrow(/not an integer/);
  });
});

describe('a master that gives its place to another', () => {
  const counted = { acknowledged: 0, failures: [] as unknown[] };
  const scanned = new Set<string>();
  let databases: Databases;
  let taken: string | undefined;

  beforeAll(async () => {
    databases = connect({}, 'test');
    const { main } = databases;
    await main.pipeline(Array.from({ length: KEYS }, (_, at) => ['SET', `scanned:${at}`, 'x']));
    await group.inSync();
    const scan = scanKeys(main, 'scanned:*', { count: 100 });
    for (const key of (await scan.next()).value ?? []) scanned.add(key);
    const queues = new Queues(main);
    const taking = takeFrom(queues);
    let isOver = false;
    const counting = count(main, () => isOver);
    const sentinel = connect({ redisUrl: `redis://127.0.0.1:${group.sentinels[0]?.port}` }).main;
    await group.failOver(async () => void (await sentinel.send(['SENTINEL', 'FAILOVER', 'lore'])));
    const before = counted.acknowledged;
    await vi
      .waitUntil(() => counted.acknowledged > before + 20, { timeout: 60_000 })
      .finally(() => {
        isOver = true;
      });
    await counting;
    for await (const keys of scan) for (const key of keys) scanned.add(key);
    await queues.enqueue('moved', { taskType: 'x', taskId: 'after' });
    taken = await taking;
    await queues.close();
  }, 120_000);

  async function count(main: Databases['main'], isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      await main.send(['INCR', 'counted'], { isConfirmed: true, timeoutMs: 5_000 }).then(
        () => {
          counted.acknowledged += 1;
        },
        (error: unknown) => counted.failures.push(error),
      );
      await sleep(5);
    }
  }

  /** What a worker does that waits for tasks: it begins anew where waiting failed. */
  async function takeFrom(queues: Queues): Promise<string | undefined> {
    for (let attempt = 0; attempt < 10; attempt += 1) {
      try {
        return (await queues.dequeue('moved', { waitMs: 60_000 }))?.task.taskId;
      } catch (error) {
        counted.failures.push(error);
        await sleep(500);
      }
    }
    return undefined;
  }

  it('is left for the other, and nothing acknowledged is lost or done twice', async () => {
    const value = Number(await databases.main.send(['GET', 'counted']));
    expect(value).toBeGreaterThanOrEqual(counted.acknowledged);
    expect(value).toBeLessThanOrEqual(counted.acknowledged + counted.failures.length);
    expect(counted.failures.every((failure) => failure instanceof StackloreError)).toBe(true);
  });

  it('lets a scan that was under way give every key', () => {
    expect(scanned.size).toBe(KEYS);
  });

  it('lets those who wait for a task have it', () => {
    expect(taken).toBe('after');
  });
});
