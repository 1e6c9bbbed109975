import type { Database } from '../../redis/databases.ts';
import { chunkRecord } from '../../schema/knowledge.ts';
import { hasDirection } from './check-vector.ts';
import { parseMetadata } from './chunk-metadata.ts';
import type { Collection } from './collections.ts';
import type { StoredChunk, StoredDocument } from './document.ts';
import { chunkIdOf } from './document-ids.ts';
import { embeddingField } from './index-fields.ts';

const CHUNKS_PER_READ = 200;

/** The chunks of a document in order, without their embeddings, read page by page. */
export async function* readChunks(database: Database, document: StoredDocument): AsyncGenerator<StoredChunk> {
  const collection = document.collection ?? 'default';
  for (const numbers of pagesOf(document.chunkCount)) {
    const places = numbers.flatMap((n) => {
      const chunkId = chunkIdOf(document.docId, n);
      return chunkRecord.key.candidates({ collection, chunkId }).map((key) => ({ chunkId, key }));
    });
    const replies = await database.pipeline<(string | null)[]>(
      places.map(({ key }) => ['HMGET', key, 'text', 'metadata', 'node_id']),
    );
    let last: string | undefined;
    for (const [at, [text, metadata, nodeId]] of replies.entries()) {
      const chunkId = places[at]?.chunkId as string;
      // Not at this key, or removed by hand, which doctor reports; or given from its raw key already.
      if (typeof text !== 'string' || chunkId === last) continue;
      last = chunkId;
      yield { chunkId, nodeId: nodeId ?? '', text, metadata: parseMetadata(metadata ?? '{}') };
    }
  }
}

/** The vectors of so many chunks by the hash of what was embedded; those that could not be stored again are left out. */
export async function readEmbeddings(
  database: Database,
  { manifest }: Pick<Collection, 'manifest'>,
  { chunkCount, keyPrefix }: { readonly chunkCount: number; readonly keyPrefix: string },
): Promise<Map<string, Float32Array>> {
  const vectors = new Map<string, Float32Array>();
  for (const numbers of pagesOf(chunkCount)) {
    const replies = await database.pipeline<(Buffer | null)[]>(
      numbers.map((n) => ['HMGET', `${keyPrefix}${n}`, 'input_hash', embeddingField(manifest)]),
      { buffers: true },
    );
    for (const [inputHash, embedding] of replies) {
      if (!inputHash || embedding?.byteLength !== manifest.dimensions * 4) continue;
      const vector = chunkRecord.fields.embedding.decode(embedding);
      if (hasDirection(vector)) vectors.set(inputHash.toString(), vector);
    }
  }
  return vectors;
}

/** The numbers of a document's chunks, some at a time. */
function* pagesOf(chunkCount: number): Generator<number[]> {
  for (let from = 0; from < chunkCount; from += CHUNKS_PER_READ) {
    const size = Math.min(chunkCount - from, CHUNKS_PER_READ);
    yield Array.from({ length: size }, (_, index) => from + index);
  }
}
