import { StackloreError } from '../errors.ts';
import { chunkRecord } from '../schema/knowledge.ts';
import type { Collection } from '../stores/knowledge/collections.ts';
import type { VectorIndex } from '../stores/knowledge/vector-index.ts';
import { compileFilter } from './filter.ts';
import { possibleDocIds } from './find-documents.ts';
import type { SearchRequest } from './request.ts';

/** What others are to be like. */
export interface Likeness {
  /** Of the chunk, or the mean direction of the document's chunks. */
  readonly vector: Float32Array;
  /** The chunk that is no hit of its own search; absent for a document, which a filter excludes. */
  readonly chunkKey?: string;
  /** The document, whatever it was called by; absent for a chunk. */
  readonly docId?: string;
}

/** Chunks of a document that its mean is made of: more change it little. */
const MOST_CHUNKS = 1_000;

/** Reads the vector of a stored chunk or document. Throws `not_found` when it is not in the collection. */
export async function findLikeness(
  vectorIndex: Pick<VectorIndex, 'embeddings' | 'matching'>,
  collection: Collection | undefined,
  { like }: SearchRequest,
): Promise<Likeness> {
  if (!collection || !like) throw new StackloreError('internal', { message: 'There is nothing to be like.' });
  const { keys, docId } =
    'chunkId' in like
      ? { keys: chunkRecord.key.candidates({ collection: collection.name, chunkId: like.chunkId }) }
      : await chunksOf(vectorIndex, collection, like.docId);
  const found = await vectorIndex.embeddings(keys.slice(0, MOST_CHUNKS).map((key) => ({ key, collection })));
  const { dimensions } = collection.manifest;
  const vectors = found.filter((vector) => vector?.length === dimensions) as Float32Array[];
  if (vectors.length === 0) {
    const [kind, id] = 'chunkId' in like ? ['chunk', like.chunkId] : ['document', like.docId];
    throw new StackloreError('not_found', {
      message: `Collection "${collection.name}" has no ${kind} "${id}" with a vector. See stacklore docs list for its documents.`,
    });
  }
  const chunkKey = 'chunkId' in like ? keys[found.findIndex((vector) => vector !== undefined)] : undefined;
  const vector = meanDirection(vectors);
  return { vector, ...(chunkKey !== undefined && { chunkKey }), ...(docId !== undefined && { docId }) };
}

/** The chunks of the document that the collection holds by this name: its doc id, the `_id` of its row, or its source. */
async function chunksOf(
  vectorIndex: Pick<VectorIndex, 'matching'>,
  collection: Collection,
  name: string,
): Promise<{ keys: readonly string[]; docId?: string }> {
  for (const docId of possibleDocIds(collection.name, name)) {
    const filter = compileFilter({ docId }, collection.manifest.fields);
    const keys = await vectorIndex.matching(collection, filter);
    if (keys.length > 0) return { keys, docId };
  }
  return { keys: [] };
}

function meanDirection(vectors: readonly Float32Array[]): Float32Array {
  if (vectors.length === 1) return vectors[0] as Float32Array;
  const sum = new Float32Array(vectors[0]?.length ?? 0);
  for (const vector of vectors) {
    const length = Math.hypot(...vector);
    for (const [at, value] of vector.entries()) sum[at] = (sum[at] as number) + value / length;
  }
  return sum;
}
