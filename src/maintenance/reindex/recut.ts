import type { Embedder } from '../../embed/embedder.ts';
import { StackloreError } from '../../errors.ts';
import { type CuttableText, cutIntoChunks, type HashedChunk } from '../../ingest/cut-document.ts';
import { rebuildDocument } from '../../ingest/rebuild-document.ts';
import { rereadSource } from '../../ingest/reread-source.ts';
import { type ChunkerSettings, RESERVED_METADATA } from '../../schema/knowledge.ts';
import type { StoredChunk, StoredDocument } from '../../stores/knowledge/document.ts';
import type { Documents } from '../../stores/knowledge/documents.ts';
import { nodePrefixOf } from '../../stores/knowledge/publish.ts';
import type { StagingWay } from '../../stores/knowledge/staged-chunks.ts';
import type { ReindexRequest } from './request.ts';

/** A document cut in another way, and where its text came from. */
export interface Recut {
  readonly way: Exclude<StagingWay, 'kept'>;
  readonly chunks: readonly HashedChunk[];
}

export interface RecutOptions extends Pick<ReindexRequest, 'base' | 'maxChunks'> {
  readonly chunker: ChunkerSettings;
  readonly embedder: Pick<Embedder, 'tokenizer' | 'model'>;
  /** Whether sources may be read. */
  readonly canRead: boolean;
}

/**
 * Cuts a stored document in another way: read from its file where that is the same still, else made again of its chunks.
 * `undefined` where neither is possible (chunks given one by one by a program, or not all there), or it would have too many.
 */
export async function recutDocument(
  documents: Pick<Documents, 'chunks'>,
  document: StoredDocument,
  { chunker, embedder, canRead, base, maxChunks }: RecutOptions,
): Promise<Recut | undefined> {
  const read = canRead ? await rereadText(document, base) : undefined;
  const text = read ?? (await rebuild(documents, document));
  if (!text) return undefined;
  try {
    const chunks = await cutIntoChunks(text.document, { chunker, embedder, maxChunks });
    return chunks.length === 0 ? undefined : { way: text.way, chunks };
  } catch (error) {
    if (error instanceof StackloreError && error.code === 'too_large') return undefined;
    throw error;
  }
}

interface FoundText {
  readonly way: Recut['way'];
  readonly document: CuttableText;
}

/** The text of a document as its file has it, if that is what was ingested. Rows need no file: their text tells all. */
async function rereadText(
  document: StoredDocument,
  base: string | undefined,
): Promise<FoundText | undefined> {
  const { origin, container, contentType, title, hash } = document;
  if (origin !== 'file' || container !== undefined) return undefined;
  const isText = (TEXT_TYPES as readonly string[]).includes(contentType);
  const parse = isText ? { contentType: contentType as (typeof TEXT_TYPES)[number] } : {};
  try {
    const read = await rereadSource(document, { parse, ...(base !== undefined && { read: { base } }) });
    if ('vanished' in read || read.hash !== hash) return undefined;
    return { way: 'source', document: { title, text: read.text, blocks: read.blocks } };
  } catch (error) {
    // Whatever keeps it from being read: the chunks hold the text, too.
    if (error instanceof StackloreError) return undefined;
    throw error;
  }
}

const TEXT_TYPES = ['markdown', 'text', 'html', 'code'] as const;

async function rebuild(
  documents: Pick<Documents, 'chunks'>,
  document: StoredDocument,
): Promise<FoundText | undefined> {
  const stored = await readOwnChunks(documents, document);
  const rebuilt = stored && rebuildDocument(document, stored);
  return rebuilt && { way: rebuilt.isExact ? 'chunks' : 'chunks-inexact', document: rebuilt };
}

/** All chunks of a document, if they are cut of its text as ingest does: without ids and metadata of their own. */
async function readOwnChunks(
  documents: Pick<Documents, 'chunks'>,
  document: StoredDocument,
): Promise<StoredChunk[] | undefined> {
  const { docId, collection = 'default', chunkCount, metadata = {} } = document;
  const nodePrefix = nodePrefixOf(collection, docId);
  const known = new Set<string>([...RESERVED_METADATA, ...Object.keys(metadata)]);
  const chunks: StoredChunk[] = [];
  for await (const chunk of documents.chunks(document)) {
    const isOwn = chunk.nodeId === `${nodePrefix}-${chunks.length}`;
    if (!isOwn || Object.keys(chunk.metadata).some((name) => !known.has(name))) return undefined;
    chunks.push(chunk);
  }
  return chunks.length === chunkCount ? chunks : undefined;
}
