import type { Database } from '../../redis/databases.ts';
import { type CachedQuestion, cachedQuestionRecord } from '../../schema/knowledge.ts';
import { checkVector } from './check-vector.ts';
import { distanceOf, readRows } from './fact-index.ts';
import { attributeArguments, createIndex, isLostIndex } from './ft-index.ts';
import { DISTANCE, type SearchReply } from './knn-reply.ts';

/** How questions are kept. */
export interface CachedQuestionsOptions {
  /** How long a question is kept where a call does not say; 300. */
  readonly ttlSeconds?: number;
  readonly searchTimeoutMs?: number;
}

/** A question that was asked before. */
export interface EarlierQuestion extends Pick<CachedQuestion, 'query' | 'paramsHash'> {
  /** Cosine of the angle between the vectors of both questions. */
  readonly similarity: number;
}

/** The server's own TIMEOUT answers first; the margin covers a server that no longer answers at all. */
const SEARCH_MARGIN_MS = 2_000;

/** Questions whose answers are cached, by their vectors; an exact index for each number of dimensions. */
export class CachedQuestions {
  readonly #database: Database;
  readonly #ttlSeconds: number;
  readonly #searchTimeoutMs: number;

  constructor(
    database: Database,
    {
      ttlSeconds = cachedQuestionRecord.ttlSeconds ?? 0,
      searchTimeoutMs = 10_000,
    }: CachedQuestionsOptions = {},
  ) {
    this.#database = database;
    this.#ttlSeconds = ttlSeconds;
    this.#searchTimeoutMs = searchTimeoutMs;
  }

  /** The questions of a partition nearest to a vector, nearest first. Throws `invalid_vector`. */
  async nearest(
    { embedding, partition }: Pick<CachedQuestion, 'embedding' | 'partition'>,
    topK: number,
  ): Promise<EarlierQuestion[]> {
    checkVector(embedding, embedding.length, 'the question');
    const index = indexName(embedding.length);
    const params = ['partition', partition, 'k', String(topK), 'vector', vectorBytes(embedding)];
    const command = [
      ...['FT.SEARCH', index, `(@partition:{$partition})=>[KNN $k @embedding $vector AS ${DISTANCE}]`],
      ...['PARAMS', String(params.length), ...params, 'SORTBY', DISTANCE, 'ASC', 'LIMIT', '0', String(topK)],
      ...['RETURN', '3', DISTANCE, 'query', 'params_hash'],
      ...['TIMEOUT', String(this.#searchTimeoutMs), 'DIALECT', '2'],
    ];
    try {
      const timeoutMs = this.#searchTimeoutMs + SEARCH_MARGIN_MS;
      const { rows } = readRows(await this.#database.send<SearchReply>(command, { timeoutMs }));
      return rows.flatMap((row) => {
        const { query, params_hash: paramsHash } = row.fields;
        const similarity = 1 - distanceOf(row);
        // Expired since it was found, it has no fields; a distance of NaN is none.
        if (query === undefined || paramsHash === undefined || Number.isNaN(similarity)) return [];
        return [{ query, paramsHash, similarity }];
      });
    } catch (error) {
      if (!isLostIndex(error)) throw error;
      // Nobody waits for its scan: what is not in it yet is asked again.
      await createIndex(this.#database, createCommand(index, embedding.length));
      return [];
    }
  }

  /** Keeps a question as long as its answer is, in place of an equal one. */
  async save(
    question: CachedQuestion,
    { ttlSeconds = this.#ttlSeconds }: { ttlSeconds?: number | undefined } = {},
  ): Promise<void> {
    const { embedding, partition, paramsHash } = question;
    const key = cachedQuestionRecord.key.build({
      ...{ partition, paramsHash, dimensions: String(embedding.length) },
    });
    await this.#database.transaction([
      ['HSET', key, ...cachedQuestionRecord.encode(question, key)],
      ['EXPIRE', key, String(ttlSeconds)],
    ]);
  }
}

function vectorBytes({ buffer, byteOffset, byteLength }: Float32Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}

function indexName(dimensions: number): string {
  return `stacklore:cached-questions:${dimensions}`;
}

/** What precedes the partition in the keys of questions with vectors of so many dimensions. */
function prefixOf(dimensions: number): string {
  const ids = { dimensions: String(dimensions), partition: 'p', paramsHash: 'h' };
  return cachedQuestionRecord.key.build(ids).slice(0, -'p:h'.length);
}

function createCommand(index: string, dimensions: number): string[] {
  const vector = ['TYPE', 'FLOAT32', 'DIM', String(dimensions), 'DISTANCE_METRIC', 'COSINE'];
  return [
    ...['FT.CREATE', index, 'ON', 'HASH', 'PREFIX', '1', prefixOf(dimensions), 'STOPWORDS', '0', 'SCHEMA'],
    ...attributeArguments({ attribute: 'partition', type: 'tag', mayBeMissing: false }),
    ...['embedding', 'VECTOR', 'FLAT', String(vector.length), ...vector],
  ];
}
