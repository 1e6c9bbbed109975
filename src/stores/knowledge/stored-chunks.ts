import type { Database } from '../../redis/databases.ts';
import { chunkRecord } from '../../schema/knowledge.ts';
import { hasDirection } from './check-vector.ts';
import { parseMetadata, placeOf } from './chunk-metadata.ts';
import type { Collection } from './collections.ts';
import type { PlacedChunk, StoredChunk, StoredDocument } from './document.ts';
import { chunkIdOf } from './document-ids.ts';
import { readShownPlace, type ShownPlace } from './generations/document-generations.ts';
import { embeddingField } from './index-fields.ts';
import { decodeVector } from './stored-vectors.ts';

const CHUNKS_PER_READ = 200;

/** The chunks of a document in order, without their embeddings, read page by page. */
export async function* readChunks(database: Database, document: StoredDocument): AsyncGenerator<StoredChunk> {
  for await (const { index: _, ...chunk } of readNumbered(database, document)) yield chunk;
}

/** One page of the chunks of a document, without their embeddings. */
export async function readChunkPage(
  database: Database,
  document: StoredDocument,
  { offset = 0, limit = 100 }: { offset?: number; limit?: number },
): Promise<{ items: PlacedChunk[]; total: number }> {
  const items: PlacedChunk[] = [];
  const range = { from: offset, to: offset + limit };
  for await (const chunk of readNumbered(database, document, range)) {
    items.push({ ...chunk, ...placeOf(chunk.metadata) });
  }
  return { items, total: document.chunkCount };
}

async function* readNumbered(
  database: Database,
  document: StoredDocument,
  range: Range = {},
): AsyncGenerator<StoredChunk & { readonly index: number }> {
  let shown: ShownPlace = document;
  for (const numbers of pagesOf(document.chunkCount, range)) {
    let page = await readPlaces(database, { document, shown, numbers });
    if (page.isOther) {
      // Published anew since the document was read, whose new chunks may lie elsewhere by now.
      shown = (await readShownPlace(database, document.docId)) ?? shown;
      page = await readPlaces(database, { document, shown, numbers });
    }
    yield* page.chunks;
  }
}

async function readPlaces(
  database: Database,
  { document, shown, numbers }: { document: StoredDocument; shown: ShownPlace; numbers: readonly number[] },
) {
  const collection = document.collection ?? 'default';
  const places = numbers.flatMap((n) => {
    const chunkId = chunkIdOf(document.docId, n + (shown.chunkStart ?? 0));
    return chunkRecord.key.candidates({ collection, chunkId }).map((key) => ({ index: n, chunkId, key }));
  });
  const replies = await database.pipeline<(string | null)[]>(
    places.map(({ key }) => ['HMGET', key, 'text', 'metadata', 'node_id', 'generation']),
  );
  const chunks: (StoredChunk & { readonly index: number })[] = [];
  let isOther = false;
  for (const [at, [text, metadata, nodeId, generation]] of replies.entries()) {
    const { index, chunkId } = places[at] as (typeof places)[number]; // one reply for each
    if (shown.generation !== undefined && Number(generation ?? 0) !== shown.generation) isOther = true;
    // Not at this key, or removed by hand, which doctor reports; or given from its raw key already.
    if (typeof text !== 'string' || chunkId === chunks.at(-1)?.chunkId) continue;
    chunks.push({ index, chunkId, nodeId: nodeId ?? '', text, metadata: parseMetadata(metadata ?? '{}') });
  }
  return { chunks, isOther };
}

/** The vectors of so many chunks by the hash of what was embedded; those that could not be stored again are left out. */
export async function readEmbeddings(
  database: Database,
  { manifest }: Pick<Collection, 'manifest'>,
  {
    chunkCount,
    keyPrefix,
    chunkStart = 0,
  }: { readonly chunkCount: number; readonly keyPrefix: string; readonly chunkStart?: number | undefined },
): Promise<Map<string, Float32Array>> {
  const vectors = new Map<string, Float32Array>();
  for (const numbers of pagesOf(chunkCount)) {
    const replies = await database.pipeline<(Buffer | null)[]>(
      numbers.map((n) => ['HMGET', `${keyPrefix}${n + chunkStart}`, 'input_hash', embeddingField(manifest)]),
      { buffers: true },
    );
    for (const [inputHash, embedding] of replies) {
      const vector = decodeVector(manifest, embedding ?? undefined);
      if (!inputHash || vector?.length !== manifest.dimensions) continue;
      if (hasDirection(vector)) vectors.set(inputHash.toString(), vector);
    }
  }
  return vectors;
}

/** Which chunks of a document, by their numbers. */
interface Range {
  readonly from?: number;
  readonly to?: number;
}

/** The numbers of a document's chunks, some at a time. */
function* pagesOf(chunkCount: number, { from = 0, to = chunkCount }: Range = {}): Generator<number[]> {
  const end = Math.min(to, chunkCount);
  for (let at = from; at < end; at += CHUNKS_PER_READ) {
    yield Array.from({ length: Math.min(end - at, CHUNKS_PER_READ) }, (_, index) => at + index);
  }
}
