import { afterAll, beforeAll, expect, it } from 'vitest';
import { loadConfig } from '../../src/config.ts';
import { openControl } from '../../src/redis/control-connection.mjs';
import { connectDatabases, type Database, type Databases } from '../../src/redis/databases.ts';
import { usePrivateCluster } from '../support/cluster.ts';

// Nobody takes over the slots of a master, and the others go on without them.
const cluster = usePrivateCluster({ args: ['--cluster-require-full-coverage', 'no'] });
const KEYS = Array.from({ length: 60 }, (_, at) => `key-${at}`);
let databases: Databases;
let main: Database;

beforeAll(() => {
  databases = connectDatabases(loadConfig({ settings: cluster.config(), env: {} }));
  main = databases.main;
});
afterAll(() => databases.close());

it('goes on with the slots of the others, and carries out once what waited for the dead one', async () => {
  const warnings: Error[] = [];
  process.on('warning', (warning) => warnings.push(warning));
  await main.pipeline(KEYS.map((key) => ['SET', key, '0']));
  const control = await openControl(cluster.nodes[0]?.socketPath ?? '');
  const ofFirst = new Set((await control.send(['KEYS', 'key-*'])) as string[]);
  const dead = KEYS.filter((key) => ofFirst.has(key)).map((key) => `{${key}}:new`);
  const living = KEYS.filter((key) => !ofFirst.has(key));
  expect(dead.length * living.length).toBeGreaterThan(0);
  await cluster.nodes[0]?.kill();

  // By now the connection of before has been given up.
  await expect(main.send(['GET', dead[0] ?? ''], { timeoutMs: 2_000 })).rejects.toThrow();
  const waiting = Promise.all(dead.map((key) => main.send(['INCR', key], { timeoutMs: 120_000 })));
  for (const database of [main, databases.prompts, main.duplicate()]) {
    await Promise.all(living.map((key) => database.send(['INCR', key])));
    await database.pipeline(living.map((key) => ['INCR', key]));
    await Promise.all(living.map((key) => database.transaction([['INCR', key]])));
  }
  expect(await main.pipeline(living.map((key) => ['GET', key]))).toEqual(living.map(() => '9'));

  await cluster.nodes[0]?.restart();
  expect(await waiting).toEqual(dead.map(() => 1));
  expect(warnings).toEqual([]);
}, 180_000);
