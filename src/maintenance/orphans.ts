import type { Database } from '../redis/databases.ts';
import { runScript } from '../redis/script.ts';
import { isId } from '../schema/key.ts';
import {
  CHUNK_PREFIX,
  chunkRecord,
  collectionRecord,
  documentIndexRecord,
  documentRecord,
} from '../schema/knowledge.ts';
import { chunkIdOf } from '../stores/knowledge/document-ids.ts';
import { BUMP_VERSION } from '../stores/knowledge/scripts/bump-version.ts';
import { type Pace, pacedKeys } from './paced-keys.ts';
import { UNLINK_EMPTY_DOCUMENT } from './scripts/unlink-empty-document.ts';
import { UNLINK_ORPHANS } from './scripts/unlink-orphans.ts';

export interface Removal extends Pace {
  /** Only count. */
  readonly dryRun: boolean;
}

const CHUNKS_PER_SCRIPT = 100;

/** Deletes the chunks that name a document which is gone; gives how many. */
export async function removeOrphans(knowledge: Database, { dryRun, ...pace }: Removal): Promise<number> {
  let removed = 0;
  for await (const keys of pacedKeys(knowledge, chunkRecord.key.pattern, { ...pace, type: 'hash' })) {
    for (let at = 0; at < keys.length; at += CHUNKS_PER_SCRIPT) {
      const part = keys.slice(at, at + CHUNKS_PER_SCRIPT);
      const docIds = await knowledge.pipeline<string | null>(part.map((key) => ['HGET', key, 'doc_id']));
      const chunks = part.flatMap((key, n) => {
        const docId = docIds[n];
        // Without one nobody can say whether its document is gone.
        return isId(docId) && chunkRecord.key.parse(key) ? [{ key, docId }] : [];
      });
      if (chunks.length === 0) continue;
      const count = await runScript<number>(knowledge, UNLINK_ORPHANS, {
        keys: chunks.flatMap(({ key, docId }) => {
          const [first = '', second = first] = documentRecord.key.candidates({ docId });
          return [key, first, second];
        }),
        args: [dryRun ? '1' : '0', ...chunks.map(({ docId }) => docId)],
      });
      removed += count;
      if (count > 0 && !dryRun) await bumpVersions(knowledge, part);
    }
  }
  return removed;
}

/** Answers that were kept may hold the chunks that went. */
async function bumpVersions(knowledge: Database, chunks: readonly string[]): Promise<void> {
  const names = new Set(chunks.map((key) => chunkRecord.key.parse(key)?.collection ?? ''));
  for (const collection of names) {
    if (!isId(collection)) continue;
    await runScript(knowledge, BUMP_VERSION, { keys: [collectionRecord.key.build({ collection })] });
  }
}

/** Deletes the documents that have no chunk, with their index entries; gives how many. */
export async function removeEmptyDocuments(
  knowledge: Database,
  { dryRun, ...pace }: Removal,
): Promise<number> {
  let removed = 0;
  for await (const keys of pacedKeys(knowledge, documentRecord.key.pattern, { ...pace, type: 'hash' })) {
    for (const key of keys) {
      const docId = documentRecord.key.parse(key)?.docId;
      if (!isId(docId)) continue;
      removed += await runScript<number>(knowledge, UNLINK_EMPTY_DOCUMENT, {
        keys: [key, documentIndexRecord.key.build({})],
        args: [dryRun ? '1' : '0', docId, ...chunkTails(docId)],
      });
    }
  }
  return removed;
}

/** What a document's chunk ids are in a key before their number: escaped, and raw as other writers have them. */
export function chunkTails(docId: string): [escaped: string, raw: string] {
  const ids = { collection: 'x', chunkId: chunkIdOf(docId, 0) };
  const tail = (key: string) => key.slice(`${CHUNK_PREFIX}x/`.length, -1);
  const built = chunkRecord.key.build(ids);
  return [tail(built), tail(chunkRecord.key.candidates(ids)[0] ?? built)];
}
