import { beforeAll, describe } from 'vitest';
import { asOneServer, clearCluster, usePrivateCluster } from '../support/cluster.ts';
import { lendServer } from '../support/redis.ts';
import { STORE_SUITES } from '../support/store-suites.ts';

const cluster = usePrivateCluster();
lendServer(asOneServer(cluster));

for (const [name, load] of Object.entries(STORE_SUITES)) {
  describe(`${name} on a cluster`, async () => {
    beforeAll(() => clearCluster(cluster));
    await load();
  });
}
