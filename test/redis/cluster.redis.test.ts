import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config.ts';
import { StackloreError } from '../../src/errors.ts';
import { type ControlConnection, openControl } from '../../src/redis/control-connection.mjs';
import { connectDatabases, type Database, type Databases } from '../../src/redis/databases.ts';
import type { PrivateRedis } from '../../src/redis/private-redis.ts';
import { scanKeyBytes, scanKeys } from '../../src/redis/scan.ts';
import { writeInOrder } from '../../src/redis/write-in-order.ts';
import { usePrivateCluster } from '../support/cluster.ts';

// Short, so that a replica takes over soon.
const cluster = usePrivateCluster({ replicas: 1, nodeTimeoutMs: 2_000 });
let databases: Databases;
let main: Database;
const KEYS = Array.from({ length: 60 }, (_, at) => `key-${at}`);

beforeAll(() => {
  databases = connectDatabases(loadConfig({ settings: cluster.config(), env: {} }));
  main = databases.main;
});
afterAll(() => databases.close());

describe('a database on a cluster', () => {
  it('is known to be one before it is reached', () => {
    const url = 'redis+cluster://127.0.0.1:1';
    const settings = { ...cluster.config(), redisUrl: 'redis://127.0.0.1:1', databases: { main: { url } } };
    const unreached = connectDatabases(loadConfig({ settings, env: {} }));
    expect([unreached.main.isCluster, unreached.prompts.isCluster]).toEqual([true, false]);
  });

  it('scans every master, as text and as bytes', async () => {
    await main.pipeline(KEYS.map((key) => ['SET', key, key]));
    const [text, bytes]: string[][] = [[], []];
    for await (const page of scanKeys(main, 'key-*')) text?.push(...page);
    for await (const page of scanKeyBytes(main)) bytes?.push(...page.map(String));
    expect(text?.sort()).toEqual([...KEYS].sort());
    expect(bytes?.sort()).toEqual([...KEYS].sort());
    const sizes = await Promise.all((await main.shards()).map((shard) => shard.send<number>(['DBSIZE'])));
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(await main.send(['DBSIZE']));
    expect(Math.min(...sizes)).toBeGreaterThan(0);
  });

  it('writes in order what lies in several slots, and replies to each command', async () => {
    const replies = await writeInOrder(main, [
      ['SET', 'one', '1'],
      ['INCR', 'one'],
      ['SET', 'two', '2'],
      ['SET', '{two}:helper', '3'],
    ]);
    expect(replies).toEqual(['OK', 2, 'OK', 'OK']);
  });

  it('sends nothing of a step that follows a failed one', async () => {
    await main.send(['SET', 'text', 'x']);
    const writes = writeInOrder(main, [
      ['SET', 'before', '1'],
      ['LPUSH', 'text', 'y'],
      ['SET', 'after', '1'],
    ]);
    await expect(writes).rejects.toMatchObject({ code: 'database_error' });
    expect(await main.pipeline([...['before', 'after', 'text'].map((key) => ['GET', key])])).toEqual([
      '1',
      null,
      'x',
    ]);
  });
});

/** Carries out a command again and again until it is done; all errors on the way must be typed. */
async function persist<T>(work: () => Promise<T>): Promise<T> {
  const deadline = Date.now() + 40_000;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      expect(error).toBeInstanceOf(StackloreError);
      if (Date.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

describe('a slot that moves to another master', () => {
  let controls: ControlConnection[];
  beforeAll(async () => {
    controls = await Promise.all(cluster.nodes.slice(0, 3).map(({ socketPath }) => openControl(socketPath)));
  });
  afterAll(() => {
    for (const control of controls) control.close();
  });

  it('is followed by commands and transactions, also while it is half moved', async () => {
    const keys = ['{moving}:a', '{moving}:b'];
    await main.pipeline(keys.map((key) => ['SET', key, '1']));
    const slot = String(await controls[0]?.send(['CLUSTER', 'KEYSLOT', 'moving']));
    const at = Math.min(2, Math.floor(Number(slot) / Math.floor(16_384 / 3)));
    const [source, target] = [controls[at], controls[(at + 1) % 3]] as [ControlConnection, ControlConnection];
    const [from, to] = await Promise.all(
      [source, target].map(async (one) => String(await one.send(['CLUSTER', 'MYID']))),
    );
    await target.send(['CLUSTER', 'SETSLOT', slot, 'IMPORTING', from ?? '']);
    await source.send(['CLUSTER', 'SETSLOT', slot, 'MIGRATING', to ?? '']);
    const port = String(cluster.nodes[(at + 1) % 3]?.port);
    await source.send(['MIGRATE', '127.0.0.1', port, keys[0] ?? '', '0', '5000']);

    expect(await main.pipeline(keys.map((key) => ['INCR', key]))).toEqual([2, 2]);
    await expect(main.transaction(keys.map((key) => ['INCR', key]))).rejects.toBeInstanceOf(StackloreError);
    expect(await main.pipeline(keys.map((key) => ['GET', key]))).toEqual(['2', '2']);

    await source.send(['MIGRATE', '127.0.0.1', port, keys[1] ?? '', '0', '5000']);
    for (const one of [target, source]) await one.send(['CLUSTER', 'SETSLOT', slot, 'NODE', to ?? '']);
    expect(await main.transaction(keys.map((key) => ['INCR', key]))).toEqual([3, 3]);
  });
});

describe('a master that dies', () => {
  it('is replaced by its replica; until then commands fail with an error of ours', async () => {
    await main.pipeline(KEYS.map((key) => ['SET', key, 'kept']));
    // The replica has what was acknowledged.
    await Promise.all((await main.shards()).map((shard) => shard.send(['WAIT', '1', '5000'])));
    await cluster.nodes[0]?.kill();
    const values = await persist(() => main.pipeline<string | null>(KEYS.map((key) => ['GET', key])));
    expect(values.every((value) => value === 'kept')).toBe(true);
    await persist(() => main.pipeline(KEYS.map((key) => ['SET', key, 'written'])));
    const addresses = (await main.shards()).map(({ address }) => address);
    expect(addresses).toHaveLength(3);
    expect(addresses).not.toContain(`127.0.0.1:${cluster.nodes[0]?.port}`);
  });
});

describe('a master that hangs', () => {
  it('is left when a command to it is overdue while others answer, for the replica that has taken over', async () => {
    const [, hanging, living] = cluster.nodes as [PrivateRedis, PrivateRedis, PrivateRedis];
    await main.pipeline(KEYS.map((key) => ['SET', key, 'by the master']));
    const [key, other] = [await keyOf(hanging), await keyOf(living)];
    process.kill(hanging.pid, 'SIGSTOP');
    const reads = setInterval(() => main.send(['GET', other]).catch(() => {}), 50);
    try {
      const set = () => main.send(['SET', key, 'by the replica'], { timeoutMs: 1_000 });
      expect(await persist(set)).toBe('OK');
    } finally {
      clearInterval(reads);
      process.kill(hanging.pid, 'SIGCONT');
    }
  });

  async function keyOf({ socketPath }: PrivateRedis): Promise<string> {
    const control = await openControl(socketPath);
    const [key = ''] = (await control.send(['KEYS', 'key-*'])) as string[];
    control.close();
    return key;
  }
});
