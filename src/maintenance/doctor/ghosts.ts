import type { Database } from '../../redis/databases.ts';
import { runScript } from '../../redis/script.ts';
import { FACTS_ALIAS } from '../../stores/knowledge/fact-index.ts';
import { aliasOf } from '../../stores/knowledge/index-aliases.ts';
import { readInfo } from '../keyspace.ts';
import { Sample } from '../sample.ts';
import { BANISH_GHOST } from '../scripts/banish-ghost.ts';
import type { Check, Problem } from './check.ts';
import { findIndexInfo } from './index-info.ts';

const ROWS_PER_PAGE = 500;
/** RediSearch gives no row beyond this offset. */
const MOST_ROWS = 1_000_000;

export const ghostCheck: Check = {
  name: 'ghosts',
  needs: 'search',
  async find({ databases: { knowledge }, known }) {
    // A cluster has one database number.
    if (knowledge.isCluster) return [];
    const problems: Problem[] = [];
    const targets = known.map(({ name }) => ({ alias: aliasOf(name), what: `collection ${name}` }));
    for (const { alias, what } of [...targets, { alias: FACTS_ALIAS, what: 'facts' }]) {
      const info = await findIndexInfo(knowledge, alias);
      if (!info || info.isIndexing || (await countRows(knowledge, alias)) >= info.documents) continue;
      const found = await visitGhosts(knowledge, alias, false);
      if (found.count === 0) continue;
      problems.push({
        severity: 'error',
        what: `The index of ${what} holds ${found.count} keys that are in another database number of the server: ${found}. Numbers with keys: ${await numbersOf(knowledge)}.`,
        why: 'Indexes see the keys of every number: these take the places of real hits, and deleting one there takes its namesake here out of the index.',
        fix: 'Move or delete such keys where they lie, or give that program a server of its own. Out of the index they are taken at once, but they come back when written again.',
        repair: async () => {
          await visitGhosts(knowledge, alias, true);
          return (await visitGhosts(knowledge, alias, false)).count === 0;
        },
      });
    }
    return problems;
  },
};

/** How many documents of an index are in its own database: the others come without a key. */
async function countRows(knowledge: Database, index: string): Promise<number> {
  type Page = [rows: unknown[], cursor: number | string];
  const page = ['COUNT', String(ROWS_PER_PAGE)];
  const query = ['FT.AGGREGATE', index, '*', 'LOAD', '1', '@__key', 'WITHCURSOR', ...page, 'DIALECT', '2'];
  let [rows, cursor] = await knowledge.send<Page>(query);
  let count = rows.slice(1).filter(Array.isArray).length;
  while (Number(cursor) !== 0) {
    [rows, cursor] = await knowledge.send<Page>(['FT.CURSOR', 'READ', index, String(cursor), ...page]);
    count += rows.slice(1).filter(Array.isArray).length;
  }
  return count;
}

async function visitGhosts(knowledge: Database, index: string, isFixing: boolean): Promise<Sample> {
  const found = new Sample();
  let offset = 0;
  while (offset < MOST_ROWS - ROWS_PER_PAGE) {
    const keys = await search(knowledge, index, [], offset);
    if (keys.length === 0) break;
    const there = await knowledge.pipeline<number>(keys.map((key) => ['EXISTS', key]));
    const suspects = keys.filter((_, at) => there[at] === 0);
    const ghosts = suspects.length === 0 ? [] : await confirm(knowledge, index, suspects);
    for (const key of ghosts) found.add(key);
    if (isFixing && ghosts.length > 0) await runScript(knowledge, BANISH_GHOST, { keys: ghosts });
    offset += keys.length - (isFixing ? ghosts.length : 0);
  }
  return found;
}

/** A key may have been deleted since the index was asked: both are asked at one moment. */
async function confirm(knowledge: Database, index: string, keys: readonly string[]): Promise<string[]> {
  const inKeys = ['INKEYS', String(keys.length), ...keys];
  const replies = await knowledge.transaction<unknown>([
    searchCommand(index, inKeys, 0),
    ...keys.map((key) => ['EXISTS', key]),
  ]);
  const [found, ...there] = replies;
  const indexed = new Set((found as unknown[]).slice(1));
  return keys.filter((key, at) => indexed.has(key) && there[at] === 0);
}

async function search(knowledge: Database, index: string, inKeys: readonly string[], offset: number) {
  const [, ...keys] = await knowledge.send<[number, ...string[]]>(searchCommand(index, inKeys, offset));
  return keys;
}

function searchCommand(index: string, inKeys: readonly string[], offset: number): string[] {
  const limit = ['LIMIT', String(offset), String(ROWS_PER_PAGE), 'TIMEOUT', '0', 'DIALECT', '2'];
  return ['FT.SEARCH', index, '*', ...inKeys, 'NOCONTENT', ...limit];
}

async function numbersOf(knowledge: Database): Promise<string> {
  const names = [...(await readInfo(knowledge, 'keyspace')).keys()];
  return names.flatMap((name) => /^db(\d+)$/.exec(name)?.[1] ?? []).join(', ');
}
