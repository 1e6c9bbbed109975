import { errorMessage, StackloreError } from '../../errors.ts';
import type { Database, RedisArgument } from '../../redis/databases.ts';
import { requireSearch } from '../../redis/search-module.ts';
import { type CollectionField, collectionRecord, type Manifest } from '../../schema/knowledge.ts';
import {
  type CandidateAnswer,
  type CandidateContents,
  type CandidateQuery,
  candidateCommand,
  contentsCommand,
  decodeEmbedding,
  readCandidates,
  readContents,
} from './candidates.ts';
import type { Collection } from './collections.ts';
import { chunkPrefix } from './document-ids.ts';
import {
  attributeArguments,
  createIndex,
  dropIndex,
  type IndexHealth,
  isLostIndex,
  isUnknownCommand,
  readIndexHealth,
} from './ft-index.ts';
import { type ChunkMatch, DISTANCE, readMatches, type SearchReply } from './knn-reply.ts';
import { waitUntilIndexed } from './wait-until-indexed.ts';

export type { Candidate, CandidateAnswer, CandidateContents, CandidateQuery } from './candidates.ts';
export type { IndexHealth } from './ft-index.ts';
export { type ChunkMatch, DISTANCE } from './knn-reply.ts';

/** A nearest-neighbour query in RediSearch's language; user values appear in `params` only. */
export interface KnnQuery {
  readonly query: string;
  /** Name, value, name, value …; numbers as text, vectors as little-endian float32 bytes. */
  readonly params: readonly RedisArgument[];
  readonly offset: number;
  readonly limit: number;
}

/** Matches nearest first; `rebuilt` tells that the index had been lost and was made anew before answering. */
export interface KnnAnswer {
  readonly matches: ChunkMatch[];
  /** How many rows the server answered with; some may be no matches, such as keys that are gone by now. */
  readonly rows: number;
  readonly rebuilt: boolean;
}

/** Attributes of a document that every collection's index can filter by. */
export const DOCUMENT_ATTRIBUTES = [
  { attribute: 'doc_id', type: 'tag', mayBeMissing: false },
  { attribute: 'node_id', type: 'tag', mayBeMissing: false },
  { attribute: 'source', type: 'tag', mayBeMissing: true },
  { attribute: 'content_type', type: 'tag', mayBeMissing: true },
  { attribute: 'updated_at', type: 'number', mayBeMissing: true },
] as const;

/** The server's own TIMEOUT answers first; the margin covers a server that no longer answers at all. */
const SEARCH_MARGIN_MS = 2_000;

const RETURNED = [DISTANCE, 'text', 'metadata', 'doc_id', 'node_id'] as const;

/** The name a collection's filterable metadata field has in the hash and in the index. */
export function metadataAttribute(field: string): string {
  return `meta_${field}`;
}

/** The FT index of each collection: made from the manifest, always asked by its alias. */
export class VectorIndex {
  readonly #database: Database;
  readonly #searchTimeoutMs: number;

  constructor(database: Database, { searchTimeoutMs = 10_000 }: { searchTimeoutMs?: number } = {}) {
    this.#database = database;
    this.#searchTimeoutMs = searchTimeoutMs;
  }

  /**
   * The chunks nearest to a vector, nearest first. A lost index is rebuilt from the manifest first.
   * Throws `query_timeout` when the server ran out of time: a partial answer is never given; `not_found` when the
   * collection itself was dropped.
   */
  async knn(collection: Collection, query: KnnQuery): Promise<KnnAnswer> {
    const { answer, rebuilt } = await this.#ask(collection, () => this.#search(collection, query));
    return { ...answer, rebuilt };
  }

  /**
   * The best chunks by each of several queries, without their contents, in one round trip. A lost index is rebuilt
   * first. Throws like `knn`.
   */
  async candidates(collection: Collection, queries: readonly CandidateQuery[]): Promise<CandidateAnswer> {
    const timeout = String(this.#searchTimeoutMs);
    const commands = queries.map((query) => candidateCommand(aliasOf(collection.name), query, timeout));
    const { answer, rebuilt } = await this.#ask(collection, () =>
      this.#database.pipeline<SearchReply>(commands, { timeoutMs: this.#searchTimeoutMs + SEARCH_MARGIN_MS }),
    );
    return {
      lists: answer.map((reply, at) => readCandidates(reply, queries[at] as CandidateQuery)),
      rebuilt,
    };
  }

