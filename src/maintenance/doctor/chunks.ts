import { runScript } from '../../redis/script.ts';
import { isId } from '../../schema/key.ts';
import { chunkRecord } from '../../schema/knowledge.ts';
import { chunkPrefix } from '../../stores/knowledge/document-ids.ts';
import { aliasOf } from '../../stores/knowledge/vector-index.ts';
import { documentKeys } from '../orphans.ts';
import { pacedKeys } from '../paced-keys.ts';
import { Sample } from '../sample.ts';
import { INDEX_AGAIN } from '../scripts/index-again.ts';
import { LOOK_AT_CHUNKS } from '../scripts/look-at-chunks.ts';
import type { Check, Examination, Problem } from './check.ts';
import { findIndexInfo, type IndexInfo } from './index-info.ts';

/** Chunks of one MULTI: the server is held up for a millisecond or so. */
const CHUNKS_PER_LOOK = 250;

interface Look {
  readonly key: string;
  readonly collection: string;
  readonly bytes: number;
  readonly state: number;
  /** Absent where no index can tell. */
  readonly isIndexed?: boolean;
}

const [GONE, UNCOUNTED] = [1, 2];

export const chunkCheck: Check = {
  name: 'chunks',
  needs: 'search',
  async find(examination) {
    const { databases, known } = examination;
    const problems: Problem[] = [];
    const strangers = new Sample();
    const drift = new Map([GONE, UNCOUNTED].map((state) => [state, new Sample()]));
    const infos = new Map<string, IndexInfo>();
    for (const { name } of known) {
      const info = await findIndexInfo(databases.knowledge, aliasOf(name));
      if (info && !info.isIndexing) infos.set(name, info);
    }
    const wanted = new Map(known.map(({ name, manifest }) => [name, manifest.dimensions * 4]));
    const wrong = new Map(known.map(({ name }) => [name, new Sample()]));
    const unindexed = new Map(known.map(({ name }) => [name, new Sample()]));
    for await (const looks of looksAt(examination, chunkRecord.key.pattern, new Set(infos.keys()))) {
      for (const { key, collection, bytes, state, isIndexed } of looks) {
        drift.get(state)?.add(key);
        if (!wanted.has(collection)) strangers.add(key);
        else if (bytes !== wanted.get(collection)) wrong.get(collection)?.add(`${key} (${bytes / 4})`);
        else if (isIndexed === false) unindexed.get(collection)?.add(key);
      }
    }
    for (const { name, manifest } of known) {
      const [badly, left] = [wrong.get(name) ?? new Sample(), unindexed.get(name) ?? new Sample()];
      if (badly.count > 0) problems.push(wrongLength(name, manifest.dimensions, badly));
      if (left.count > 0) problems.push(notIndexed(examination, name, left, infos.get(name)));
    }
    return [...problems, ...driftProblems(drift, strangers)];
  },
};

function wrongLength(name: string, dimensions: number, wrong: Sample): Problem {
  return {
    severity: 'error',
    what: `${wrong.count} chunks of collection ${name} have no vector of ${dimensions} dimensions: ${wrong}.`,
    why: 'The index refuses them, so no search finds them.',
    fix: 'Delete their documents with stacklore docs delete and ingest them again.',
  };
}

function notIndexed(
  examination: Examination,
  name: string,
  left: Sample,
  info: IndexInfo | undefined,
): Problem {
  const errors = (info?.refusals ?? []).map(({ key, error }) => `${error} (${key})`);
  return {
    severity: 'error',
    what: `${left.count} chunks of collection ${name} are not in its index: ${left}. ${
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
        await runScript(knowledge, INDEX_AGAIN, { keys });
        const [, ...found] = await knowledge.send<[number, ...string[]]>(findIndexed(name, keys));
        remaining += keys.length - found.length;
      }
      return remaining === 0;
    },
  };
}

function driftProblems(drift: ReadonlyMap<number, Sample>, strangers: Sample): Problem[] {
  const [orphans, uncounted] = [drift.get(GONE) ?? new Sample(), drift.get(UNCOUNTED) ?? new Sample()];
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

/** Chunks page by page with what is true of them at one moment. */
async function* looksAt(
  { databases: { knowledge }, pace }: Examination,
  pattern: string,
  indexed: ReadonlySet<string>,
): AsyncGenerator<Look[]> {
  for await (const page of pacedKeys(knowledge, pattern, { ...pace, type: 'hash' })) {
    for (let at = 0; at < page.length; at += CHUNKS_PER_LOOK) {
      const keys = page.slice(at, at + CHUNKS_PER_LOOK);
      const docIds = await knowledge.pipeline<string | null>(keys.map((key) => ['HGET', key, 'doc_id']));
      const chunks = keys.flatMap((key, n) => {
        const ids = chunkRecord.key.parse(key);
        const docId = docIds[n];
        return ids ? [{ key, ...ids, docId: isId(docId) ? docId : '' }] : [];
      });
      const names = [...new Set(chunks.map(({ collection }) => collection))].filter((name) =>
        indexed.has(name),
      );
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
      yield chunks.flatMap(({ key, collection }, n) => {
        const [bytes = -1, state = 0] = (told ?? []).slice(n * 2, n * 2 + 2).map(Number);
        if (bytes < 0) return [];
        const isIndexed = indexed.has(collection) ? { isIndexed: inIndex.has(key) } : {};
        return [{ key, collection, bytes, state, ...isIndexed }];
      });
    }
  }
}

function findIndexed(collection: string, keys: readonly string[]): string[] {
  const limit = ['NOCONTENT', 'LIMIT', '0', String(keys.length), 'TIMEOUT', '0', 'DIALECT', '2'];
  return ['FT.SEARCH', aliasOf(collection), '*', 'INKEYS', String(keys.length), ...keys, ...limit];
}

function numberOf(chunkId: string, docId: string): string {
  const prefix = `${docId}_chunk_`;
  const number = chunkId.startsWith(prefix) ? chunkId.slice(prefix.length) : '';
  return /^\d{1,9}$/.test(number) ? number : '';
}
