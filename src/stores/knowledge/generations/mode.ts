import type { Database } from '../../../redis/databases.ts';
import type { Manifest } from '../../../schema/knowledge.ts';

/**
 * Whether documents are published in steps, by generations, instead of in one MULTI: always on a cluster, where the keys
 * of a document lie in many slots, and elsewhere in collections that were made so.
 */
export function usesGenerations(
  { isCluster }: Pick<Database, 'isCluster'>,
  { publish }: Pick<Manifest, 'publish'>,
): boolean {
  return publish === 'generations' || isCluster;
}
