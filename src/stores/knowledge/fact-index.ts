import { RecordError, StackloreError } from '../../errors.ts';
import type { Database, RedisArgument } from '../../redis/databases.ts';
import { asObject } from '../../redis/hash.ts';
import { requireSearch } from '../../redis/search-module.ts';
import { namedWrongType } from '../../redis/wrong-type.ts';
import { type FactsManifest, factRecord, factsManifestRecord } from '../../schema/knowledge.ts';
import { issueOf } from '../../schema/record.ts';
import {
  attributeArguments,
  createIndex,
  dropIndex,
  isLostIndex,
  isUnknownCommand,
  readIndexHealth,
} from './ft-index.ts';
import { DISTANCE, type SearchReply } from './knn-reply.ts';
import { describeModels } from './model-mismatch.ts';
import { waitUntilIndexed } from './wait-until-indexed.ts';

/** A query of facts in RediSearch's language; user values appear in `params` only. */
export interface FactQuery {
  readonly query: string;
  readonly params: readonly RedisArgument[];
  readonly sortBy: readonly [attribute: string, direction: 'ASC' | 'DESC'];
  readonly offset: number;
  readonly limit: number;
  /** Hash fields to give for each fact. */
  readonly fields: readonly string[];
  /** Dimensions of the vector the query compares with; absent when it compares with none. */
  readonly dimensions?: number;
}

/** A fact as the index gives it: its key and the fields asked for that it has. */
export interface FactRow {
  readonly key: string;
  readonly fields: Readonly<Record<string, string>>;
}

/** The facts of an answer; `rebuilt` tells that the index had been lost and was made anew before answering. */
export interface FactRows {
  readonly rows: FactRow[];
  /** How many there are in all; of a nearest-neighbour query, how many were looked at. */
  readonly total: number;
  readonly rebuilt: boolean;
}

/** How long a manifest that was read is taken for granted; saves a round trip a call. */
const REMEMBERED_MS = 1_000;
/** Every shape of the index can be listed and filtered by; only the one of its dimensions can be compared with. */
export const FACTS_ALIAS = 'stacklore:facts:live:v2';
/** The index before facts had users; dropped where this one is made, the facts stay. */
const EARLIER_INDEX = 'stacklore:facts:index:';

/** The FT index of all facts, and the model that their vectors are made with. */
export class FactIndex {
  readonly #database: Database;
  readonly #searchTimeoutMs: number;
  readonly #now: () => number;
  #remembered: { readonly manifest: FactsManifest; readonly at: number } | undefined;

  constructor(
    database: Database,
    { searchTimeoutMs = 10_000, now = Date.now }: { searchTimeoutMs?: number; now?: () => number } = {},
  ) {
    this.#database = database;
    this.#searchTimeoutMs = searchTimeoutMs;
    this.#now = now;
  }

  /** What facts are embedded with, at most a second old; `undefined` while none was embedded. */
  async findManifest(): Promise<FactsManifest | undefined> {
    if (this.#remembered && this.#now() - this.#remembered.at < REMEMBERED_MS) {
      return this.#remembered.manifest;
    }
    const manifest = await this.#readManifest();
    this.#remembered = manifest && { manifest, at: this.#now() };
    return manifest;
  }

