import { runScript } from '../../redis/script.ts';
import { isId } from '../../schema/key.ts';
import { documentIndexRecord, documentRecord } from '../../schema/knowledge.ts';
import { documentKeys, placesOf, removeEmptyDocuments } from '../orphans.ts';
import { pacedKeys } from '../paced-keys.ts';
import { Sample } from '../sample.ts';
import { MEND_DOCUMENT_INDEX } from '../scripts/mend-document-index.ts';
import type { Check, Problem } from './check.ts';

export const documentIndexCheck: Check = {
  name: 'document index',
  needs: 'knowledge',
  async find({ databases: { knowledge }, pace }) {
    const index = documentIndexRecord.key.build({});
    const missing = new Sample();
    const stale = new Sample();
    const mend = async (docId: string, isDryRun: boolean) => {
      const args = [isDryRun ? '1' : '0', docId, String(Math.floor(Date.now() / 1_000))];
      const keys = [index, ...documentKeys(docId)];
      return runScript<number>(knowledge, MEND_DOCUMENT_INDEX, { keys, args });
    };
    const mendAll = async (isDryRun: boolean) => {
      for await (const keys of pacedKeys(knowledge, documentRecord.key.pattern, {
        ...pace,
        type: 'hash',
      })) {
        for (const { docId } of placesOf(keys)) {
          if ((await mend(docId, isDryRun)) === 1 && isDryRun) missing.add(docId);
        }
      }
      let cursor = '0';
      do {
        const scan = ['ZSCAN', index, cursor, 'COUNT', '500'];
        const [next, entries] = await knowledge.send<[string, string[]]>(scan);
        cursor = next;
        for (let at = 0; at < entries.length; at += 2) {
          const docId = entries[at];
          if (isId(docId) && (await mend(docId, isDryRun)) === 2 && isDryRun) stale.add(docId);
        }
      } while (cursor !== '0');
      return true;
    };
    await mendAll(true);
    const why = 'Programs that list documents by index:documents see something else than there is.';
    const repair = () => mendAll(false);
    const problems: Problem[] = [];
    if (missing.count > 0) {
      const what = `${missing.count} documents are missing in index:documents: ${missing}.`;
      problems.push({ severity: 'warning', what, why, fix: 'Enter them again.', repair });
    }
    if (stale.count > 0) {
      const what = `${stale.count} entries of index:documents name documents that are gone: ${stale}.`;
      problems.push({ severity: 'warning', what, why, fix: 'Remove these entries.', repair });
    }
    return problems;
  },
};

export const emptyDocumentCheck: Check = {
  name: 'empty documents',
  needs: 'knowledge',
  async find({ databases: { knowledge }, pace }) {
    const empty = await removeEmptyDocuments(knowledge, { ...pace, dryRun: true });
    if (empty.count === 0) return [];
    return [
      {
        severity: 'warning',
        what: `${empty.count} documents have no chunks: ${empty}.`,
        why: 'They are listed, but no search finds them.',
        fix: 'Delete them with stacklore cleanup --empty-documents, then ingest them again where they are wanted.',
      },
    ];
  },
};
