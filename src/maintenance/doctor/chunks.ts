import type { Database } from '../../redis/databases.ts';
import { runOverKeys } from '../../redis/script.ts';
import { isId } from '../../schema/key.ts';
import { chunkRecord } from '../../schema/knowledge.ts';
import { chunkPrefix } from '../../stores/knowledge/document-ids.ts';
import { aliasOf } from '../../stores/knowledge/index-aliases.ts';
import { bytesPerDimension, writtenType } from '../../stores/knowledge/stored-vectors.ts';
import { documentKeys } from '../orphans.ts';
import { pacedKeys } from '../paced-keys.ts';
import { Sample } from '../sample.ts';
import { INDEX_AGAIN } from '../scripts/index-again.ts';
import { LOOK_AT_CHUNKS } from '../scripts/look-at-chunks.ts';
import type { Check, Examination, Problem } from './check.ts';
import { type ChunkLook, type ChunkPlace, findIndexed, GONE, numberOf, UNCOUNTED } from './chunk-look.ts';
import { lookInSteps } from './chunks-in-steps.ts';
import { findIndexInfo, type IndexInfo } from './index-info.ts';

/** Chunks of one MULTI: the server is held up for a millisecond or so. */
const CHUNKS_PER_LOOK = 250;

export const chunkCheck: Check = {
  name: 'chunks',
  needs: 'search',
  async find(examination) {
    const { databases, known, unreadable } = examination;
    const tallies = new Map<string, Tally>();
    const indexed = new Set<string>();
    for (const { name, manifest } of known) {
      const info = await findIndexInfo(databases.knowledge, aliasOf(name));
      // Until a reindex is finished `embedding` is of the model before it.
      const width = bytesPerDimension(writtenType(manifest));
      const bytes = manifest.next?.includes('embedding') ? undefined : manifest.dimensions * width;
      // One that is still being built cannot tell what it lacks.
      const index = info?.isIndexing ? undefined : info;
      if (index) indexed.add(name);
      const samples = { wrong: new Sample(), unindexed: new Sample() };
      tallies.set(name, { bytes, width, index, ...samples });
    }
    const [orphans, uncounted, strangers] = [new Sample(), new Sample(), new Sample()];
    for await (const looks of looksAt(examination, chunkRecord.key.pattern, indexed)) {
      for (const { key, collection, bytes, state, isIndexed } of looks) {
        if (state === GONE) orphans.add(key);
        if (state === UNCOUNTED) uncounted.add(key);
        const tally = tallies.get(collection);
        if (!tally) {
          // Why no search finds those of the others is told already.
          if (!unreadable.includes(collection)) strangers.add(key);
        } else if (isWrong(tally, bytes)) tally.wrong.add(`${key} (${bytes / tally.width})`);
        else if (isIndexed === false) tally.unindexed.add(key);
      }
    }
    const problems: Problem[] = [];
    for (const [name, tally] of tallies) {
      if (tally.wrong.count > 0) problems.push(wrongLength(name, tally));
      if (tally.unindexed.count > 0) problems.push(notIndexed(examination, name, tally));
    }
    return [...problems, ...driftProblems({ orphans, uncounted, strangers })];
  },
};

/** What is known and found of a collection. */
interface Tally {
  /** Bytes of a vector; absent where they may differ. */
  readonly bytes: number | undefined;
  /** Bytes of a dimension. */
  readonly width: number;
  /** Absent where no index can tell. */
  readonly index: IndexInfo | undefined;
  readonly wrong: Sample;
  readonly unindexed: Sample;
}

/** Whether a vector is of other dimensions. One of float32 among those of float16 is not: `vector-fields.ts` tells of it. */
function isWrong({ bytes: wanted, width }: Tally, bytes: number): boolean {
  if (wanted === undefined || bytes === wanted) return false;
  return width !== 2 || bytes !== wanted * 2;
}

function wrongLength(name: string, { bytes = 0, width, wrong }: Tally): Problem {
  return {
    severity: 'error',
    what: `${wrong.count} chunks of collection ${name} have no vector of ${bytes / width} dimensions: ${wrong}.`,
    why: 'The index refuses them, so no search finds them.',
    fix: 'Ingest their sources again with stacklore ingest --force; delete documents without one (stacklore docs delete).',
  };
}

