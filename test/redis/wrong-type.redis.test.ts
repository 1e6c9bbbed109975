import { beforeAll, expect, it } from 'vitest';
import { RecordError } from '../../src/errors.ts';
import type { Database } from '../../src/redis/databases.ts';
import { namedWrongType } from '../../src/redis/wrong-type.ts';
import { openTestLore } from '../support/lore.ts';
import { usePrivateRedis } from '../support/redis.ts';

const redis = usePrivateRedis();
let main: Database;

beforeAll(async () => {
  main = openTestLore(redis).databases.main;
  await main.send(['SET', 'text', 'x']);
  await main.send(['RPUSH', 'list', 'x']);
});

const refusal = (...command: string[]) =>
  main.send(command).then(
    () => undefined,
    (error: unknown) => error,
  );

it('names the key that holds something else, also when a script was refused', async () => {
  const expected = new Map([
    ['absent', 'hash'],
    ['list', 'list'],
    ['text', 'hash'],
  ] as const);
  for (const error of [
    await refusal('HGETALL', 'text'),
    await refusal('EVAL', `return redis.call('HGETALL', KEYS[1])`, '1', 'text'),
  ]) {
    const named = await namedWrongType(main, error, expected);
    expect(named).toBeInstanceOf(RecordError);
    expect(named).toMatchObject({ code: 'record_invalid', key: 'text' });
    expect(String(named)).toContain('key: it holds a string, not a hash');
  }
});

it('gives other errors, and refusals that none of the keys explains, as they are', async () => {
  const other = await refusal('NO-SUCH-COMMAND');
  expect(await namedWrongType(main, other, new Map([['text', 'hash']]))).toBe(other);
  const elsewhere = await refusal('HGETALL', 'text');
  expect(await namedWrongType(main, elsewhere, new Map([['list', 'list']]))).toBe(elsewhere);
});