  /**
   * Makes sure that facts may be embedded with this model, which the first one decides. Throws `manifest_mismatch`
   * with the remedy when they are embedded with another.
   */
  async open(wanted: Omit<FactsManifest, 'formatVersion'>): Promise<FactsManifest> {
    const known = await this.findManifest();
    if (known) return requireSame(known, wanted);
    await requireSearch(this.#database);
    const manifest: FactsManifest = { formatVersion: 1, ...wanted };
    const text = factsManifestRecord.value.encode(manifest);
    await this.#database.send(['SET', MANIFEST_KEY, text, 'NX']);
    // Another process may have been quicker, with another model.
    const stored = requireSame((await this.#readManifest()) ?? manifest, wanted);
    await this.ensure();
    await dropIndex(this.#database, indexName(0));
    return stored;
  }

  /** Decides on another model; every fact is to be embedded again. */
  async switchTo(wanted: Omit<FactsManifest, 'formatVersion'>): Promise<FactsManifest> {
    await requireSearch(this.#database);
    const manifest: FactsManifest = { formatVersion: 1, ...wanted };
    const earlier = await this.#readManifest();
    await this.#database.send(['SET', MANIFEST_KEY, factsManifestRecord.value.encode(manifest)]);
    this.#remembered = undefined;
    await this.ensure();
    for (const dimensions of [0, earlier?.dimensions ?? 0]) {
      if (dimensions !== manifest.dimensions) await dropIndex(this.#database, indexName(dimensions));
    }
    return manifest;
  }

  /**
   * Creates the index where it is missing and waits until every fact is in it. Until then it has no alias, so that
   * every reader comes here and waits too instead of taking a partial answer.
   */
  async ensure(): Promise<void> {
    await requireSearch(this.#database);
    for (;;) {
      const { dimensions = 0 } = (await this.#readManifest()) ?? {};
      const name = indexName(dimensions);
      await createIndex(this.#database, createCommand(name, dimensions));
      await waitUntilIndexed(name, () => readIndexHealth(this.#database, name));
      await this.#database.send(['FT.ALIASUPDATE', FACTS_ALIAS, name]);
      await this.#database.send(['FT.ALIASUPDATE', aliasOf(dimensions), name]);
      await dropIndex(this.#database, `${EARLIER_INDEX}${dimensions}`);
      // The model may have been decided on meanwhile, which changes the shape.
      if (((await this.#readManifest())?.dimensions ?? 0) === dimensions) return;
    }
  }

  /** Removes the index, which the next search or `ensure` makes anew; the facts stay. */
  async drop(): Promise<void> {
    const { dimensions = 0 } = (await this.#readManifest()) ?? {};
    await dropIndex(this.#database, indexName(dimensions));
  }

  /** The facts that a query finds. A lost index is rebuilt first. */
  async search(query: FactQuery): Promise<FactRows> {
    const command = this.command(query);
    const options = { timeoutMs: this.#searchTimeoutMs + 2_000 };
    try {
      return { ...readRows(await this.#database.send<SearchReply>(command, options)), rebuilt: false };
    } catch (error) {
      if (isUnknownCommand(error)) await requireSearch(this.#database);
      if (!isLostIndex(error)) throw error;
      await this.ensure();
      return { ...readRows(await this.#database.send<SearchReply>(command, options)), rebuilt: true };
    }
  }

  /** A query as one command, for a MULTI; its reply is read by `readRows`. */
  command({ query, params, sortBy, offset, limit, fields, dimensions }: FactQuery): RedisArgument[] {
    const command: RedisArgument[] = [
      'FT.SEARCH',
      dimensions === undefined ? FACTS_ALIAS : aliasOf(dimensions),
      query,
    ];
    if (params.length > 0) command.push('PARAMS', String(params.length), ...params);
    command.push('SORTBY', ...sortBy, 'LIMIT', String(offset), String(limit));
    command.push('RETURN', String(fields.length), ...fields);
    command.push('TIMEOUT', String(this.#searchTimeoutMs), 'DIALECT', '2');
    return command;
  }

  async #readManifest(): Promise<FactsManifest | undefined> {
    const text = await this.#database
      .send<string | null>(['GET', MANIFEST_KEY])
      .catch(async (error: unknown) => {
        throw await namedWrongType(this.#database, error, new Map([[MANIFEST_KEY, 'string']]));
      });
    if (text === null) return undefined;
    try {
      return factsManifestRecord.value.decode(text);
    } catch (error) {
      throw new RecordError(MANIFEST_KEY, [issueOf('value', error)]);
    }
  }
}

/** The rows of a reply, in its order. */
export function readRows(reply: SearchReply): Omit<FactRows, 'rebuilt'> {
  const rows: FactRow[] = [];
  for (let at = 1; at < reply.length; at += 2) {
    const fields = reply[at + 1] as string[] | null | undefined;
    // Without fields it is a ghost: deleted between match and load, or written in another database number.
    if (fields) rows.push({ key: reply[at] as string, fields: asObject(fields) });
  }
  return { rows, total: reply[0] };
}

const MANIFEST_KEY = factsManifestRecord.key.build({});
/** What precedes the id in the key of every fact. */
const FACT_PREFIX = factRecord.key.pattern.slice(0, -1);

function indexName(dimensions: number): string {
  return `stacklore:facts:index:v2:${dimensions}`;
}

function aliasOf(dimensions: number): string {
  return `${FACTS_ALIAS}:${dimensions}`;
}

/** Facts are few beside chunks, so the index is exact: nothing near is missed when duplicates are looked for. */
function createCommand(name: string, dimensions: number): string[] {
  const vector = [
    'VECTOR',
    'FLAT',
    '6',
    'TYPE',
    'FLOAT32',
    'DIM',
    String(dimensions),
    'DISTANCE_METRIC',
    'COSINE',
  ];
  return [
    ...['FT.CREATE', name, 'ON', 'HASH', 'PREFIX', '1', FACT_PREFIX, 'STOPWORDS', '0', 'SCHEMA'],
    ...attributeArguments({ attribute: 'category', type: 'tag', mayBeMissing: false }),
    ...attributeArguments({ attribute: 'source', type: 'tag', mayBeMissing: false }),
    ...attributeArguments({ attribute: 'user_id', type: 'tag', mayBeMissing: false }),
    ...attributeArguments({ attribute: 'content_hash', type: 'tag', mayBeMissing: false }),
    ...attributeArguments({ attribute: 'confidence', type: 'number', mayBeMissing: false }),
    // Folds case: other writers' `True` is `true`.
    ...['verified', 'TAG', 'created_at', 'TAG', 'SORTABLE', 'UNF'],
    ...(dimensions === 0 ? [] : ['embedding', ...vector]),
  ];
}

function requireSame(stored: FactsManifest, wanted: Omit<FactsManifest, 'formatVersion'>): FactsManifest {
  const names = Object.keys(stored.model) as (keyof FactsManifest['model'])[];
  const isSame = names.every((name) => stored.model[name] === wanted.model[name]);
  if (isSame && stored.dimensions === wanted.dimensions) return stored;
  const { differences, remedy } = describeModels(stored.model, wanted.model);
  const why = isSame ? `dimensions ${stored.dimensions}, configured ${wanted.dimensions}` : differences;
  throw new StackloreError('manifest_mismatch', {
    message:
      `Facts are embedded with model ${stored.model.name}, and the configured model ${wanted.model.name} differs ` +
      `(${why}). ${remedy}, or embed all facts again: stacklore facts embed --switch-model.`,
  });
}

/** The field of a row that a nearest-neighbour query gives the distance in; `NaN` when the vector has no direction. */
export function distanceOf({ fields }: FactRow): number {
  const distance = Number(fields[DISTANCE]);
  return Number.isNaN(distance) ? distance : Math.min(2, Math.max(0, distance));
}
