import type { Database } from '../../../redis/databases.ts';
import { readFields } from '../../../redis/hash.ts';
import { chunkKeysAt, numbersInBatches } from './places.ts';

/** Which chunks a document says it has. */
export interface DocumentSpan {
  /** Absent in documents of other programs. */
  readonly collection: string | undefined;
  /** They have the numbers from `start` on; of other programs' documents nobody may know how many they are. */
  readonly start: number;
  readonly count: number | undefined;
  /** The stored text of the generation they are of; empty where it shows none. */
  readonly generation: string;
  /** Another one after each publish. */
  readonly version: string;
}

const SPAN_FIELDS = ['collection', 'chunk_start', 'chunk_count', 'generation'];
const VERSION_FIELDS = [...SPAN_FIELDS, 'updated_at', 'hash', 'manifest_hash'];

/** What the hashes at these keys say; empty spans of those that are gone, `undefined` of what is no document that can be counted. */
export async function readSpans(
  database: Database,
  keys: readonly string[],
): Promise<(DocumentSpan | undefined)[]> {
  const replies = await readFields(database, keys, VERSION_FIELDS);
  return replies.map((fields) => {
    const [collection, start, count, generation] = fields;
    const [from, size] = [Number(start ?? 0), Number(count ?? 0)];
    if (fields.length === 0 || !Number.isSafeInteger(from) || !Number.isSafeInteger(size)) return undefined;
    return {
      ...{ collection: collection ?? undefined, generation: generation ?? '' },
      ...{ start: from, count: typeof count === 'string' ? size : undefined },
      version: JSON.stringify(fields),
    };
  });
}

/** Documents that say they have more are damaged, or too large to be held or counted; their chunks are taken one by one. */
const MOST_CHUNKS = 1_000_000;

/** Whether the chunks of a document can be gone through by what it says of them. */
export function isCountable(span: DocumentSpan | undefined): span is DocumentSpan {
  return span !== undefined && (span.count ?? 0) <= MOST_CHUNKS;
}

/** The chunks that a document says it has, and those that are there. */
export interface ChunkCount {
  readonly said: number;
  /** Chunks at its places, of whatever version. */
  readonly found: number;
  /** Those of them that are of the version it shows. */
  readonly shown: number;
  /** The collection it says it is in. */
  readonly collection: string;
  /** As in `DocumentSpan`. */
  readonly generation: string;
}

const CHUNKS_PER_LOOK = 500;

/**
 * Counts the chunks of the document at a key, step by step; of one that says it has none, the first is looked for.
 * `undefined` for what is no document that can be counted.
 */
export async function countChunks(
  database: Database,
  { key, docId }: { readonly key: string; readonly docId: string },
): Promise<ChunkCount | undefined> {
  if ((await database.send<string>(['TYPE', key])) !== 'hash') return undefined;
  const [span] = await readSpans(database, [key]);
  if (!isCountable(span)) return undefined;
  const { start, count: said = 0, collection = 'default', generation } = span;
  let [found, shown] = [0, 0];
  for (const numbers of numbersInBatches(start, start + Math.max(said, 1), CHUNKS_PER_LOOK)) {
    const places = numbers.flatMap((n) => chunkKeysAt(collection, docId, n).map((chunk) => ({ n, chunk })));
    const keys = places.map(({ chunk }) => chunk);
    const [there, generations] = await Promise.all([
      database.pipeline<number>(keys.map((chunk) => ['EXISTS', chunk])),
      readFields(database, keys, ['generation']),
    ]);
    const stored = places.filter((_, at) => there[at] === 1);
    const counting = places.filter((_, at) => there[at] === 1 && (generations[at]?.[0] ?? '') === generation);
    found += new Set(stored.map(({ n }) => n)).size;
    shown += new Set(counting.map(({ n }) => n)).size;
  }
  return { said, found, shown, collection, generation };
}
