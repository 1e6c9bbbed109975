import { createHash } from 'node:crypto';
import type { BaseNode } from '@llamaindex/core/schema';
import { StackloreError } from '../errors.ts';
import type { NewChunk, NewDocument, StoredChunk, StoredDocument } from '../stores/knowledge/document.ts';
import { fromChunk, inputHashOf, toChunk } from './node-codec.ts';

/** A document with everything that publishing it takes. */
export interface PublishableDocument {
  readonly document: NewDocument;
  readonly chunks: readonly NewChunk[];
  readonly embeddings: readonly Float32Array[];
}

/** What is stored of a document, with the vectors by `inputHashOf` each node. */
export interface StoredNodes {
  readonly document: StoredDocument;
  readonly chunks: readonly StoredChunk[];
  readonly embeddings: ReadonlyMap<string, Float32Array>;
}

/** Nodes by the document they were cut from; a node without one is a document of its own. */
export function groupByDocument(nodes: readonly BaseNode[]): Map<string, BaseNode[]> {
  const groups = new Map<string, BaseNode[]>();
  for (const node of nodes) {
    const refDocId = node.sourceNode?.nodeId ?? node.id_;
    const group = groups.get(refDocId);
    if (group) group.push(node);
    else groups.set(refDocId, [node]);
  }
  return groups;
}

/** The nodes of one document as stacklore publishes them. */
export function toDocument(
  { docId, refDocId }: { readonly docId: string; readonly refDocId: string },
  nodes: readonly BaseNode[],
): PublishableDocument {
  const metadata = nodes[0]?.metadata ?? {};
  const source = firstText(metadata, ['source', 'file_path', 'url']) ?? refDocId;
  const chunks = nodes.map(toChunk);
  const hash = createHash('sha256');
  for (const { text } of chunks) hash.update(text);
  return {
    document: {
      ...{ docId, source, contentType: 'text', origin: 'program', hash: hash.digest('hex') },
      title: firstText(metadata, ['title', 'file_name']) ?? source,
      wordCount: chunks.reduce((words, { text }) => words + (text.match(/\S+/g)?.length ?? 0), 0),
    },
    chunks,
    embeddings: nodes.map(embeddingOf),
  };
}

/**
 * All nodes of a document after some were added: those of another version give way, those of the same one stay, unless
 * they have the id of an added node or, from a run before, its text and place. Throws `already_exists` for a document
 * whose chunks LlamaIndex did not make.
 */
export function withStored(
  added: readonly BaseNode[],
  { document, chunks, embeddings }: StoredNodes,
): readonly BaseNode[] {
  const stored = chunks.map((chunk) => fromChunk(chunk) ?? refuseForeign(document));
  const version = added[0]?.sourceNode?.hash;
  if (stored.some(({ sourceNode }) => sourceNode?.hash !== version)) return added;
  const ids = new Set(added.map(({ id_ }) => id_));
  const places = new Set(added.map(placeOf));
  const kept = stored.filter((node) => !ids.has(node.id_) && !places.has(placeOf(node)));
  for (const node of kept) {
    const embedding = embeddings.get(inputHashOf(node));
    if (!embedding) throw vectorless(node);
    node.embedding = Array.from(embedding);
  }
  return [...kept, ...added].sort((a, b) => startOf(a) - startOf(b));
}

/** Its chunks are all of the document; a few nodes in their place would lose the rest. */
function refuseForeign({ docId, source }: StoredDocument): never {
  throw new StackloreError('already_exists', {
    message: `Document "${docId}" was ingested by stacklore from "${source.slice(0, 200)}", so nodes cannot be added to it. Give their source node another id, or delete the document first.`,
  });
}

/** Where a node's text stands; of nodes that do not tell, nothing that could be another's. */
function placeOf(node: BaseNode): string {
  const { text, endCharIdx } = node as BaseNode & { text?: string; endCharIdx?: number };
  return endCharIdx === undefined ? `id ${node.id_}` : `${startOf(node)} ${text}`;
}

/** Nodes without a place compare as equal, and keep the order they came in. */
function startOf(node: BaseNode): number {
  return (node as { startCharIdx?: number }).startCharIdx ?? 0;
}

/** A node's vector. Throws `invalid_input` when nothing has embedded it. */
export function embeddingOf(node: BaseNode): Float32Array {
  if (node.embedding) return Float32Array.from(node.embedding);
  throw new StackloreError('invalid_input', {
    message: `Node "${node.id_}" has no embedding. Add nodes through a VectorStoreIndex, or put the embed model last into the pipeline's transformations.`,
  });
}

function vectorless({ id_ }: BaseNode): StackloreError {
  return new StackloreError('record_invalid', {
    message: `The stored node "${id_}" has lost its vector, so nothing can be added beside it. Delete its document, and add all of its nodes.`,
  });
}

function firstText(metadata: Readonly<Record<string, unknown>>, keys: readonly string[]): string | undefined {
  const values = keys.map((key) => metadata[key]);
  return values.find((value): value is string => typeof value === 'string' && value.trim() !== '');
}
