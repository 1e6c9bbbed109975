import { errorMessage, StackloreError } from '../../errors.ts';
import type { Database, RedisCommand } from '../../redis/databases.ts';
import { TAG_SEPARATOR } from '../../schema/tag.ts';

/** How far an index is, and what it could not take in. */
export interface IndexHealth {
  readonly index: string;
  readonly documents: number;
  readonly indexing: boolean;
  /** Share of the chunks that the scan has gone through; above 1 where it goes once more through those written since it began. */
  readonly percentIndexed: number;
  /** Hashes the index refused, e.g. for a vector of the wrong length. */
  readonly failures: number;
  readonly lastFailure?: string;
  readonly memoryBytes: number;
}

/** A field of a hash as the index sees it. */
export interface Attribute {
  readonly attribute: string;
  readonly type: 'tag' | 'number';
  /** Lets a query ask for hashes without it. */
  readonly mayBeMissing: boolean;
}

/** Carries out an FT.CREATE; an index of that name that is there already is left as it is. */
export async function createIndex(database: Database, command: RedisCommand): Promise<void> {
  await database.send(command).catch((error: unknown) => {
    if (!/already exists/i.test(errorMessage(error))) throw error;
  });
}

/** Removes an index and its aliases where it exists; the hashes stay. */
export async function dropIndex(database: Database, index: string): Promise<void> {
  await database.send(['FT.DROPINDEX', index]).catch((error: unknown) => {
    if (!isLostIndex(error)) throw error;
  });
}

/** An index with what it is made of. */
export interface IndexShape extends IndexHealth {
  /** The fields of hashes that attributes are read from. */
  readonly sources: ReadonlyMap<string, string>;
  /** What the keys begin with that it covers. */
  readonly prefixes: readonly string[];
  /** Of the attribute `embedding`; absent where there is none or the server does not tell. */
  readonly algorithm?: string;
}

/** What FT.INFO tells of an index, by its words. */
export type ToldOfIndex = ReadonlyMap<string, unknown>;

/** What FT.INFO tells of an index, by its name or an alias; `undefined` where there is none. */
export async function findToldOfIndex(database: Database, index: string): Promise<ToldOfIndex | undefined> {
  return readToldOfIndex(database, index).catch((error: unknown) => {
    if (!isLostIndex(error)) throw error;
    return undefined;
  });
}

/** An index and its shape, by its name or an alias; `undefined` where there is none. */
export async function findIndexShape(database: Database, index: string): Promise<IndexShape | undefined> {
  const told = await findToldOfIndex(database, index);
  return told && shapeOf(told);
}

/** An index and its shape, by its name or an alias. Throws what the server answers where there is none. */
export async function readIndexShape(database: Database, index: string): Promise<IndexShape> {
  return shapeOf(await readToldOfIndex(database, index));
}

async function readToldOfIndex(database: Database, index: string): Promise<ToldOfIndex> {
  return pairs(await database.send<unknown[]>(['FT.INFO', index]));
}

function shapeOf(told: ToldOfIndex): IndexShape {
  const attributes: unknown = told.get('attributes');
  const prefixes: unknown = pairs(told.get('index_definition')).get('prefixes');
  const all = Array.isArray(attributes) ? attributes.map(pairs) : [];
  const algorithm = all.find((one) => one.get('attribute') === 'embedding')?.get('algorithm');
  return {
    ...healthOf(told),
    sources: new Map(all.map((one) => [String(one.get('attribute')), String(one.get('identifier'))])),
    prefixes: Array.isArray(prefixes) ? prefixes.map(String) : [],
    ...(algorithm !== undefined && { algorithm: String(algorithm).toLowerCase() }),
  };
}

/** What the server says of an index, by its name or an alias. */
export async function readIndexHealth(database: Database, index: string): Promise<IndexHealth> {
  return healthOf(await readToldOfIndex(database, index));
}

/** How much of an index is filled, 0 to 1. */
export function shareIndexed({ indexing, percentIndexed }: IndexHealth): number {
  return indexing ? Math.min(1, percentIndexed) : 1;
}

/** The health of an index by what FT.INFO tells of it. */
export function healthOf(info: ToldOfIndex): IndexHealth {
  const errors = pairs(info.get('Index Errors'));
  const failures = Number(info.get('hash_indexing_failures') ?? 0);
  const lastFailure = errors.get('last indexing error');
  return {
    index: String(info.get('index_name')),
    documents: Number(info.get('num_docs') ?? 0),
    indexing: Number(info.get('indexing') ?? 0) !== 0,
    percentIndexed: Number(info.get('percent_indexed') ?? 1),
    failures,
    ...(failures > 0 && lastFailure !== undefined ? { lastFailure: String(lastFailure) } : {}),
    memoryBytes: Math.round(toldBytes(info, 'whole')),
  };
}

/** An attribute as FT.CREATE and FT.ALTER take it. */
export function attributeArguments(attribute: Attribute): string[] {
  const missing = attribute.mayBeMissing ? ['INDEXMISSING'] : [];
  if (attribute.type === 'number') return [attribute.attribute, 'NUMERIC', ...missing];
  // Ids and paths hold commas and capitals: no default separator, no case folding.
  return [attribute.attribute, 'TAG', 'SEPARATOR', TAG_SEPARATOR, 'CASESENSITIVE', 'INDEXEMPTY', ...missing];
}

const LOST_INDEX = /no such index|unknown index name/i;

/** Whether an error says that an index or alias is not there. */
export function isLostIndex(error: unknown): boolean {
  return error instanceof StackloreError && LOST_INDEX.test(errorMessage(error.cause ?? error));
}

/** Whether an error says that the server has no such command, and so no search module. */
export function isUnknownCommand(error: unknown): boolean {
  return error instanceof StackloreError && /unknown command/i.test(errorMessage(error.cause));
}

/** What FT.INFO tells of an index's memory, of all of it or of parts by their names; bytes. */
export function toldBytes(info: ToldOfIndex, ...parts: readonly string[]): number {
  const told = (part: string) => (Number(info.get(`${part}_sz_mb`)) || 0) * 1_048_576;
  if (parts[0] !== 'whole') return parts.reduce((sum, part) => sum + told(part), 0);
  const [total, vectors] = [told('total_index_memory'), told('vector_index')];
  // RediSearch 2.10 does not count vectors into the total, later versions do.
  return total >= vectors + told('inverted') ? total : total + vectors;
}

/** A flat reply of names and values as a map. */
export function pairs(flat: unknown): Map<string, unknown> {
  const map = new Map<string, unknown>();
  if (Array.isArray(flat)) {
    for (let at = 0; at + 1 < flat.length; at += 2) map.set(String(flat[at]), flat[at + 1]);
  }
  return map;
}
