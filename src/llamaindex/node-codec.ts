import { createHash } from 'node:crypto';
import { type BaseNode, MetadataMode, NodeRelationship, ObjectType, TextNode } from '@llamaindex/core/schema';
import { StackloreError } from '../errors.ts';
import type { SearchHit } from '../search/search.ts';
import type { NewChunk, NewDocument } from '../stores/knowledge/document.ts';

/** A document with everything that publishing it takes. */
export interface PublishableDocument {
  readonly document: NewDocument;
  readonly chunks: readonly NewChunk[];
  readonly embeddings: readonly Float32Array[];
}

/** Keeps the document's id as LlamaIndex knows it where it had to be stored under another. */
const REF_DOC_ID = 'ref_doc_id';
/** Metadata that a node has elsewhere, or that is of no use to a language model. */
const HIDDEN_KEYS = [REF_DOC_ID, 'chunk_index', 'start', 'end'];

/** The nodes of one document as stacklore publishes them; text, metadata and ids of each node are kept. */
export function toDocument(
  { docId, refDocId }: { readonly docId: string; readonly refDocId: string },
  nodes: readonly BaseNode[],
): PublishableDocument {
  const metadata = nodes[0]?.metadata ?? {};
  const source = firstText(metadata, ['source', 'file_path', 'url']) ?? refDocId;
  const texts = nodes.map((node) => node.getContent(MetadataMode.NONE));
  const hash = createHash('sha256');
  for (const text of texts) hash.update(text);
  return {
    document: {
      docId,
      source,
      title: firstText(metadata, ['title', 'file_name']) ?? source,
      contentType: 'text',
      wordCount: texts.reduce((words, text) => words + (text.match(/\S+/g)?.length ?? 0), 0),
      hash: hash.digest('hex'),
      ...(docId !== refDocId && { metadata: { [REF_DOC_ID]: refDocId } }),
    },
    chunks: nodes.map((node, index) => toChunk(node, texts[index] ?? '')),
    embeddings: nodes.map((node) => Float32Array.from(node.getEmbedding())),
  };
}

/** A hit as a node that LlamaIndex can rank, show and trace to its document. */
export function fromHit({ nodeId, docId, text, start, end, metadata }: SearchHit): TextNode {
  const { [REF_DOC_ID]: refDocId } = metadata;
  const own = Object.fromEntries(Object.entries(metadata).filter(([key]) => !HIDDEN_KEYS.includes(key)));
  const sourceId = typeof refDocId === 'string' ? refDocId : docId;
  return new TextNode({
    id_: nodeId,
    text,
    metadata: own,
    startCharIdx: start,
    endCharIdx: end,
    relationships: {
      [NodeRelationship.SOURCE]: { nodeId: sourceId, nodeType: ObjectType.DOCUMENT, metadata: {} },
    },
  });
}

function toChunk(node: BaseNode, text: string): NewChunk {
  const { startCharIdx: start, endCharIdx: end } = node as Partial<TextNode>;
  const { page, headings } = node.metadata;
  return {
    text,
    nodeId: node.id_,
    metadata: plainMetadata(node),
    ...(start !== undefined && end !== undefined && { start, end }),
    ...(Number.isSafeInteger(page) && { page }),
    ...(Array.isArray(headings) && { headings: headings.map(String) }),
  };
}

/** Metadata as JSON keeps it: what cannot be stored is refused here, by name, and not found missing later. */
function plainMetadata({ id_, metadata }: BaseNode): Record<string, unknown> {
  try {
    // JSON of an object is an object.
    return JSON.parse(JSON.stringify(metadata)) as Record<string, unknown>;
  } catch (cause) {
    throw new StackloreError('invalid_input', {
      message: `The metadata of node "${id_}" cannot be written as JSON. Keep to text, numbers, booleans and lists.`,
      cause,
    });
  }
}

function firstText(metadata: Readonly<Record<string, unknown>>, keys: readonly string[]): string | undefined {
  const values = keys.map((key) => metadata[key]);
  return values.find((value): value is string => typeof value === 'string' && value.trim() !== '');
}
