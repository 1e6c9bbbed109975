import type { Database } from '../redis/databases.ts';
import { publicationRecord } from '../schema/publication.ts';
import { GenerationLeftovers } from '../stores/knowledge/generations/leftovers.ts';
import type { Removal } from './orphans.ts';
import { pacedKeys } from './paced-keys.ts';
import type { Sample } from './sample.ts';

/** Finishes publishes in steps whose process was killed: what they have left over goes, what they have shown stays. */
export async function finishPublications(
  knowledge: Database,
  { dryRun, ...pace }: Removal,
  finished: Sample,
): Promise<void> {
  const leftovers = new GenerationLeftovers(knowledge);
  const { pattern } = publicationRecord.key;
  for await (const keys of pacedKeys(knowledge, pattern, { ...pace, type: 'hash' })) {
    for (const docId of await leftovers.finish(keys, { dryRun })) finished.add(docId);
  }
}
