import type { Database } from '../../redis/databases.ts';
import { isWrongType } from '../../redis/wrong-type.ts';
import { isId } from '../../schema/key.ts';
import { collectionDocumentsRecord, documentIndexRecord, documentRecord } from '../../schema/knowledge.ts';
import { inBatches, readMembership } from '../document-in-steps.ts';
import { documentKeys, placesOf, removeEmptyDocuments } from '../orphans.ts';
import { type Pace, pacedKeys } from '../paced-keys.ts';
import { Sample } from '../sample.ts';
import { MEND_DOCUMENT_INDEX } from '../scripts/mend-document-index.ts';
import type { Check, Problem } from './check.ts';

/** A sorted set of documents: of all, or with `collection` of one collection. */
interface DocumentSet {
  readonly key: string;
  readonly collection: string;
}

interface Entry {
  readonly docId: string;
  readonly set: DocumentSet;
  readonly score: string;
}

const [MISSING, STALE] = [1, 2];

export const documentIndexCheck: Check = {
  name: 'document index',
  needs: 'knowledge',
  async find({ databases: { knowledge }, known, pace }) {
    const names = known.map(({ name }) => name);
    const found = await visit(knowledge, { names, pace, isFixing: false });
    const why = 'Lists of documents show something else than there is.';
    const repair = async () => {
      await visit(knowledge, { names, pace, isFixing: true });
      return true;
    };
    return [...found].flatMap(([key, { missing, stale }]): Problem[] => {
      const problems: Problem[] = [];
      if (missing.count > 0) {
        const what = `${missing.count} documents are missing in ${key}: ${missing}.`;
        problems.push({ severity: 'warning', what, why, fix: 'Enter them again.', repair });
      }
      if (stale.count > 0) {
        const what = `${stale.count} entries of ${key} name documents that are gone or belong elsewhere: ${stale}.`;
        problems.push({ severity: 'warning', what, why, fix: 'Remove these entries.', repair });
      }
      return problems;
    });
  },
};

async function visit(
  knowledge: Database,
  { names, pace, isFixing }: { names: readonly string[]; pace: Pace; isFixing: boolean },
) {
  const all: DocumentSet = { key: documentIndexRecord.key.build({}), collection: '' };
  const sets = new Map(
    names.map((collection) => [
      collection,
      { key: collectionDocumentsRecord.key.build({ collection }), collection },
    ]),
  );
  const found = new Map(
    [all, ...sets.values()].map(({ key }) => [key, { missing: new Sample(), stale: new Sample() }]),
  );
  const mend = async (all: readonly Entry[], wanted: number): Promise<void> => {
    // The script decides, but as a rule there is nothing to decide, and asking costs a tenth.
    const entries =
      wanted === MISSING ? await notEntered(knowledge, all) : await withoutDocument(knowledge, all);
    const replies = await compare(knowledge, entries, isFixing);
    for (const [at, { docId, set }] of entries.entries()) {
      const tally = found.get(set.key);
      if (replies[at] === wanted) (wanted === MISSING ? tally?.missing : tally?.stale)?.add(docId);
    }
  };
  const options = { ...pace, type: 'hash' };
  for await (const keys of pacedKeys(knowledge, documentRecord.key.pattern, options)) {
    const documents = placesOf(keys);
    const fields = documents.map(({ key }) => ['HMGET', key, 'updated_at', 'collection']);
    const replies = await knowledge.pipeline<(string | null)[]>(fields);
    const entries = documents.flatMap(({ docId }, at) => {
      const [updatedAt, collection] = replies[at] ?? [];
      const own = sets.get(collection ?? '');
      return (own ? [all, own] : [all]).map((set) => ({ docId, set, score: secondsOf(updatedAt ?? '') }));
    });
    await mend(entries, MISSING);
  }
  for (const set of [all, ...sets.values()]) {
    let cursor = '0';
    do {
      const scan = ['ZSCAN', set.key, cursor, 'COUNT', '500'];
      const [next, members] = await knowledge.send<[string, string[]]>(scan);
      cursor = next;
      const docIds = members.filter((docId, at) => at % 2 === 0 && isId(docId));
      await mend(
        docIds.map((docId) => ({ docId, set, score: '0' })),
        STALE,
      );
    } while (cursor !== '0');
  }
  return found;
}

/** What is wrong with each entry, put right where told. */
async function compare(
  knowledge: Database,
  entries: readonly Entry[],
  isFixing: boolean,
): Promise<readonly number[]> {
  if (knowledge.isCluster) return inBatches(entries, (entry) => compareInSteps(knowledge, entry, isFixing));
  const commands = entries.map(({ docId, set, score }) =>
    MEND_DOCUMENT_INDEX.evalCommand(
      [set.key, ...documentKeys(docId)],
      [isFixing ? '0' : '1', docId, score, set.collection],
    ),
  );
  return knowledge.pipeline<number>(commands);
}

/**
 * On a cluster list and document lie in different slots. A document that is being published is entered before it is shown and once
 * more after it, so it is left alone; one that is published or deleted between both steps is looked at again.
 */
async function compareInSteps(
  knowledge: Database,
  { docId, set, score }: Entry,
  isFixing: boolean,
): Promise<number> {
  const look = () => readMembership(knowledge, docId, set.collection);
  const { belongs, isHeld } = await look();
  const isEntered = (await knowledge.send<string | null>(['ZSCORE', set.key, docId])) !== null;
  if (isHeld || belongs === isEntered) return 0;
  const [enter, remove] = [
    ['ZADD', set.key, score, docId],
    ['ZREM', set.key, docId],
  ];
  if (isFixing) await knowledge.send(belongs ? enter : remove);
  const after = await look();
  if (after.belongs === belongs) return belongs ? MISSING : STALE;
  const again = ['ZADD', set.key, secondsOf(after.updatedAt), docId];
  if (isFixing) await knowledge.send(after.belongs ? again : remove);
  return 0;
}

/** Those that are not in their set. */
async function notEntered(knowledge: Database, entries: readonly Entry[]): Promise<Entry[]> {
  const scores = await knowledge.pipeline<string | null>(
    entries.map(({ set, docId }) => ['ZSCORE', set.key, docId]),
  );
  return entries.filter((_, at) => scores[at] === null);
}

/** Those whose document is not there or says another collection than the set is for; all of them where one is no hash. */
async function withoutDocument(knowledge: Database, entries: readonly Entry[]): Promise<readonly Entry[]> {
  const places = entries.flatMap((entry) =>
    documentRecord.key.candidates({ docId: entry.docId }).map((key) => ({ entry, key })),
  );
  const replies = await knowledge
    .pipeline<(string | null)[]>(places.map(({ key }) => ['HMGET', key, 'collection', 'updated_at']))
    .catch((error: unknown) => {
      if (isWrongType(error)) return undefined;
      throw error;
    });
  if (!replies) return entries;
  const there = new Set(
    places.flatMap(({ entry }, at) => {
      const [collection, updatedAt] = replies[at] ?? [];
      const isThere =
        entry.set.collection === '' ? typeof updatedAt === 'string' : collection === entry.set.collection;
      return isThere ? [entry] : [];
    }),
  );
  return entries.filter((entry) => !there.has(entry));
}

/** When a document was last updated, in Unix seconds; 0 where that cannot be read. */
function secondsOf(updatedAt: string): string {
  try {
    return String(Math.floor(documentRecord.fields.updatedAt.decode(updatedAt).getTime() / 1_000));
  } catch {
    return '0';
  }
}

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
