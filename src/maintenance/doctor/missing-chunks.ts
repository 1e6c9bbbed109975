import type { Database } from '../../redis/databases.ts';
import { documentRecord } from '../../schema/knowledge.ts';
import { chunkTails } from '../../stores/knowledge/document-ids.ts';
import type { ChunkCount } from '../../stores/knowledge/generations/document-chunks.ts';
import { countSettled, type DocumentPlace, inBatches } from '../document-in-steps.ts';
import { placesOf } from '../orphans.ts';
import { pacedKeys } from '../paced-keys.ts';
import { Sample } from '../sample.ts';
import { COUNT_CHUNKS } from '../scripts/count-chunks.ts';
import type { Check } from './check.ts';

/** Documents of which some chunks are there, and some are not or are of another version. */
export const missingChunkCheck: Check = {
  name: 'missing chunks',
  needs: 'knowledge',
  async find({ databases: { knowledge }, pace }) {
    const broken = new Sample();
    const options = { ...pace, type: 'hash' };
    for await (const keys of pacedKeys(knowledge, documentRecord.key.pattern, options)) {
      const documents = placesOf(keys);
      const looked = knowledge.isCluster ? documents : await suspects(knowledge, documents);
      const counts = await inBatches(looked, (document) => countSettled(knowledge, document));
      for (const [at, { docId }] of looked.entries()) {
        const count = counts[at];
        if (count && isBroken(count)) broken.add(`${docId} (${count.shown} of ${count.said})`);
      }
    }
    if (broken.count === 0) return [];
    return [
      {
        severity: 'error',
        what: `${broken.count} documents have lost chunks: ${broken}.`,
        why: 'Searches miss part of their text, and ingest takes them for unchanged.',
        fix: 'Ingest their sources again with stacklore ingest --force; delete documents without one (stacklore docs delete).',
      },
    ];
  },
};

function isBroken({ said, found, shown }: Pick<ChunkCount, 'said' | 'found' | 'shown'>): boolean {
  return found > 0 && shown < said;
}

/** Those that seem to lack chunks; one that is just published in steps may seem so. */
async function suspects(knowledge: Database, documents: readonly DocumentPlace[]): Promise<DocumentPlace[]> {
  const counts = await knowledge.pipeline<[said: number, found: number, shown: number]>(
    documents.map(({ key, docId }) => COUNT_CHUNKS.evalCommand([key], chunkTails(docId))),
  );
  return documents.filter((_, at) => {
    const [said, found, shown] = counts[at] ?? [0, 0, 0];
    return isBroken({ said, found, shown });
  });
}
