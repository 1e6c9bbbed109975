import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { saveSnapshot } from '../../src/maintenance/backup/snapshot.ts';
import type { Stacklore } from '../../src/stacklore.ts';
import { asOneServer, clearCluster, usePrivateCluster } from '../support/cluster.ts';
import { allKeys, openTestLore } from '../support/lore.ts';
import { usePrivateRedis } from '../support/redis.ts';

const cluster = usePrivateCluster();
const redis = usePrivateRedis();
let lore: Stacklore;
let single: Stacklore;
let folder: string;
const TASKS = 12;

beforeAll(() => {
  const knowledge = { url: redis.url };
  lore = openTestLore(asOneServer(cluster), { databases: { knowledge } });
  single = openTestLore(redis);
  folder = mkdtempSync(join(tmpdir(), 'stacklore-cluster-'));
});
afterAll(() => rmSync(folder, { recursive: true }));
beforeEach(() => clearCluster(cluster));

/** Some of everything that main, prompts and analytics hold. */
async function fill(one: Stacklore): Promise<void> {
  for (const user of ['ada', 'bob', 'eve', 'joe']) {
    await one.sessions.create({ userId: user, sessionId: `of-${user}`, conversationId: `talk-of-${user}` });
    await one.conversations.append(`talk-of-${user}`, { role: 'user', content: 'Hello' });
    await one.userPrompts.save(user, 'mine', { content: 'Be brief.' });
    await one.usage.add({ userId: user, requests: 1 });
  }
  await one.systemPrompts.save('guide', { content: 'One' });
  await one.systemPrompts.save('guide', { content: 'Two' });
  await one.queues.enqueueAll(
    'work',
    Array.from({ length: TASKS }, () => ({ taskType: 'x' })),
  );
  const delivery = await one.queues.dequeue('work');
  if (delivery) await one.queues.bury(delivery, 'no use');
  await one.queues.dequeue('work');
  await one.responseCache.save({ endpointName: 'status' }, { ok: true });
}

describe('of a cluster', () => {
  it('every key is counted once, and every master tells of its memory', async () => {
    await fill(lore);
    const report = await lore.maintenance.analyseKeys({ databases: ['main', 'prompts', 'analytics'] });
    const stored = await allKeys(lore.databases.main, '*');
    expect(report.keys).toBe(stored.length);
    expect(report.unknown).toEqual([]);
    const counts = Object.fromEntries(report.families.map(({ family, keys }) => [family, keys]));
    expect(counts).toMatchObject({ session: 4, conversation: 4, 'user prompt': 4, usage: 4 });
    expect(counts).toMatchObject({ 'dead letters': 1, 'processing task': 1, 'prompt history': 1 });
    const addresses = report.servers.map(({ address }) => address);
    expect(addresses).toEqual(cluster.nodes.map(({ port }) => `127.0.0.1:${port}`));
  });

  it('one user is erased, and nobody else', async () => {
    await fill(lore);
    const { families } = await lore.maintenance.eraseUser('ada');
    expect(families).toMatchObject({ session: 1, conversation: 1, 'user prompt': 1, usage: 1 });
    expect(await allKeys(lore.databases.main, '*ada*')).toEqual([]);
    expect(await lore.sessions.find('of-bob')).toBeDefined();
    expect(await lore.conversations.find('talk-of-bob')).toMatchObject({ messageCount: 1 });
  });

  it('caches, dead letters and old analytics are cleaned up', async () => {
    await fill(lore);
    await lore.usage.add({ userId: 'ada', date: '2024-01-01', requests: 1 });
    const report = await lore.maintenance.cleanup({
      cache: true,
      deadLetters: true,
      analyticsBefore: '2024-06-01',
    });
    expect(report).toMatchObject({ cache: { count: 1 }, deadLetters: { count: 1 }, analytics: { total: 1 } });
    expect(await lore.queues.stats('work')).toMatchObject({ dead: 0, processing: 1, waiting: TASKS - 2 });
  });

  it('the doctor finds what has no time to live, and gives it one', async () => {
    const keys = Array.from({ length: 9 }, (_, at) => `session:stray-${at}`);
    await lore.databases.main.pipeline(keys.map((key) => ['HSET', key, 'user_id', 'ada']));
    const { findings } = await lore.maintenance.diagnose({ fix: true });
    const [finding] = findings.filter(({ check }) => check === 'time to live');
    expect(finding).toMatchObject({ what: expect.stringMatching(/^9 keys of session/), isFixed: true });
    expect(await lore.databases.main.send<number>(['TTL', 'session:stray-8'])).toBeGreaterThan(86_000);
  });

  it('status counts the keys of all masters', async () => {
    await fill(lore);
    const { databases } = await lore.status();
    const stored = await allKeys(lore.databases.main, '*');
    expect(databases.main).toEqual({ keys: stored.length });
  });

  it('each master writes its snapshot', async () => {
    const shards = await lore.databases.main.shards();
    const snapshots = await Promise.all(shards.map((shard) => saveSnapshot(shard)));
    expect(new Set(snapshots.map(({ path }) => path)).size).toBe(3);
  });
});

describe('an archive', () => {
  it('of a cluster is restored into it as it was', async () => {
    await fill(lore);
    // Big enough to be put together beside its place.
    await lore.databases.main.send(['SET', 'cache:api:big:default', `"${'x'.repeat(5_000_000)}"`]);
    const before = await allKeys(lore.databases.main, '*');
    const { archives } = await lore.maintenance.backup({
      databases: ['main', 'prompts', 'analytics'],
      folder,
    });
    await clearCluster(cluster);
    for (const { path } of archives) await lore.maintenance.restore({ file: path });
    expect(await allKeys(lore.databases.main, '*')).toEqual(before);
    expect(await lore.queues.stats('work')).toMatchObject({ dead: 1, processing: 1, waiting: TASKS - 2 });
    expect((await lore.systemPrompts.history('guide')).versions).toHaveLength(2);
  });

  it('of one server is restored into a cluster under the names that helpers have there', async () => {
    await fill(single);
    const { archives } = await single.maintenance.backup({ databases: ['main', 'prompts'], folder });
    for (const { path } of archives) await lore.maintenance.restore({ file: path });
    expect((await lore.systemPrompts.history('guide')).versions).toHaveLength(2);
    expect(await lore.queues.stats('work')).toMatchObject({ dead: 1, waiting: TASKS - 2 });
    // What a worker had taken is given to others.
    expect(await lore.queues.recover('work')).toMatchObject({ recovered: 1 });
    expect(await lore.queues.stats('work')).toMatchObject({ waiting: TASKS - 1, processing: 0 });
  });
});
