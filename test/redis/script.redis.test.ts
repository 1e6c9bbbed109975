import { afterAll, beforeAll, expect, it } from 'vitest';
import { loadConfig } from '../../src/config.ts';
import { connectDatabases, type Databases } from '../../src/redis/databases.ts';
import { defineScript, pipelineScript, runScript } from '../../src/redis/script.ts';
import { usePrivateRedis } from '../support/redis.ts';

const redis = usePrivateRedis();
const ADD = defineScript("return redis.call('INCRBY', KEYS[1], ARGV[1])");
let databases: Databases;

beforeAll(() => {
  databases = connectDatabases(loadConfig({ settings: redis.config(), env: {} }));
});
afterAll(() => databases.close());

it('runs a script the server does not know, and then by its sha', async () => {
  expect(await runScript(databases.main, ADD, { keys: ['count'], args: ['2'] })).toBe(2);
  expect(await databases.main.send(['SCRIPT', 'EXISTS', ADD.sha])).toEqual([1]);
  expect(await runScript(databases.main, ADD, { keys: ['count'], args: ['3'] })).toBe(5);
});

it('runs a script the server has forgotten', async () => {
  await databases.main.send(['SCRIPT', 'FLUSH']);
  expect(await runScript(databases.main, ADD, { keys: ['again'], args: ['1'] })).toBe(1);
});

it('rejects with the error of the script', async () => {
  await databases.main.send(['SET', 'text', 'x']);
  await expect(runScript(databases.main, ADD, { keys: ['text'], args: ['1'] })).rejects.toThrow(
    /not an integer/,
  );
});

it('runs inside a transaction on a server that does not know it', async () => {
  await databases.main.send(['SCRIPT', 'FLUSH']);
  expect(await databases.main.transaction([['SET', 'n', '40'], ADD.evalCommand(['n'], ['2'])])).toEqual([
    'OK',
    42,
  ]);
});

it('runs before reads that are sent along, also on a server that does not know it', async () => {
  await databases.main.send(['SCRIPT', 'FLUSH']);
  const add = () =>
    pipelineScript(databases.main, ADD, { keys: ['along'], args: ['2'], reads: [['GET', 'along']] });
  expect(await add()).toEqual([2, '2']);
  expect(await add()).toEqual([4, '4']);
});

it('runs without keys and arguments', async () => {
  expect(await runScript(databases.main, defineScript("return 'ok'"))).toBe('ok');
});
