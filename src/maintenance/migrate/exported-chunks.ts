import type { Database } from '../../redis/databases.ts';
import { chunkRecord } from '../../schema/knowledge.ts';
import { parseMetadata } from '../../stores/knowledge/chunk-metadata.ts';
import type { Collection } from '../../stores/knowledge/collections.ts';
import type { StoredDocument } from '../../stores/knowledge/document.ts';
import { chunkIdOf } from '../../stores/knowledge/document-ids.ts';
import type { Documents } from '../../stores/knowledge/documents.ts';
import { embeddingField } from '../../stores/knowledge/index-fields.ts';
import { decodeVector } from '../../stores/knowledge/stored-vectors.ts';
import type { ExportedChunk } from './layout.ts';
import { throwIfStopped } from './progress.ts';

export interface ExportSource {
  readonly knowledge: Database;
  readonly documents: Documents;
  readonly collection: Collection;
}

/** Chunks of one round trip: half a megabyte or so with their vectors. */
const CHUNKS_PER_READ = 200;

interface Place {
  readonly document: StoredDocument;
  readonly chunkId: string;
}

interface Listening {
  readonly signal?: AbortSignal | undefined;
  /** Told of a chunk that is stored under its raw and its escaped key: the raw one is given. */
  readonly onCopy: () => void;
}

/** The chunks of a collection with their vectors, document by document, a page at a time. */
export async function* exportedChunks(
  source: ExportSource,
  listening: Listening,
): AsyncGenerator<ExportedChunk[]> {
  const { documents, collection } = source;
  const { signal } = listening;
  let places: Place[] = [];
  for await (const document of documents.all(collection.name)) {
    for (let n = 0; n < document.chunkCount; n += 1) {
      places.push({ document, chunkId: chunkIdOf(document.docId, n + (document.chunkStart ?? 0)) });
      if (places.length < CHUNKS_PER_READ) continue;
      throwIfStopped(signal);
      yield await readChunks(source, places, listening);
      places = [];
    }
  }
  throwIfStopped(signal);
  if (places.length > 0) yield await readChunks(source, places, listening);
}

async function readChunks(
  { knowledge, collection }: ExportSource,
  places: readonly Place[],
  { onCopy }: Listening,
): Promise<ExportedChunk[]> {
  const candidates = places.flatMap((place) => {
    const ids = { collection: collection.name, chunkId: place.chunkId };
    return chunkRecord.key.candidates(ids).map((key) => ({ ...place, key }));
  });
  const vectorField = embeddingField(collection.manifest);
  const replies = await knowledge.pipeline<(Buffer | null)[]>(
    candidates.map(({ key }) => ['HMGET', key, 'text', 'metadata', 'node_id', vectorField]),
    { buffers: true },
  );
  const chunks: ExportedChunk[] = [];
  for (const [at, { document, chunkId }] of candidates.entries()) {
    const [text, metadata, nodeId, embedding] = replies[at] ?? [];
    // Not at this key, or removed by hand.
    const vector = decodeVector(collection.manifest, embedding ?? undefined);
    if (!text || !vector) continue;
    if (chunks.at(-1)?.chunkId === chunkId) {
      onCopy();
      continue;
    }
    const { docId, title, source, contentType } = document;
    chunks.push({
      ...{ chunkId, docId, title, source, contentType, embedding: bytesOf(vector) },
      nodeId: nodeId?.toString() ?? chunkId,
      text: text.toString(),
      metadata: parseMetadata(metadata?.toString() ?? '{}'),
      model: collection.manifest.model?.name,
    });
  }
  return chunks;
}

/** A vector as other tools have it, little-endian float32. */
function bytesOf({ buffer, byteOffset, byteLength }: Float32Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}
