import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config.ts';
import { connectDatabases, type Databases } from '../../src/redis/databases.ts';
import { requireSearch } from '../../src/redis/search-module.ts';
import { allKeys, openTestLore } from '../support/lore.ts';
import { useShardedRedis } from '../support/sharded-proxy.ts';

const redis = useShardedRedis();
let databases: Databases;

beforeAll(() => {
  databases = connectDatabases(loadConfig({ settings: redis.config(), env: {} }));
});
afterAll(() => databases.close());

describe('a database of several shards behind one address', () => {
  it('takes transactions of one slot, is number 0, and searches', async () => {
    const { main } = databases;
    expect(main.isCluster).toBe(true);
    const commands = ['{a}1', '{a}2'].map((key) => ['SET', key, 'x']);
    expect(await main.transaction(commands)).toEqual(['OK', 'OK']);
    await expect(
      main.transaction([
        ['SET', 'a', 'x'],
        ['SET', 'b', 'x'],
      ]),
    ).rejects.toThrow(/redis\+sharded:\/\//);
    expect(await main.send(['EXISTS', 'a', 'b'])).toBe(0);
    await requireSearch(databases.knowledge);
    expect(await allKeys(databases.knowledge, 'stacklore:probe:*')).toEqual([]);
    expect(await main.shards()).toEqual([main]);
  });

  it('is refused with the remedy where its URL calls it one server, before anything is stored', async () => {
    const redisUrl = redis.url.replace('redis+sharded', 'redis');
    const numbers = { main: { number: 0 }, prompts: { number: 0 }, analytics: { number: 0 } };
    const lore = openTestLore(redis, { redisUrl, databases: numbers });
    const before = await allKeys(databases.main, '*');
    const refused = { code: 'invalid_config', message: expect.stringContaining('redis+sharded://') };
    await expect(lore.createCollection('docs', { dimensions: 4 })).rejects.toMatchObject(refused);
    await expect(lore.sessions.create({ userId: 'ada' })).rejects.toMatchObject(refused);
    await expect(lore.systemPrompts.save('guide', { content: 'One' })).rejects.toMatchObject(refused);
    await expect(lore.usage.add({ userId: 'ada', requests: 1 })).rejects.toMatchObject(refused);
    expect(await allKeys(databases.main, '*')).toEqual(before);
  });

  it('has no other number, and no replicas to be waited for', () => {
    const open = (settings: object) => () =>
      connectDatabases(loadConfig({ settings: redis.config(settings), env: {} }));
    expect(open({ databases: { main: { number: 1 } } })).toThrow(/database 0 only/);
    expect(open({ confirm: { replicas: 1 } })).toThrow(/cannot be waited for/);
  });
});