function notIndexed(examination: Examination, name: string, { unindexed, index }: Tally): Problem {
  const errors = (index?.refusals ?? []).map(({ key, error }) => `${error} (${key})`);
  return {
    severity: 'error',
    what: `${unindexed.count} chunks of collection ${name} are not in its index: ${unindexed}. ${
      errors.length > 0
        ? `The latest errors of the index: ${errors.join('; ')}.`
        : 'The index tells no error.'
    }`,
    why: 'No search finds them.',
    fix: 'Index them again. Those that are refused again hold a value that does not fit, such as text in a number: delete their documents and ingest them again.',
    repair: async () => {
      let remaining = 0;
      const { knowledge } = examination.databases;
      for await (const looks of looksAt(examination, `${chunkPrefix(name)}*`, new Set([name]))) {
        const keys = looks.filter((one) => one.bytes > 0 && one.isIndexed === false).map(({ key }) => key);
        if (keys.length === 0) continue;
        await runOverKeys(knowledge, INDEX_AGAIN, { keys, args: [] });
        const [, ...found] = await knowledge.send<[number, ...string[]]>(findIndexed(name, keys));
        remaining += keys.length - found.length;
      }
      return remaining === 0;
    },
  };
}

function driftProblems({
  orphans,
  uncounted,
  strangers,
}: Readonly<Record<'orphans' | 'uncounted' | 'strangers', Sample>>): Problem[] {
  const problems: Problem[] = [];
  if (orphans.count > 0) {
    problems.push({
      severity: 'warning',
      what: `${orphans.count} chunks belong to documents that are gone: ${orphans}.`,
      why: 'Searches still find them, and nothing replaces them.',
      fix: 'Look at them and delete them: stacklore cleanup --orphans.',
    });
  }
  if (uncounted.count > 0) {
    problems.push({
      severity: 'warning',
      what: `${uncounted.count} chunks are not counted by their document, or it is in another collection: ${uncounted}.`,
      why: 'Searches find them, but deleting or replacing the document leaves them behind.',
      fix: 'Delete the document (stacklore docs delete), then what is left of it (stacklore cleanup --orphans), and ingest it again.',
    });
  }
  if (strangers.count > 0) {
    problems.push({
      severity: 'warning',
      what: `${strangers.count} chunks are in collections that stacklore does not know: ${strangers}.`,
      why: 'No search finds them.',
      fix: 'Create their collection: stacklore collections create <name>, with --dimensions where another program makes the vectors.',
    });
  }
  return problems;
}

/** Chunks page by page with what is true of them; of those that are published in steps it is found out in steps. */
async function* looksAt(
  { databases: { knowledge }, pace }: Examination,
  pattern: string,
  indexed: ReadonlySet<string>,
): AsyncGenerator<ChunkLook[]> {
  for await (const page of pacedKeys(knowledge, pattern, { ...pace, type: 'hash' })) {
    for (let at = 0; at < page.length; at += CHUNKS_PER_LOOK) {
      const keys = page.slice(at, at + CHUNKS_PER_LOOK);
      const told = await knowledge.pipeline<(string | null)[]>(
        keys.map((key) => ['HMGET', key, 'doc_id', 'generation']),
      );
      const all = keys.flatMap((key, n) => {
        const ids = chunkRecord.key.parse(key);
        const [docId, generation = null] = told[n] ?? [];
        const isInSteps = knowledge.isCluster || generation !== null;
        return ids ? [{ key, ...ids, docId: isId(docId) ? docId : '', isInSteps }] : [];
      });
      const inSteps = all.filter(({ isInSteps }) => isInSteps);
      if (inSteps.length > 0) yield await lookInSteps(knowledge, inSteps, indexed);
      const chunks = all.filter(({ isInSteps }) => !isInSteps);
      if (chunks.length > 0) yield await lookAtOnce(knowledge, chunks, indexed);
    }
  }
}

/** What is true of chunks at one moment. */
async function lookAtOnce(
  knowledge: Database,
  chunks: readonly ChunkPlace[],
  indexed: ReadonlySet<string>,
): Promise<ChunkLook[]> {
  const names = [...new Set(chunks.map(({ collection }) => collection))].filter((name) => indexed.has(name));
  const look = LOOK_AT_CHUNKS.evalCommand(
    chunks.flatMap(({ key, docId }) => [key, ...(docId === '' ? [key, key] : documentKeys(docId))]),
    chunks.flatMap(({ docId, collection, chunkId }) => [docId, collection, numberOf(chunkId, docId)]),
  );
  const searches = names.map((name) =>
    findIndexed(
      name,
      chunks.filter(({ collection }) => collection === name).map(({ key }) => key),
    ),
  );
  const [told, ...found] = await knowledge.transaction<(number | string)[]>([look, ...searches]);
  const inIndex = new Set(found.flatMap(([, ...rows]) => rows));
  return chunks.flatMap(({ key, collection }, n) => {
    const [bytes = -1, state = 0] = (told ?? []).slice(n * 2, n * 2 + 2).map(Number);
    if (bytes < 0) return [];
    const isIndexed = indexed.has(collection) ? { isIndexed: inIndex.has(key) } : {};
    return [{ key, collection, bytes, state, ...isIndexed }];
  });
}
