import { afterAll, beforeAll, expect, it } from 'vitest';
import { loadConfig } from '../../src/config.ts';
import { connectDatabases, type Databases } from '../../src/redis/databases.ts';
import { type ScanOptions, scanKeys } from '../../src/redis/scan.ts';
import { usePrivateRedis } from '../support/redis.ts';

const redis = usePrivateRedis();
let databases: Databases;

beforeAll(async () => {
  databases = connectDatabases(loadConfig({ settings: redis.config(), env: {} }));
  const texts = Array.from({ length: 500 }, (_, at) => ['SET', `doc:${at}`, 'x']);
  await databases.main.pipeline([...texts, ['HSET', 'doc:hash', 'f', 'v'], ['SET', 'other', 'x']]);
});
afterAll(() => databases.close());

async function allKeys(pattern: string, options?: ScanOptions): Promise<string[]> {
  const found = new Set<string>();
  for await (const keys of scanKeys(databases.main, pattern, options)) for (const key of keys) found.add(key);
  return [...found];
}

it('finds every key of a pattern over many pages', async () => {
  expect(await allKeys('doc:*', { count: 10 })).toHaveLength(501);
});

it('finds keys of one type', async () => {
  expect(await allKeys('doc:*', { type: 'hash' })).toEqual(['doc:hash']);
});

it('ends without keys where none match', async () => {
  expect(await allKeys('nothing:*')).toEqual([]);
});
