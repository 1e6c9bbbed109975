import { afterAll } from 'vitest';
import { loadConfig } from '../../src/config.ts';
import {
  type CommandOptions,
  connectDatabases,
  type Database,
  type RedisCommand,
} from '../../src/redis/databases.ts';
import type { PrivateCluster } from './cluster.ts';

type Reply = unknown[];

/**
 * Lets searches on a private cluster span its masters, as the search coordinator of Redis 8 does: the module that is provisioned
 * knows none. Each FT command goes to every master, and what they answer becomes one answer. All else goes its usual way.
 * Fields of hashes are read beside it, as that module gives none on a node of a cluster.
 */
export function coordinateSearch(knowledge: Database, cluster: PrivateCluster): void {
  const all = cluster.nodes.map((node) =>
    connectDatabases(loadConfig({ settings: node.config({ databases: { main: { number: 0 } } }), env: {} })),
  );
  afterAll(() => Promise.all(all.map((one) => one.close())));
  const shards = all.map(async ({ knowledge: database }) => ({ database, tag: await tagOn(database) }));
  const patched = knowledge as { send: Database['send']; pipeline: Database['pipeline'] };
  const [send, pipeline] = [knowledge.send.bind(knowledge), knowledge.pipeline.bind(knowledge)];
  patched.send = async <T>(command: RedisCommand, options?: CommandOptions) =>
    isSearch(command)
      ? ((await ask({ shards: await Promise.all(shards), pipeline }, command, options)) as T)
      : send<T>(command, options);
  patched.pipeline = <T>(commands: readonly RedisCommand[], options?: CommandOptions) =>
    commands.some(isSearch)
      ? Promise.all(commands.map((command) => patched.send<T>(command, options)))
      : pipeline<T>(commands, options);
}

/** A master, and a hash tag whose slot it serves: the module takes names of indexes for keys, which must be there. */
interface Shard {
  readonly database: Database;
  readonly tag: string;
}

async function tagOn(database: Database): Promise<string> {
  for (let n = 0; ; n += 1) {
    const tag = `{${n}}`;
    const isThere = await database.send(['EXISTS', tag]).then(
      () => true,
      () => false,
    );
    if (isThere) return tag;
  }
}

function isSearch(command: RedisCommand): boolean {
  return String(command[0]).startsWith('FT.');
}

async function ask(
  { shards, pipeline }: { shards: readonly Shard[]; pipeline: Database['pipeline'] },
  command: RedisCommand,
  options?: CommandOptions,
) {
  const name = String(command[0]);
  if (name === 'FT.SEARCH') {
    const { asked, fields } = withoutFields(command);
    const replies = await onAll(shards, fromTheFirst(asked), options);
    return withFields(merged(asked, replies), { asked, fields, pipeline });
  }
  const replies = await onAll(shards, command, options);
  return name === 'FT.INFO' ? summed(replies) : replies[0];
}

function onAll(shards: readonly Shard[], command: RedisCommand, options?: CommandOptions): Promise<Reply[]> {
  return Promise.all(
    shards.map(async ({ database, tag }) => {
      const named = command.map((word, at) => {
        const isName = at === 1 || (at === 2 && command[0] === 'FT.ALIASUPDATE');
        return isName ? `${tag}${word}` : word;
      });
      const reply = await database.send<Reply>(named, options);
      return Array.isArray(reply)
        ? reply.map((one) => (typeof one === 'string' && one.startsWith(tag) ? one.slice(tag.length) : one))
        : reply;
    }),
  );
}

/** The search for what the index itself gives, and the fields of hashes that were asked for beside it. */
function withoutFields(command: RedisCommand): { asked: RedisCommand; fields: readonly string[] } {
  const at = command.lastIndexOf('RETURN');
  if (at < 0) return { asked: command, fields: [] };
  const count = Number(command[at + 1]);
  const names = command.slice(at + 2, at + 2 + count).map(String);
  const own = names.filter((name) => name.startsWith('__'));
  const returned = own.length === 0 ? ['NOCONTENT'] : ['RETURN', String(own.length), ...own];
  return {
    asked: [...command.slice(0, at), ...returned, ...command.slice(at + 2 + count)],
    fields: names.filter((name) => !own.includes(name)),
  };
}

async function withFields(
  reply: Reply,
  {
    asked,
    fields,
    pipeline,
  }: { asked: RedisCommand; fields: readonly string[]; pipeline: Database['pipeline'] },
): Promise<Reply> {
  if (fields.length === 0) return reply;
  const width = widthOf(asked);
  const rows = Array.from({ length: (reply.length - 1) / width }, (_, n) =>
    reply.slice(1 + n * width, 1 + (n + 1) * width),
  );
  const values = await pipeline<(string | null)[]>(rows.map(([key]) => ['HMGET', String(key), ...fields]));
  const full = rows.map((row, n) => {
    const own = asked.includes('NOCONTENT') ? [] : (row.pop() as unknown[]);
    const read = fields.flatMap((field, at) => {
      const value = values[n]?.[at];
      return typeof value === 'string' ? [field, value] : [];
    });
    return [...row, [...own, ...read]];
  });
  return [reply[0], ...full.flat()];
}

function widthOf(command: RedisCommand): number {
  return 1 + (command.includes('WITHSCORES') ? 1 : 0) + (command.includes('NOCONTENT') ? 0 : 1);
}

function limitOf(command: RedisCommand): { at: number; offset: number; count: number } {
  const at = command.lastIndexOf('LIMIT');
  return { at, offset: Number(command[at + 1]), count: Number(command[at + 2]) };
}

function fromTheFirst(command: RedisCommand): RedisCommand {
  const { at, offset, count } = limitOf(command);
  return command.map((word, n) => (n === at + 1 ? '0' : n === at + 2 ? String(offset + count) : word));
}

/** The rows of all in one order: by what they are sorted by, else by their scores. */
function merged(command: RedisCommand, replies: readonly Reply[]): Reply {
  const { offset, count } = limitOf(command);
  const hasScores = command.includes('WITHSCORES');
  const width = widthOf(command);
  const sorted = command[command.lastIndexOf('SORTBY') + 1];
  const rows = replies.flatMap((reply) =>
    Array.from({ length: (reply.length - 1) / width }, (_, n) =>
      reply.slice(1 + n * width, 1 + (n + 1) * width),
    ),
  );
  const orderOf = (row: Reply): number => {
    if (hasScores) return -Number(row[1]);
    const fields = row.at(-1);
    return Array.isArray(fields) ? Number(fields[fields.indexOf(sorted) + 1]) : 0;
  };
  const total = replies.reduce((sum, [own]) => sum + Number(own), 0);
  const order = rows.toSorted((a, b) => orderOf(a) - orderOf(b));
  return [total, ...order.slice(offset, offset + count).flat()];
}

const ADDED = [
  'num_docs',
  'hash_indexing_failures',
  'total_index_memory_sz_mb',
  'vector_index_sz_mb',
  'indexing',
];

function summed(replies: readonly Reply[]): Reply | undefined {
  return replies[0]?.map((value, at) => {
    const isAdded = at % 2 === 1 && ADDED.includes(String(replies[0]?.[at - 1]));
    return isAdded ? String(replies.reduce((sum, reply) => sum + Number(reply[at]), 0)) : value;
  });
}
