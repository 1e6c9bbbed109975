import { isCluster } from '../../../redis/cluster-mode.ts';
import type { Database } from '../../../redis/databases.ts';
import type { Manifest } from '../../../schema/knowledge.ts';

/**
 * Whether documents are published in steps, by generations, instead of in one MULTI: always on a cluster, where the keys
 * of a document lie in many slots, and elsewhere in collections that were made so.
 */
export async function usesGenerations(
  database: Database,
  { publish }: Pick<Manifest, 'publish'>,
): Promise<boolean> {
  return publish === 'generations' || isCluster(database);
}
