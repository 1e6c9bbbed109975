import { existsSync } from 'node:fs';
import { expect, test } from 'vitest';
import { openControl } from '../../src/redis/control-connection.mjs';
import { usePrivateRedis } from '../support/redis.ts';

const redis = usePrivateRedis();

test('answers on its own socket with a search module', async () => {
  const connection = await openControl(redis.socketPath);
  expect(await connection.send(['FT._LIST'])).toEqual([]);
  connection.close();
});

test('keeps what was written through a kill and a restart', async () => {
  const before = await openControl(redis.socketPath);
  await before.send(['SET', 'note', 'kept']);
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  await redis.kill();
  await before.closed;
  await redis.restart();
  const after = await openControl(redis.socketPath);
  expect(await after.send(['GET', 'note'])).toBe('kept');
  after.close();
  expect(existsSync(redis.socketPath)).toBe(true);
});
