import { afterEach, describe, expect, it } from 'vitest';
import { type ConfigInput, loadConfig } from '../../src/config.ts';
import { connectDatabases, type Databases } from '../../src/redis/databases.ts';
import { usePrivateRedis } from '../support/redis.ts';

const redis = usePrivateRedis();
const opened: Databases[] = [];

function connect(settings: ConfigInput = {}): Databases {
  const databases = connectDatabases(loadConfig({ settings: redis.config(settings), env: {} }));
  opened.push(databases);
  return databases;
}

afterEach(async () => {
  await Promise.all(opened.splice(0).map((databases) => databases.close()));
});

describe('send', () => {
  it('keeps every byte value of a field', async () => {
    const { knowledge } = connect();
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, value) => value));
    await knowledge.send(['HSET', 'bytes', 'all', bytes]);
    expect(await knowledge.send(['HGET', 'bytes', 'all'], { buffers: true })).toEqual(bytes);
  });
});
