import type { Database, RedisArgument } from '../../redis/databases.ts';
import { scanKeys } from '../../redis/scan.ts';
import { runOverKeys } from '../../redis/script.ts';
import { chunkRecord, documentRecord, type NextField } from '../../schema/knowledge.ts';
import { parseMetadata } from './chunk-metadata.ts';
import type { ChunkTerms } from './chunk-terms.ts';
import { chunkPrefix } from './document-ids.ts';
import { NEXT_FIELDS } from './index-fields.ts';
import { chunkIdOfKey } from './knn-reply.ts';
import { ADD_DERIVED_FIELDS } from './scripts/add-derived-fields.ts';
import { FIND_EQUAL, RESTATE_DOCUMENTS, SETTLE_CHUNKS } from './scripts/next-fields.ts';
import { convertVectors, type VectorConversion } from './stored-vectors.ts';

/** A chunk that lacks what a reindex gives it. */
export interface LackingChunk {
  readonly key: string;
  readonly chunkId: string;
  readonly text: string;
  readonly metadata: Readonly<Record<string, unknown>>;
  /** Hash of what its present vector was made of, where known. */
  readonly inputHash: string | undefined;
  /** What tells a version of it from others as it is stored, field and value in turn: text, metadata, and when it was published. */
  readonly version: readonly string[];
}

/** What a chunk is given; absent where it is not what is changed. */
export interface NextValues {
  readonly embedding?: Float32Array | undefined;
  readonly terms?: ChunkTerms | undefined;
}

/** Where the values of a pass go: beside the live fields, or into these. */
export type Place = 'next' | 'live';

const CHUNKS_PER_PAGE = 200;

/** The fields that a reindex writes beside the live ones of a collection's chunks. */
export class NextFields {
  readonly #database: Database;
  readonly #prefix: string;
  readonly #collection: string;

  constructor(database: Database, collection: string) {
    this.#database = database;
    this.#collection = collection;
    this.#prefix = chunkPrefix(collection);
  }

