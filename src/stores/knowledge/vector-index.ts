import { StackloreError } from '../../errors.ts';
import type { Database } from '../../redis/databases.ts';
import { requireSearch } from '../../redis/search-module.ts';
import {
  type CandidateAnswer,
  type CandidateContents,
  type CandidateQuery,
  candidateCommand,
  contentsCommand,
  readCandidates,
  readContents,
} from './candidates.ts';
import type { Collection } from './collections.ts';
import { requireCurrent } from './current-collection.ts';
import {
  findIndexShape,
  findToldOfIndex,
  healthOf,
  type IndexHealth,
  type IndexShape,
  isLostIndex,
  isUnknownCommand,
  type ToldOfIndex,
} from './ft-index.ts';
import { usesGenerations } from './generations/mode.ts';
import { VERSION_FIELDS } from './generations/versioned-candidates.ts';
import { type PageGenerations, VisibleChunks } from './generations/visible-chunks.ts';
import { aliasOf, readAliasOf } from './index-aliases.ts';
import { IndexBuilder } from './index-builder.ts';
import { embeddingField } from './index-fields.ts';
import { type KnnAnswer, type KnnQuery, knnCommand } from './knn-query.ts';
import { readMatches, type SearchReply } from './knn-reply.ts';
import { decodeVector } from './stored-vectors.ts';
import { WholeIndexes, type WordsPlace } from './whole-indexes.ts';

export type { Candidate, CandidateAnswer, CandidateContents, CandidateQuery } from './candidates.ts';
export type { IndexHealth } from './ft-index.ts';
export { DOCUMENT_ATTRIBUTES, metadataAttribute } from './index-command.ts';
export type { KnnAnswer, KnnQuery } from './knn-query.ts';
export { type ChunkMatch, DISTANCE } from './knn-reply.ts';

/** The server's own TIMEOUT answers first; the margin covers a server that no longer answers at all. */
const SEARCH_MARGIN_MS = 2_000;
/** How often a search is repeated whose index was lost, or whose connection was, meanwhile. */
const ATTEMPTS = 5;

/** Searches the FT index of each collection, always by its alias; a lost one is made again first. */
export class VectorIndex {
  /** Makes, changes and removes the indexes. */
  readonly builder: IndexBuilder;
  readonly #database: Database;
  readonly #searchTimeoutMs: number;
  readonly #visible: VisibleChunks;
  readonly #whole: WholeIndexes;

