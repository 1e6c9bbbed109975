import type { Database } from './databases.ts';

const known = new WeakMap<Database, Promise<boolean>>();

/** Whether the server of a database is a node of a cluster, asked once. */
export function isCluster(database: Database): Promise<boolean> {
  const asked = known.get(database);
  if (asked) return asked;
  const asking = database
    .send<string>(['INFO', 'cluster'])
    .then((info) => info.includes('cluster_enabled:1'));
  known.set(database, asking);
  asking.catch(() => known.delete(database));
  return asking;
}
