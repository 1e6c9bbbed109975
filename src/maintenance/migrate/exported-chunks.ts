import type { Database } from '../../redis/databases.ts';
import { chunkRecord } from '../../schema/knowledge.ts';
import { parseMetadata } from '../../stores/knowledge/chunk-metadata.ts';
import type { Collection } from '../../stores/knowledge/collections.ts';
import type { StoredDocument } from '../../stores/knowledge/document.ts';
import { chunkIdOf } from '../../stores/knowledge/document-ids.ts';
import type { Documents } from '../../stores/knowledge/documents.ts';
import type { ExportedChunk } from './layout.ts';
import { throwIfStopped } from './place.ts';

export interface ExportSource {
  readonly knowledge: Database;
  readonly documents: Documents;
  readonly collection: Collection;
}

/** Chunks of one round trip: half a megabyte or so with their vectors. */
const CHUNKS_PER_READ = 200;

/** The chunks of a collection with their vectors, document by document, a page at a time. */
export async function* exportedChunks(
  { knowledge, documents, collection }: ExportSource,
  { signal }: { signal?: AbortSignal | undefined },
): AsyncGenerator<ExportedChunk[]> {
  for await (const document of documents.all(collection.name)) {
    for (let from = 0; from < document.chunkCount; from += CHUNKS_PER_READ) {
      throwIfStopped(signal);
      const to = Math.min(document.chunkCount, from + CHUNKS_PER_READ);
      yield await readChunks(knowledge, { collection, document, from, to });
    }
  }
}

async function readChunks(
  knowledge: Database,
  {
    collection,
    document,
    from,
    to,
  }: { collection: Collection; document: StoredDocument; from: number; to: number },
): Promise<ExportedChunk[]> {
  const { docId, title, source, contentType } = document;
  const places = Array.from({ length: to - from }, (_, at) => chunkIdOf(docId, from + at)).flatMap(
    (chunkId) =>
      chunkRecord.key.candidates({ collection: collection.name, chunkId }).map((key) => ({ chunkId, key })),
  );
  const replies = await knowledge.pipeline<(Buffer | null)[]>(
    places.map(({ key }) => ['HMGET', key, 'text', 'metadata', 'node_id', 'embedding']),
    { buffers: true },
  );
  return replies.flatMap(([text, metadata, nodeId, embedding], at) => {
    const chunkId = places[at]?.chunkId ?? '';
    // Not at this key, or removed by hand.
    if (!text || !embedding) return [];
    return {
      ...{ chunkId, docId, title, source, contentType, embedding },
      nodeId: nodeId?.toString() ?? chunkId,
      text: text.toString(),
      metadata: parseMetadata(metadata?.toString() ?? '{}'),
      model: collection.manifest.model?.name,
    };
  });
}
