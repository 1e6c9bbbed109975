import { expect, it } from 'vitest';
import { loadConfig } from '../../src/config.ts';
import { connectDatabases } from '../../src/redis/databases.ts';
import { usePrivateCluster } from './cluster.ts';

const cluster = usePrivateCluster();

it('spreads keys over three masters, each of which holds a part', async () => {
  const databases = connectDatabases(loadConfig({ settings: cluster.config(), env: {} }));
  const keys = Array.from({ length: 60 }, (_, at) => `key-${at}`);
  await databases.main.pipeline(keys.map((key) => ['SET', key, 'x']));
  await databases.close();
  const sizes = await Promise.all(
    cluster.nodes.map(async (node) => {
      const direct = connectDatabases(
        loadConfig({ settings: node.config({ databases: { main: { number: 0 } } }), env: {} }),
      );
      const size = await direct.main.send<number>(['DBSIZE']);
      await direct.close();
      return size;
    }),
  );
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(60);
  expect(Math.min(...sizes)).toBeGreaterThan(0);
});
