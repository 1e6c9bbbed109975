import { runScript } from '../../redis/script.ts';
import { isId } from '../../schema/key.ts';
import { chunkRecord, documentIndexRecord, documentRecord } from '../../schema/knowledge.ts';
import { chunkPrefix } from '../../stores/knowledge/document-ids.ts';
import { removeEmptyDocuments, removeOrphans } from '../orphans.ts';
import { pacedKeys } from '../paced-keys.ts';
import { MEND_DOCUMENT_INDEX } from '../scripts/mend-document-index.ts';
import { type Check, type Problem, Sample } from './check.ts';

export const modelCheck: Check = {
  name: 'model',
  async find({ collections, model }) {
    const all = await collections.list();
    return all.flatMap(({ name, manifest }): Problem[] => {
      const made = manifest.model?.name;
      const isSame = made === model.name && (model.dimensions ?? manifest.dimensions) === manifest.dimensions;
      if (made === undefined || isSame) return [];
      return [
        {
          severity: 'warning',
          what: `Collection ${name} was made with model ${made} (${manifest.dimensions} dimensions), configured is ${model.name}.`,
          why: 'Text can neither be ingested into it nor searched in it.',
          fix: `Configure ${made}, or ingest its documents into another collection.`,
        },
      ];
    });
  },
};

export const vectorLengthCheck: Check = {
  name: 'vector length',
  async find({ databases: { knowledge }, collections }) {
    const problems: Problem[] = [];
    for (const { name, manifest } of await collections.list()) {
      const wrong = new Sample();
      const own = `${chunkPrefix(name)}*`;
      for await (const keys of pacedKeys(knowledge, own, { type: 'hash' })) {
        const lengths = await knowledge.pipeline<number>(keys.map((key) => ['HSTRLEN', key, 'embedding']));
        for (const [at, key] of keys.entries()) {
          if (chunkRecord.key.parse(key) && lengths[at] !== manifest.dimensions * 4) wrong.add(key);
        }
      }
      if (wrong.count === 0) continue;
      problems.push({
        severity: 'error',
        what: `${wrong.count} chunks of collection ${name} have no vector of ${manifest.dimensions} dimensions: ${wrong}.`,
        why: 'The index refuses them, so no search finds them.',
        fix: 'Ingest their documents again.',
      });
    }
    return problems;
  },
};

export const documentIndexCheck: Check = {
  name: 'document index',
  async find({ databases: { knowledge } }) {
    const index = documentIndexRecord.key.build({});
    const missing = new Sample();
    const stale = new Sample();
    const mend = async (docId: string, isDryRun: boolean) => {
      const [first = '', second = first] = documentRecord.key.candidates({ docId });
      const args = [isDryRun ? '1' : '0', docId, String(Math.floor(Date.now() / 1_000))];
      return runScript<number>(knowledge, MEND_DOCUMENT_INDEX, { keys: [index, first, second], args });
    };
    const mendAll = async (isDryRun: boolean) => {
      for await (const keys of pacedKeys(knowledge, documentRecord.key.pattern, { type: 'hash' })) {
        for (const key of keys) {
          const docId = documentRecord.key.parse(key)?.docId;
          if (isId(docId) && (await mend(docId, isDryRun)) === 1 && isDryRun) missing.add(docId);
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

export const driftCheck: Check = {
  name: 'documents and chunks',
  async find({ databases: { knowledge } }) {
    const orphans = await removeOrphans(knowledge, { dryRun: true });
    const empty = await removeEmptyDocuments(knowledge, { dryRun: true });
    const problems: Problem[] = [];
    if (orphans > 0) {
      problems.push({
        severity: 'warning',
        what: `${orphans} chunks belong to documents that are gone.`,
        why: 'Searches still find them, and nothing replaces them.',
        fix: 'Look at them and delete them: stacklore cleanup --orphans.',
      });
    }
    if (empty > 0) {
      problems.push({
        severity: 'warning',
        what: `${empty} documents have no chunks.`,
        why: 'They are listed, but no search finds them.',
        fix: 'Ingest them again, or delete them: stacklore cleanup --empty-documents.',
      });
    }
    return problems;
  },
};