  /** The keys of all chunks page by page; a key may come twice. */
  async *keys(): AsyncGenerator<string[]> {
    const options = { type: 'hash', count: CHUNKS_PER_PAGE };
    for await (const keys of scanKeys(this.#database, `${this.#prefix}*`, options)) {
      for (let at = 0; at < keys.length; at += CHUNKS_PER_PAGE) yield keys.slice(at, at + CHUNKS_PER_PAGE);
    }
  }

  /**
   * Those of the chunks that lack a next field: how many there are, and those with a text, as the others have nothing
   * it could be made of.
   */
  async lacking(
    keys: readonly string[],
    fields: readonly NextField[],
  ): Promise<{ readonly count: number; readonly chunks: readonly LackingChunk[] }> {
    const lacking = await this.#lacking(keys, fields);
    return { count: lacking.length, chunks: await this.read(lacking) };
  }

  /** How many chunks of the collection lack a next field. */
  async countLacking(field: NextField): Promise<number> {
    const lacking = new Set<string>();
    for await (const keys of this.keys()) {
      for (const key of await this.#lacking(keys, [field])) lacking.add(key);
    }
    return lacking.size;
  }

  async #lacking(keys: readonly string[], fields: readonly NextField[]): Promise<string[]> {
    if (fields.length === 0) return [];
    const names = namesOf(fields).map(({ next }) => next);
    const tests = keys.flatMap((key) => names.map((name) => ['HEXISTS', key, name]));
    const present = await this.#database.pipeline<number>(tests);
    return keys.filter((_, at) => names.some((__, n) => present[at * names.length + n] === 0));
  }

  /** Chunks whose live vector was written by the model of the next one: published since the switch. */
  async madeSince(keys: readonly string[]): Promise<LackingChunk[]> {
    if (keys.length === 0) return [];
    const found = await runOverKeys<string[]>(this.#database, FIND_EQUAL, { keys, args: [] });
    return this.read(found.flat());
  }

  /** The chunks as they are stored; those without a text are left out. */
  async read(keys: readonly string[]): Promise<LackingChunk[]> {
    const replies = await this.#database.pipeline<(string | null)[]>(
      keys.map((key) => ['HMGET', key, 'text', 'metadata', 'input_hash', 'updated_at']),
    );
    return replies.flatMap(([text, metadata, inputHash, updatedAt], at) => {
      if (typeof text !== 'string' || text.trim() === '') return [];
      const key = keys[at] as string;
      return {
        ...{ key, chunkId: chunkIdOfKey(this.#collection, key), text },
        metadata: parseMetadata(metadata ?? '{}'),
        version: Object.entries({ text, metadata, updated_at: updatedAt }).flatMap(([field, value]) => {
          return typeof value === 'string' ? [field, value] : [];
        }),
        inputHash: inputHash ?? undefined,
      };
    });
  }

  /** Gives chunks what was made of them; one that was replaced meanwhile is left as it is. */
  async write(
    chunks: readonly LackingChunk[],
    values: readonly NextValues[],
    place: Place = 'next',
  ): Promise<number> {
    const writes: RedisArgument[][] = [];
    for (const [at, { key, version }] of chunks.entries()) {
      const { embedding, terms } = values[at] ?? {};
      const fields: RedisArgument[] = [];
      const [vector] = NEXT_FIELDS.embedding;
      const [own, nearby] = NEXT_FIELDS.analysed;
      if (embedding) fields.push(vector[place], chunkRecord.fields.embedding.encode(embedding));
      if (terms) fields.push(own[place], terms.analysed, nearby[place], terms.analysedNearby);
      if (fields.length === 0) continue;
      const made = String(version.length / 2);
      writes.push(ADD_DERIVED_FIELDS.evalCommand([key], [made, ...version, ...fields]));
    }
    const replies = await this.#database.pipeline<number>(writes);
    return replies.filter((count) => count > 0).length;
  }

  /** Gives chunks one form of their vectors made of another; how many were written. */
  convert(keys: readonly string[], conversion: VectorConversion): Promise<number> {
    return convertVectors(this.#database, keys, conversion);
  }

  /** Gives chunks that have none the float16 form of their vectors, beside the float32 one. */
  async addFloat16(keys: readonly string[], dimensions: number): Promise<number> {
    const present = await this.#database.pipeline<number>(
      keys.map((key) => ['HEXISTS', key, 'embedding_float16']),
    );
    const lacking = keys.filter((_, at) => present[at] === 0);
    const conversion = { from: 'embedding', to: 'embedding_float16', type: 'float16', dimensions } as const;
    return this.convert(lacking, conversion);
  }

  /** Puts the next fields of chunks in place of the live ones, in one write a chunk; those beside them stay. */
  async settle(keys: readonly string[], fields: readonly NextField[]): Promise<void> {
    if (keys.length === 0) return;
    const args = namesOf(fields).flatMap(({ next, live }) => [next, live]);
    await runOverKeys(this.#database, SETTLE_CHUNKS, { keys, args });
  }

  /** Removes fields of chunks. */
  async remove(keys: readonly string[], fields: readonly string[]): Promise<void> {
    await this.#database.pipeline(keys.map((key) => ['HDEL', key, ...fields]));
  }

  /** Notes of documents that their chunks fit another manifest now, so that they are not embedded again when ingested. */
  async restate(docIds: readonly string[], { from, to }: { from: string; to: string }): Promise<void> {
    if (docIds.length === 0 || from === to) return;
    const keys = docIds.flatMap((docId) => documentRecord.key.candidates({ docId }));
    await runOverKeys(this.#database, RESTATE_DOCUMENTS, { keys, args: [from, to] });
  }
}

/** The names of fields that a reindex writes, live and next. */
export function namesOf(
  fields: readonly NextField[],
): readonly { readonly live: string; readonly next: string }[] {
  return fields.flatMap((field) => [...NEXT_FIELDS[field]]);
}