  constructor(database: Database, { searchTimeoutMs = 10_000 }: { searchTimeoutMs?: number } = {}) {
    this.#database = database;
    this.#searchTimeoutMs = searchTimeoutMs;
    this.#visible = new VisibleChunks(database);
    this.#whole = new WholeIndexes(database);
    this.builder = new IndexBuilder(database, this.#whole);
  }

  /**
   * The chunks nearest to a vector, nearest first. A lost index is rebuilt from the manifest first.
   * Throws `query_timeout` when the server ran out of time: a partial answer is never given; `not_found` when the
   * collection itself was dropped.
   */
  async knn(collection: Collection, query: KnnQuery): Promise<KnnAnswer> {
    const command = knnCommand(readAliasOf(collection), query, String(this.#searchTimeoutMs));
    const options = { timeoutMs: this.#searchTimeoutMs + SEARCH_MARGIN_MS };
    const { answer, rebuilt } = await this.#ask(collection, () =>
      this.#database.send<SearchReply>(command, options),
    );
    return { matches: readMatches(collection.name, answer), rows: (answer.length - 1) / 2, rebuilt };
  }

  /**
   * The best chunks by each of several queries, without their contents, in one round trip. A lost index is rebuilt
   * first. Throws like `knn`.
   */
  async candidates(collection: Collection, queries: readonly CandidateQuery[]): Promise<CandidateAnswer> {
    let wordsIndexed: number | undefined;
    const ask = async (asked: readonly CandidateQuery[], fields?: readonly string[]) => {
      const { answer, rebuilt } = await this.#askAll(collection, asked, fields);
      wordsIndexed = answer.words.in === 'none' ? answer.words.indexed : undefined;
      return { answer: answer.replies, rebuilt };
    };
    const found = this.usesGenerations(collection)
      ? await this.#visible.candidates(queries, (asked) => ask(asked, VERSION_FIELDS))
      : await ask(queries).then(({ answer, rebuilt }) => ({
          lists: answer.map((reply, at) => readCandidates(reply, queries[at] as CandidateQuery)),
          rebuilt,
        }));
    return { ...found, ...(wordsIndexed !== undefined && { wordsIndexed }) };
  }

  /** The index's reply to each query, an empty one to those by words while these are not indexed yet. */
  #askAll(collection: Collection, queries: readonly CandidateQuery[], fields?: readonly string[]) {
    const timeout = String(this.#searchTimeoutMs);
    const options = { timeoutMs: this.#searchTimeoutMs + SEARCH_MARGIN_MS };
    const isWorded = queries.some(({ by }) => by === 'text');
    return this.#ask(collection, async () => {
      const words: WordsPlace = isWorded ? await this.#whole.findWords(collection) : { in: 'own' };
      const asked = queries.filter(({ by }) => by !== 'text' || words.in !== 'none');
      const commands = asked.map((query) => {
        const index = query.by === 'text' && words.in === 'next' ? words.index : readAliasOf(collection);
        return candidateCommand(index, query, timeout, fields);
      });
      const given = await this.#database.pipeline<SearchReply>(commands, options);
      const byQuery = new Map(asked.map((query, at) => [query, given[at]]));
      return { replies: queries.map((query): SearchReply => byQuery.get(query) ?? [0]), words };
    });
  }

  /** Whether chunks may be found that count no more or not yet, so that only `candidates` leaves them out. */
  usesGenerations({ manifest }: Pick<Collection, 'manifest'>): boolean {
    return usesGenerations(this.#database, manifest);
  }

  /**
   * What candidates hold, in their order, all of them with their vectors unless said which; `undefined` where a chunk was
   * deleted since it was found. With `page`, one whose document shows another version by now throws `busy`.
   */
  async contents(
    collection: Pick<Collection, 'name' | 'manifest'>,
    keys: readonly string[],
    needsVector: (key: string) => boolean = () => true,
    page?: PageGenerations,
  ): Promise<(CandidateContents | undefined)[]> {
    if (this.usesGenerations(collection)) {
      return this.#visible.contents(collection, keys, { needsVector, page });
    }
    const commands = keys.map((key) => contentsCommand(key, collection.manifest, needsVector(key)));
    const replies = await this.#database.pipeline<(Buffer | null)[]>(commands, { buffers: true });
    return replies.map((reply, at) => readContents(collection, keys[at] as string, reply));
  }

  /** Stored fields of chunks, in the order asked for; `null` where a chunk lacks one or is gone. */
  async fields(keys: readonly string[], names: readonly string[]): Promise<(string | null)[][]> {
    return this.#database.pipeline<(string | null)[]>(keys.map((key) => ['HMGET', key, ...names]));
  }

  /** The vectors of chunks of collections, in their order; `undefined` where a chunk has none or is gone. */
  async embeddings(
    chunks: readonly { readonly key: string; readonly collection: Pick<Collection, 'manifest'> }[],
  ): Promise<(Float32Array | undefined)[]> {
    const commands = chunks.map(({ key, collection }) => ['HGET', key, embeddingField(collection.manifest)]);
    const replies = await this.#database.pipeline<Buffer | null>(commands, { buffers: true });
    return replies.map((bytes, at) => {
      const chunk = chunks[at];
      return chunk && decodeVector(chunk.collection.manifest, bytes ?? undefined);
    });
  }

  /** Which chunks pass a filter, of all or among some; at most the 10,000 that the server gives. */
  async matching(
    collection: Collection,
    { clause, params }: { clause: string; params: readonly string[] },
    among?: readonly string[],
  ): Promise<string[]> {
    if (among?.length === 0) return [];
    const command = ['FT.SEARCH', readAliasOf(collection), clause];
    if (params.length > 0) command.push('PARAMS', String(params.length), ...params);
    if (among) command.push('INKEYS', String(among.length), ...among);
    const timeout = String(this.#searchTimeoutMs);
    command.push(...['NOCONTENT', 'LIMIT', '0', '10000', 'TIMEOUT', timeout, 'DIALECT', '2']);
    const options = { timeoutMs: this.#searchTimeoutMs + SEARCH_MARGIN_MS };
    const { answer } = await this.#ask(collection, () =>
      this.#database.send<[number, ...string[]]>(command, options),
    );
    const found = answer.slice(1) as string[];
    return !among && this.usesGenerations(collection) ? this.#visible.among(found) : found;
  }

  /** Which of these chunks readers may see. */
  visible(keys: readonly string[]): Promise<string[]> {
    return this.#visible.among(keys);
  }

  /** Asks the index; when it is lost, rebuilds it from the manifest and asks again. */
  async #ask<T>(collection: Collection, ask: () => Promise<T>): Promise<{ answer: T; rebuilt: boolean }> {
    let rebuilt = false;
    for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
      try {
        if (!this.#whole.isKnown(collection.index)) rebuilt = (await this.#makeWhole(collection)) || rebuilt;
        const { connections } = this.#database;
        const answer = await ask();
        // Behind another connection the index may be another one, which is still being filled.
        if (this.#database.connections === connections) return { answer, rebuilt };
      } catch (error) {
        if (isUnknownCommand(error)) await requireSearch(this.#database);
        if (!isLostIndex(error) || attempt === ATTEMPTS) throw error;
        this.#whole.forget(collection.index);
        rebuilt = (await this.#restore(collection)) || rebuilt;
      }
    }
    throw new StackloreError('busy', {
      message: `The connection to the index of collection "${collection.name}" was lost again and again. Repeat when the server is at rest.`,
    });
  }

  /** Waits until the index holds all chunks, which it does but after a crash of the server, or where it was lost. */
  async #makeWhole(collection: Collection): Promise<boolean> {
    const shape = await this.#whole.look(collection.index);
    if (shape === 'unreadable' || (shape && !shape.indexing)) return false;
    return this.#restore(collection);
  }

  /** Makes an index and its aliases where they are missing; gives whether there was none that could be asked. */
  async #restore(collection: Collection): Promise<boolean> {
    await requireCurrent(this.#database, collection);
    // Collections of earlier versions have only the alias that all readers share.
    const known = await this.findHealth(collection);
    const isThere = known?.index === collection.index && !known.indexing;
    await this.builder.ensure(collection);
    return !isThere;
  }

  /** Throws `search_unavailable` with the remedy where this database cannot be indexed and searched. */
  async requireSearch(): Promise<void> {
    await requireSearch(this.#database);
  }

  /** How a collection's index is, or `undefined` when it is lost. */
  async findHealth(collection: Pick<Collection, 'name' | 'index'>): Promise<IndexHealth | undefined> {
    const told = await this.findTold(collection);
    return told && healthOf(told);
  }

  /** All that the server tells of a collection's index, or `undefined` when it is lost. */
  async findTold({ name, index }: Pick<Collection, 'name' | 'index'>): Promise<ToldOfIndex | undefined> {
    // While it is being rebuilt the index has no alias yet.
    return (await findToldOfIndex(this.#database, aliasOf(name))) ?? findToldOfIndex(this.#database, index);
  }

  /** An index by its name, and what it is made of; `undefined` where there is none. */
  async findShape(index: string): Promise<IndexShape | undefined> {
    return findIndexShape(this.#database, index);
  }
}