  /** What candidates hold, in their order; `undefined` where a chunk was deleted since it was found. */
  async contents(collection: string, keys: readonly string[]): Promise<(CandidateContents | undefined)[]> {
    const replies = await this.#database.pipeline<(Buffer | null)[]>(keys.map(contentsCommand), {
      buffers: true,
    });
    return replies.map((reply, at) => readContents(collection, keys[at] as string, reply));
  }

  /** Stored fields of chunks, in the order asked for; `null` where a chunk lacks one or is gone. */
  async fields(keys: readonly string[], names: readonly string[]): Promise<(string | null)[][]> {
    return this.#database.pipeline<(string | null)[]>(keys.map((key) => ['HMGET', key, ...names]));
  }

  /** The vectors of chunks, in their order; `undefined` where a chunk has none or is gone. */
  async embeddings(keys: readonly string[]): Promise<(Float32Array | undefined)[]> {
    const commands = keys.map((key) => ['HGET', key, 'embedding']);
    const replies = await this.#database.pipeline<Buffer | null>(commands, { buffers: true });
    return replies.map((bytes) => decodeEmbedding(bytes ?? undefined));
  }

  /** Which chunks pass a filter, of all or among some; at most the 10,000 that the server gives. */
  async matching(
    collection: Collection,
    { clause, params }: { clause: string; params: readonly string[] },
    among?: readonly string[],
  ): Promise<string[]> {
    if (among?.length === 0) return [];
    const command = ['FT.SEARCH', aliasOf(collection.name), clause];
    if (params.length > 0) command.push('PARAMS', String(params.length), ...params);
    if (among) command.push('INKEYS', String(among.length), ...among);
    command.push(
      'NOCONTENT',
      'LIMIT',
      '0',
      '10000',
      'TIMEOUT',
      String(this.#searchTimeoutMs),
      'DIALECT',
      '2',
    );
    const options = { timeoutMs: this.#searchTimeoutMs + SEARCH_MARGIN_MS };
    const { answer } = await this.#ask(collection, () =>
      this.#database.send<[number, ...string[]]>(command, options),
    );
    return answer.slice(1) as string[];
  }

  /** Asks the index; when it is lost, rebuilds it from the manifest and asks again. */
  async #ask<T>(collection: Collection, ask: () => Promise<T>): Promise<{ answer: T; rebuilt: boolean }> {
    try {
      return { answer: await ask(), rebuilt: false };
    } catch (error) {
      if (isUnknownCommand(error)) await requireSearch(this.#database);
      if (!isLostIndex(error)) throw error;
      await this.#requireRecord(collection);
      await this.ensure(collection);
      return { answer: await ask(), rebuilt: true };
    }
  }

  /** A collection may be a second old here: one that was dropped meanwhile must not get its index back. */
  async #requireRecord({ name }: Collection): Promise<void> {
    const key = collectionRecord.key.build({ collection: name });
    if ((await this.#database.send<number>(['EXISTS', key])) === 1) return;
    throw new StackloreError('not_found', {
      message: `Collection "${name}" was dropped. See stacklore collections list for those there are.`,
    });
  }

  /** Throws `search_unavailable` with the remedy where this database cannot be indexed and searched. */
  async requireSearch(): Promise<void> {
    await requireSearch(this.#database);
  }

  /**
   * Creates index and alias where they are missing and waits until every chunk is indexed. Until then there is no
   * alias to search by, so that every reader comes here and waits too instead of taking a partial answer.
   * Throws `busy` when the server makes no progress.
   */
  async ensure({ name, manifest, index }: Collection): Promise<void> {
    await requireSearch(this.#database);
    await createIndex(this.#database, createCommand(index, name, manifest));
    await this.#waitUntilIndexed(index);
    await this.#database.send(['FT.ALIASUPDATE', aliasOf(name), index]);
  }

  /** Adds attributes for fields declared later, where they are missing; the server then scans the chunks again. */
  async addFields(collection: Collection, fields: readonly CollectionField[]): Promise<void> {
    await this.#ask(collection, () => this.#alter(collection, fields.map(fieldAttribute)));
  }

  /** Adds the attributes for the terms of chunks, where they are missing. */
  async addTerms(collection: Collection): Promise<void> {
    await this.#ask(collection, () => this.#alter(collection, TERMS_ATTRIBUTES));
  }

  async #alter({ index }: Collection, attributes: readonly string[][]): Promise<void> {
    for (const attribute of attributes) {
      const command = ['FT.ALTER', index, 'SCHEMA', 'ADD', ...attribute];
      await this.#database.send(command).catch((error: unknown) => {
        if (!/duplicate/i.test(errorMessage(error))) throw error;
      });
    }
    await this.#waitUntilIndexed(index);
  }

  #waitUntilIndexed(index: string): Promise<void> {
    return waitUntilIndexed(index, () => readIndexHealth(this.#database, index));
  }

  /** What the server says of a collection's index, or `undefined` when it is lost. */
  async findHealth({ name, index }: Pick<Collection, 'name' | 'index'>): Promise<IndexHealth | undefined> {
    // While it is being rebuilt the index has no alias yet.
    for (const known of [aliasOf(name), index]) {
      try {
        return await readIndexHealth(this.#database, known);
      } catch (error) {
        if (!isLostIndex(error)) throw error;
      }
    }
    return undefined;
  }

  /** Removes a collection's index and alias; the chunks stay. */
  async drop({ index }: Collection): Promise<void> {
    await dropIndex(this.#database, index);
  }

  async #search(
    collection: Collection,
    { query, params, offset, limit }: KnnQuery,
  ): Promise<Omit<KnnAnswer, 'rebuilt'>> {
    const timeout = String(this.#searchTimeoutMs);
    const command: RedisArgument[] = [
      'FT.SEARCH',
      aliasOf(collection.name),
      query,
      'PARAMS',
      String(params.length),
    ];
    command.push(...params, 'SORTBY', DISTANCE, 'ASC', 'LIMIT', String(offset), String(limit));
    command.push('RETURN', String(RETURNED.length), ...RETURNED, 'TIMEOUT', timeout, 'DIALECT', '2');
    const reply = await this.#database.send<SearchReply>(command, {
      timeoutMs: this.#searchTimeoutMs + SEARCH_MARGIN_MS,
    });
    return { matches: readMatches(collection.name, reply), rows: (reply.length - 1) / 2 };
  }
}

/** The alias that searches of a collection go through, so that the index behind it can be swapped. */
export function aliasOf(collection: string): string {
  return `stacklore:live:${collection}`;
}

function createCommand(index: string, collection: string, manifest: Manifest): string[] {
  return [
    ...['FT.CREATE', index, 'ON', 'HASH', 'PREFIX', '1', chunkPrefix(collection), ...INDEX_OPTIONS, 'SCHEMA'],
    ...vectorAttribute(manifest),
    ...(manifest.analyser ? TERMS_ATTRIBUTES.flat() : []),
    ...DOCUMENT_ATTRIBUTES.flatMap(attributeArguments),
    ...manifest.fields.flatMap(fieldAttribute),
  ];
}

/** The analyser drops stop words by language, and nobody asks for phrases, so places of words need no memory. */
const INDEX_OPTIONS = ['NOOFFSETS', 'STOPWORDS', '0'];

/**
 * Stems are made by the analyser already; another time would join what it keeps apart. A chunk's own term counts as
 * if it stood there three times as often: measured on four collections, where 2 and 4 are as good.
 */
const TERMS_ATTRIBUTES = [
  ['analysed', 'TEXT', 'NOSTEM', 'WEIGHT', '3'],
  ['analysed_nearby', 'TEXT', 'NOSTEM'],
];

function vectorAttribute({ dimensions, metric, index }: Manifest): string[] {
  const common = ['TYPE', 'FLOAT32', 'DIM', String(dimensions), 'DISTANCE_METRIC', metric];
  const settings =
    index.kind === 'flat'
      ? common
      : [
          ...common,
          ...['M', String(index.m), 'EF_CONSTRUCTION', String(index.efConstruction)],
          ...['EF_RUNTIME', String(index.efRuntime)],
        ];
  return ['embedding', 'VECTOR', index.kind.toUpperCase(), String(settings.length), ...settings];
}

function fieldAttribute({ name, type }: CollectionField): string[] {
  return attributeArguments({ attribute: metadataAttribute(name), type, mayBeMissing: true });
}
